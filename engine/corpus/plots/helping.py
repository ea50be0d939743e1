"""Plots about putting things right together: a mistake, hard work, a new friend.

One beat per line, however long: see `engine.corpus.plot`. A and B are friends, C is a third; X matters most.
"""

# ruff: noqa: E501
from __future__ import annotations

TEXT = """
plot a mistake: X=tool wear gem, Y=toy wear
= open A
= friend A B
own B X: {B.name} had {X.a}. "[Please do not touch my {X.n}|Nobody may use my {X.n}|Never play with my {X.n}]," {B.he} [always said|had said].
= own A Y
put B X S: One @time {B.name} [went out and left|was away, and had left|forgot and left] {X} {S.at}.
take A X: {A.name} [could not help it|was too curious|only wanted a look]. {A.he} [took|picked up|lifted] {X} [|, very quietly|with both hands].
? = put A Y U
either
 = go A P
 = put A X P
 : [Then the rain came, and {A.name} ran home without {X}|{A.name} ran home and forgot {X}|A loud noise made {A.him} run away, and {X} stayed behind].
 : [When {B.name} came back|That evening|Later that day], {B.name} [saw that {X} was gone|could not find {X}|looked for {X} in vain]. {B.name} was @sad.
 : {A.name} [felt awful|felt hot and cold|did not know what to do]. "[I took {X}|I had {X}|It was me], {B.name}," {A.name} said [at last|in the end|softly]. "I am [sorry|so sorry|very sorry], {B.name}."
 either
  go B P; take B X: {B.name} [ran|went|hurried] to {P}. [There it was, a little wet|It was still there]. {B.he} took {X} and [wiped it dry|smiled again].
 or
  : "Thank you for telling [me|the truth], {A.name}," said {B.name}. "[Let {X} be|Everybody makes mistakes, {A.name}|We will fetch {X} tomorrow]."
 end
or
 = act A home
 give A X C: {C.name}, a @good {C.kind}, came by, and {A.name} [gave|lent|handed] {X} to {C.him}, [though it was not for {A.him} to give|as if it were {A.his} own].
 : {B.name} came home and [cried|asked], "[Where is my {X.n}|Who took my {X.n}]?" {A.name} [turned red|looked away|said nothing|held on to {Y}].
 : "I [took {X}|gave {X} away|gave {X} to {C.name}], {B.name}, and I am sorry," said {A.name}[| in a small voice].
 either
  give C X B: [Luckily|Then] {C.name} came back and gave {X} to {B.name}.
 or
  : {B.name} was cross at first. But {C.name} promised to take good care of {X}.
 or
  = put C X Q
  : "[{X} is not broken|{X} is quite safe]," {C.name} said. "[You can get it any time|It will be there in the morning], {B.name}."
 end
end
either
 take B Y: [To be even|Just for fun|With a wink], {B.name} took {Y}. "[Now I borrow something of yours|Now it is my turn], {A.name}," {B.he} said.
or
end
? : ["{rule}," said {A.name}, and {B.name} nodded|"Let us be friends again," said {A.name}, and {B.name} was glad|{A.name} never forgot it: {rule}].
= part B A

plot helping: X=tool, Y=food gem
= open A
own A X: {A} had {X.a} and [liked to help|helped wherever {A.he} could|was good at mending things].
: [One @sky @time|That @time], {A} met {B.name}, [a @good {B.kind}|the {B.kind} from next door]. {B.name} was @sad.
own B Y: "[I have so much to do|I cannot do it alone|Everything is broken today]," said {B.name}. [All {B.he} had was|{B.he} held|In {B.his} arms was] {Y.a}.
: "[I can help you|Let me help|I will help you], {B.name}," said {A.name}. "[{rule}|Two can do more than one|That is what friends are for]."
either
 = go A P
 = put B Y Q
 ? = act A out
or
 = put B Y Q
 act A home: @then{A} {deed}, and the work went faster.
or
 = act B any
 = put B Y Q
 act A any: @then{A.name} {deed}, and the work seemed lighter.
or
 = put B Y Q
 act B home: {B.name} {deed}, and {A.name} did the rest.
end
either
 give A X B: [{B.name} needed a good {X.n}|The last part was hard], so {A.name} gave {X} to {B.him}.
 either
  = put B X R
 or
  = act B out
 end
or
 = put A X R
 ? = act A any
 = take B X R
or
 = put A X R
 act B any: When all was done, {B.name} {deed}.
end
either
 take B Y Q; give B Y A: {B.name} [got|took] {Y} {Q.away}. "[This is for you|You have earned it]," {B.he} said, and gave {Y} to {A.name}.
or
 take C Y Q: {C.name} came [by|along] and took {Y} {Q.away}. "[Nicely done|Good work], {A.name}," {C.he} [said|called].
or
 : {B.name} [said|asked|sighed], "[How can I thank you|What would I do without you], {A.name}?" {A.name} only [smiled|laughed|nodded].
end
= part A B

plot building: X=tool, Y=tool wear, Z=food toy
= open A
: {A.name} wanted to build [a tiny house|a little raft|a tree house|a home for the birds|a stage] [{P.at}|{Q.at}|{R.at}], and {A.he} [had a plan|could not wait|thought of nothing else].
= own A X
= bring B Y
either
 : "[Let me help you|I am good at building|I want to build too], {A.name}," said {B.name}. "[Yes, please|Of course|That would be nice|Two are better than one]," [said {A.name}|{A.name} said].
or
 : {B.name} said, "{song}." [So they worked together|And so they built it together].
end
= put A X P
? = act A out
either
 = take B X P
 = put B Y Q
 ? = act B out
or
 = give B Y A
 = put A Y Q
 ? = act A any
or
 = take B X P
 give B X C: {C.name} [had come to help|wanted to help too], so {B.name} gave {X} to {C.him}.
 = put B Y Q
or
 = take A X P
 = give A X B
 = put B X R
end
? : [The work was slow|The first part fell over|It was crooked at first|{A.name} was tired], but [{A.name} did not stop, and neither did {B.name}|{A.name} and {B.name} laughed and tried again|{B.name} helped {A.name} to try again]. [|"{song}," said {B.name}.]
either
 own C Z; put C Z S: {C.name} brought {Z.a} for them and [put|left|set] it {S.at}.
 either
  = take A Z S
 or
 end
or
 = bring C Z
 = give C Z B
or
end
: [At last {A.name} and {B.name} were done|In the evening {A.name} put down the last piece|And then {B.name} cried that it was finished|{A.name} stepped back to look]. [It was not very straight|It was small|It was a bit crooked|Nothing was straight], but [{A.name} loved it|{B.name} thought it was perfect|{A.name} and {B.name} loved it|{B.name} liked it that way].
= part B A

plot a stranger: X=wear gem, Y=food tool
= open A
own A X: {A} had [one fine thing, {X.a}|{X.a} that was dear to {A.him}].
own B Y: [There was also {B.name}|Then there was {B.name}|In the same village was {B.name}], a @good {B.kind}, who had [only {Y.a}|{Y.a} and no friend|nothing but {Y.a}].
: [Nobody knew {B.name}|{B.name} was new there|{B.name} had come from far away], [and nobody spoke to {B.him}|and {B.he} was all alone|so {B.he} had no friends yet].
= go A P
: There stood {B.name}, [cold and alone|looking lost|with wet feet]. "[Hello, I am {A.name}|My name is {A.name}]," said {A.name}. "[And who are you|Are you lost|Why are you sad]?"
: "[I am {B.name}|They call me {B.name}|{B.name} is my name|My friends call me {B.name}]," [said the {B.kind}|came the answer|the {B.kind} said softly]. "[I am a little lost|I miss my old home|I know nobody here]."
either
 = give A X B
 ? = act A any
 either
  = put B X S
 or
  : It [fitted|looked] just right. {B.name} [smiled for the first time|could not stop smiling].
 or
  = give B X C
 end
or
 = put A X Q
 : "[Come and sit with me|Let me show you around], {B.name}," said {A.name}. "{rule}."
 ? = act B any
 either
  = take B X Q
 or
  = take C X Q
 or
 end
end
either
 = give B Y A
 ? = act B any
or
 = put B Y R
 ? = act A out
 either
  = take C Y R
 or
 end
or
 = give B Y C
 = put C Y S
end
: [By evening|Before the day was over|When the sun was low], {B.name} [knew {A.name} and {C.name}|had two new friends, {A.name} and {C.name}|was not alone any more].
= part A B
"""
