"""Plots about wanting and giving: a wish, a meal, a birthday, a bargain.

One beat per line, however long: see `engine.corpus.plot`. A and B are friends, C is a third; X matters most.
"""

# ruff: noqa: E501
from __future__ import annotations

TEXT = """
plot a wish: X=toy wear gem, Y=food gem
= open A
: {A.name} had [one wish|one big wish|a small wish|a secret wish]. [More than anything, {A.name} wanted {X.an}|{A.name} dreamed of {X.an} every night|{A.name} wished for {X.an} with all {A.his} heart|{A.he} wanted {X.an}, just {X.an}].
= friend A B
= own B X
= own A Y
either
 : "[I wish I had {X.an} too|I wish for {X.an}|How lovely your {X.n} is]," [said {A.name}|{A} said].
or
 : [Every night|Each night|Night after night] {A.name} [looked at the stars|thought of {X}|looked over to {P}] and [said|sang|hummed], "{song}."
end
act A any: [The next day|In the morning|One day], {A.name} {deed} and thought of [{X}|{B.name} and {X}|{B.names} {X.n}].
either
 = go A Q
 ? : [It was still {Q.at}|Nobody was {Q.at}], and {A.name} [felt small|sighed|thought of {X}].
or
end
put A Y S: @then{A} [put|left|set] {Y} {S.at} [and made a wish|, as a gift for the fairies|, for luck].
either
 = put B X P
 : {B.name} had [heard of|guessed|seen] {A.names} wish, [but said nothing|and smiled at {A.name}|and made a plan for {A.name}].
 = take B X P
 give B X A: "[Close your eyes and hold out your hands|I have something for you|Wishes come true], {A.name}," said {B.name}, and gave {A.him} {X}.
or
 : Then {C.name}, a @good {C.kind}, came [along|by|to visit].
 = give B X C
 give C X A: But {C.name} [did not keep it|knew about the wish|was kind too] and [gave|handed|passed] {X} to {A.name}.
or
 = put B X U
 : "[You may take it whenever you like|It is for both of us now|We can share it], {A.name}," said {B.name}.
end
either
 take C Y S: [And {Y}? It was {C.name} who|Then {C.name}|Later, {C.name}|In the end {C.name}] [found|saw] {Y} {S.at} and took it[| home|, because nobody else did].
or
end
? : [{A.name} could hardly speak for joy|{A.names} eyes shone like stars|{A.name} was the happiest {A.kind} of all]. [|"{song}," said {B.name}.|"Thank you, {B.name}," {A.he} whispered.]
= part B A

plot sharing: X=food, Y=toy tool
= open A
= friend A B
own A X: One day, {A.names} [mother|aunt|grandmother|father] made {A.name} {X.a}. [{X} smelled wonderful|{X} looked so good|{A.name} was hungry|{A.name} could smell it|How good {X} looked]!
own B Y: {B.name} had no food, only {Y.a}[|, and {B.he} was very hungry|, and a rumbling tummy].
either
 = go A P
or
 put A X S: @then{A} [hid|put|set] {X} {S.at}. "[It is all mine|I want it for myself|It is only for me]," {A.he} [said|thought].
 ? = act A home
 = take A X S
end
: [{B.name} looked at {X}|{B.name} came closer|{B.name} swallowed|{B.name} was quiet for a while] and [asked|said softly|whispered], "[May I have a bite|May I taste it|Could we share it], {A.name}?"
either
 : {A.name} [shook {A.his} head|said no to {B.name}|did not want to share {X}]. [But then|But] {A.name} [remembered|thought of] [a saying|some wise words|an old saying|a rule]: "{rule}."
or
 : {A.name} [thought about it|looked at {X}|looked at {B.name}] [for a while|for a long time]. [It was hard to share {X}|It was not easy for {A.name}|It was such a good {X.n}|{B.name} waited].
end
either
 = give A X B
 = put B Y P
 : "[Thank you|How kind of you|That is kind], {A.name}," said {B.name}. "[Nothing tastes as good as a shared {X.n}|You must have half of it|It is the best {X.n} in the world]."
 either
  = put B X Q
 or
  = act B any
 or
  = give B X C
 end
or
 give A X B; give B Y A: "[Half for you, and half for me|You first, then me|We will share it]," said {A.name}, and gave {X} to {B.name}. So {B.name} gave {Y} to {A.name}.
 = put A Y Q
 ? = act A any
or
 put A X P: "[Let us wait for {C.name}|{C.name} should have some too]," said {A.name}. So {A.he} [put|set] {X} {P.at}.
 ? = act A any
 = take C X P
 = put B Y Q
end
? : [{rule}.|They ate, and they talked, and {C.name} told them about {R}.|{C.name} waved at them from far away.|{A.name} had never felt so @glad.]
= part A B

plot the gift: X=gem wear, Y=food
= open A
= friend A B
own A X: It was [{B.names} birthday|nearly {B.names} birthday|a special day for {B.name}], and {A} had {X.a} for {B.him}.
= bring C Y
either
 = put A X S
 ? = act A home
 : {B.name} [came in|looked in|walked by] and [asked|said], "[What are you hiding|Why do you smile like that], {A.name}?" [{A.name} said nothing|But {A.name} only smiled|"Nothing," {A.name} said quickly].
 = take A X S
 = put A X P
or
 give A X C: "[Please keep {X} for me|Please hide {X} until noon|You must help me hide {X}], {C.name}," [said|whispered] {A.name}, and gave {X} to {C.him}.
 ? = act A any
 either
  = put C X P
 or
  = give C X A
  = put A X P
 end
end
either
 = put C Y Q
or
 = give C Y B
 ? = act C any
or
 = give C Y A
 = put A Y U
end
? : [At noon|When the sun was high|When all was ready], {A.name} and {C.name} sang for {B.name}: "{song}."
either
 go B P; find B X P: "[Now go to {P}|Run to {P}|Your gift is {P.at}]," said {A.name}. {B.name} [ran|went] there, found {X}, and [jumped for joy|laughed out loud].
 either
  give B X C: "[Hold it for a moment|Feel how light it is], {C.name}," said {B.name}, and gave {C.him} {X}.
 or
 end
or
 : But {B.name} [was shy|blushed|shook {B.his} head]. "[I will open it tomorrow, {A.name}|Leave my gift a little longer, {A.name}]," {B.name} said, and [{C.name} laughed|{A.name} and {C.name} laughed|{A.name} had to laugh].
end
? : ["I like surprises, {A.name}," said {B.name}|"You are the best, {A.name} and {C.name}," said {B.name}|Nobody had ever been so kind to {B.name}].
? = part C B

plot a trade: X=toy gem, Y=food wear, Z=tool gem
= open A
= own A X
= friend A B
= own B Y
: [{A} looked at {Y}|{A.names} eyes grew wide|{A} could not stop looking at {Y}|{A} pointed at {Y}|{Y} was just what {A} wanted]. "[I like your {Y.n}|What a fine {Y.n}], {B.name}," {A.he} said. "[Shall we trade|Will you trade with me]?"
either
 give A X B; give B Y A: {B.name} [nodded|agreed|said yes]. So {A.name} gave {X} to {B.him}, and {B.name} gave {Y} to {A.name}.
 = put B X P
 = bring C Z
 give C Z A; give A Y C: Then came {C.name}. {C.name} gave {Z} to {A.name}, and {A.name} gave {Y} to {C.him}. "[{rule}|A fair trade]," they said.
 either
  = put A Z Q
 or
  = act A any
 or
  = give A Z B
 end
or
 : "[No, thank you|Not today|I would rather not]," said {B.name}. {A.name} was @sad, but [not for long|only a little].
 = put B Y P
 = bring C Z
 : "[I will trade with you|I like your {X.n}], {A.name}," said {C.name}.
 give A X C; give C Z A: So {A.name} gave {C.name} {X}, and {C.name} gave {A.him} {Z}.
 ? = act A any
 either
  = put C X Q
 or
  give A Z B: "[This one is for you|Take this one], {B.name}," said {A.name}, and gave {Z} to {B.name}.
 end
or
 : "[Let me think|I must think about it]," said {B.name}. {B.he} thought [long and hard|for an hour|until noon].
 give B Y A: [In the end|At last|Then] {B.name} gave {Y} to {A.name}. "[Take {Y} for nothing|I want nothing for {Y}|You may have {Y}]," {B.name} said. "{rule}."
 = put A X Q
 = bring C Z
 ? = act A any
 = give A Y C
end
? : [{A.name} and {C.name} walked home|{A.name} went home with {C.name}|{A.name} thought about {X}, and {C.name} about {Y}]. [Was it a good trade for {A.name}?|Who had the best of it, {A.name} or {B.name}?] [Yes|Oh yes|Nobody could say|{A.name} did not mind], [and {B.name} was happy too|for {A.name} had made a friend|and {C.name} laughed about it].
= part A C
"""
