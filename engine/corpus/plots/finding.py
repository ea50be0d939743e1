"""Plots about looking for something: lost, hidden, borrowed, or without a home.

One beat per line, however long: see `engine.corpus.plot`. A and B are friends, C is a third; X matters most.
"""

# ruff: noqa: E501
from __future__ import annotations

TEXT = """
plot lost and found: X=toy wear gem, Y=tool toy
= open A
own A X: [{A} had {X.a}, and [there was nothing {A.he} liked more|{A.he} took it everywhere]|Of all {A.his} things, {A} loved {X.the} the most|{A} never went anywhere without {A.his} {X.full}].
= friend A B
= own B Y
either
 = go A P
 = put A X P
or
 = put A X P
end
act A out: @then{A} {deed}[, and forgot all about {X}| and thought no more of {X}|. {X} was forgotten].
either
 put B Y Q: [{B.name} was busy too|{B.name} came along], and [left|put|set] {Y} {Q.at}.
 either
  = act B out
 or
 end
or
 = give B Y A
 = put A Y Q
end
: [That evening|Later|When it was time to go home], {A.name} [cried|called], "[Where is my {X.n}|My {X.n} is gone|I have lost my {X.n}]!" [/||]
? : "[Do not worry|Do not cry|Dry your tears|Let us look for it], {A.name}," said {B.name}. "[We will find it|It cannot be far|{song}]."
either
 go A R: They looked [high and low|everywhere|for a long time]. {A.name} [ran|went|hurried] to {R}, but [there was no {X.n}|{X} was not there].
or
 : First {A.name} looked {Q.at}, but [there was no {X.n}|{X} was not there|{A.he} saw only leaves], and {B.name} [sighed|frowned|looked away].
end
either
 = find B X P
 give B X A: "[Here it is|I have it|Is this yours], {A.name}," [called|cried|said|laughed] {B.name}, and gave {A.him} {X}.
 : {A.name} [hugged|thanked|squeezed] {B.name} [and laughed|with all {A.his} might|again and again].
or
 = find A X P
 either
  = give A X B
 or
  : {A.name} held {X} tight, [and|while] {B.name} [laughed|clapped|cheered].
 end
or
 find C X P: But [it was|in the end it was] {C.name}, a @good {C.kind}, who [found|saw|spotted] {X} {P.at} and picked it up.
 : "{A.name}, I [would like to keep|want to hold on to|would love to borrow] {X} [until tomorrow|for one night|a little while]," {C.name} said[| shyly]. "[Of course|Yes, you may]," {A.name} said.
end
= part A B

plot hide the thing: X=toy gem tool, Y=wear food
= open A
: [{A.name} and {B.name} liked one game best|{A.name} often played a game with {B.name}|There was one game {B.name} loved]: [{A.name} hid {X.a}, and {B.name} [looked|searched]|one of them hid {X.a}, and the other one [looked|searched]].
own A X: [{A.name} had {X}|{A.name} held {X}|It was {A.name} who had {X}] [first|this time|now|today]. "[Close your eyes|No peeking|Turn around], {B.name}," {A.he} said.
= own B Y
? act B any: [{B.name} shut {B.his} eyes|{B.name} turned around]. {B.he} {deed} [to pass the time|while waiting].
either
 = put A X P
or
 = put A X P
 take A X P: "[Too easy|No, that is too easy]," {A.he} [thought|whispered], and took {X} [again|away].
 = put A X Q
or
 = go A R
 = put A X Q
end
= put B Y S
: "[Ready|You can look now|Come and search], {B.name}," [called|cried] {A.name}. "{song}."
either
 = go B R
 ? : "[Cold|Very cold|Cold as ice], {B.name}," [laughed|called] {A.name}.
or
 : {B.name} looked {R.at}, but [there was nothing|saw no {X.n}|found only dust].
 ? = act B out
end
either
 take B X: [At last|In the end|Then] {B.name} [saw {X}|gave a shout|saw where {X} was], and [{A.name} groaned|{A.name} laughed|{A.name} clapped]. {B.name} took {X} and [ran around|cheered|beamed].
 either
  = give B X C
 or
  = put B X U
 or
 end
or
 : {B.name} looked [and looked|until {B.his} feet hurt]. "I give up," {B.he} said. {A.name} [grinned|was @glad].
 either
  = act A any
 or
 end
or
 take C X: But {C.name}, a @good {C.kind} who had [watched|seen] {A.name} and {B.name}, [went and took {X}|took {X} first|reached out and took {X}]. "[I win, {A.name}|I found it, {B.name}|I beat you, {B.name}]," {C.he} [laughed|said].
end
either
 take C Y S: And {C.name} took {Y} {S.away}, [because {B.name} had left it there|for {C.he} was the next to play].
or
end
? : ["Let us play again, {A.name}," said {B.name}|"That was fun, {B.name}," said {A.name}|They played until they were tired, and {C.name} played too].
= part B A

plot the borrowed thing: X=tool toy, Y=gem food
= open B
own B X: {B} had {X.a} that [everyone liked|{A.name} liked too|was dear to {B.him}|everyone wanted|{A.name} would have loved to own].
: One @time {A.name}, a @good {A.kind}, [knocked|came by|stood outside]. "[May I borrow your {X.n}|Could you lend me your {X.n}|Would you lend me your {X.n} for a day|Is your {X.n} free today], {B.name}?"
give B X A: "[Yes, {A.name}, but remember|You may, {A.name}, but do not forget|Yes, but always remember, {A.name}]: {rule}," said {B.name}, [and gave {X} to {A.name}|and gave {A.name} {X}|who gave {X} to {A.name}].
= own B Y
? = act A out
either
 = put A X P
 ? : [Days went by|A week went by|The days were full], and {A.name} forgot about [{X}|{X} and {B.name}|{B.name} and {X}].
 = put B Y S
 : [One day|At last|Then one @sky @time] {B.name} [asked|came and said], "[Where is my {X.n}|Do you still need my {X.n}], {A.name}?" {A.name} [turned red and thought of {X}|gasped|was ashamed|looked at the ground|did not know what to say].
 either
  go A P; take A X: {A.name} ran to {P} and took {X}. [Luckily it was still there|It was dusty, but whole].
  = give A X B
 or
  : "[I left {X} {P.at}|{X} is {P.at}]," {A.name} said softly. "[I will bring it tomorrow|I am sorry|I forgot your words], {B.name}: {rule}."
 end
or
 = give A X C
 ? = act C any
 = put B Y S
 : [One day|At last|Then one @sky @time] {B.name} [asked|came and said], "[Where is my {X.n}|Do you still need my {X.n}], {A.name}?" {A.name} [turned red and thought of {X}|gasped|was ashamed|looked at the ground|did not know what to say].
 either
  = give C X B
 or
  = put C X R
 or
  : "[{C.name} borrowed it from me|I lent it to {C.name}]," {A.name} said. [|"I should have asked you."]
 end
or
 = act A home
 = give A X B
 = give B Y A
 = put B X Q
end
? : "[I will do better|Next time I will remember], {B.name}," said {A.name}. "{rule}."
= part A B

plot the animal: X=food, Y=toy wear
= open A
own A X: [One @time|That day], {A} had {X.a} for [lunch|the way|later] and [was hungry|could not wait to eat it].
= own B Y
: [On the way|Just then], {A.name} and {B.name} heard a [small voice|soft sound|faint cry] {P.at}. [There sat|{A.name} saw|{B.name} pointed at|It was] [a lost puppy|a small kitten|a baby goat|a little lamb|a hungry pony][|, and {A.name} stopped|, and {B.name} went closer].
? : "[Poor thing|It is hungry|It must be lost|What shall we do]," said {B.name}. "[{rule}|We must help it|Let us be gentle]."
either
 put A X P: {A.name} [put|set|laid] {X} {P.at} and [stepped back to {B.name}|waited with {B.name}]. [The little one sniffed at {X}, but would not eat|But it was too shy to come near {A.name}|The little one looked at {X}, then at {B.name}, and hid].
 ? = act A any
 either
  = take B X P
  : [This time|Now] it came closer and [licked {B.names} hand|ate a little from {B.names} hand].
 or
  : [It came closer to {A.name}|At last it dared to come up to {B.name}|It looked at {A.name}] and took a [tiny|small] bite of {X}. [{B.name} smiled|{A.name} held still|{B.name} did not move].
 end
or
 = give A X B
 act B any: [The little one was afraid of {B.name}|It hid from {A.name} and {B.name}|But it would not come to {B.name}|{B.name} moved slowly]. [So|Then] {B.name} {deed}, [and it came nearer|and it was afraid no more|and it came up to {A.name}].
 either
  = put B X Q
 or
  = give B X C
 end
end
either
 = put B Y R
 ? = act B out
or
 = give B Y A
 = put A Y S
or
 = give B Y A
 ? = act A out
end
: ["I wonder where it came from," {B.name} said to {A.name}|{A.name} looked around, and so did {B.name}|{B.name} held the little one while {A.name} looked around]. {A.name} asked {C.name}, a @good {C.kind} who [knew every animal|lived nearby|had just come by].
: "[It is mine|It lives with me|I looked for it all day]," said {C.name}. "[Thank you, {A.name}|You are kind, {B.name}|It likes you, {A.name}]."
either
 go C Q: {C.name} [took it in {C.his} arms and|] went to {Q} [with it|, and the little one ran ahead].
or
 : From then on, {A.name} and {B.name} [came to see the little one|visited the little one|went to see it] every [day|week|morning].
end
= part B A
"""
