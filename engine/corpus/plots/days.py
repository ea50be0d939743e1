"""Plots about days to remember: a storm, a journey, a race, and a night without sleep.

One beat per line, however long: see `engine.corpus.plot`. A and B are friends, C is a third; X matters most.
"""

# ruff: noqa: E501
from __future__ import annotations

TEXT = """
plot the storm: X=toy wear, Y=tool food
= open A
= friend A B
own A X: {A.name} was [playing with|out with|showing {B.name}] {X.a} [{P.at}|that @time|when it happened].
= own B Y
: [The sky turned black|Dark clouds rolled over {P}|Thunder growled far away|The wind grew wild around {Q}|A dark cloud stood over {R}]. "[A storm is coming|We must hurry|Look at the sky], {A.name}," [called|cried|said] {B.name}.
either
 put A X Q: {A} [threw|pushed|shoved] {X} [down|away], [and it lay|so that it lay] {Q.at}. [There was no time to lose|{B.name} took {A.names} hand|{B.name} was afraid|{A.name} and {B.name} wanted to be quick].
 carry X R: [A gust of wind|The storm|A great wind] [picked up|caught|lifted] {X} and carried it [off|away|past {A.name}]. {X} came down {R.at}[|, far from {A.name}|, and {B.name} gasped].
or
 carry X R: [A gust of wind|The storm|A great wind] tore {X} from {A.names} hands and blew it [away|off|past {B.name}]. {X} landed {R.at}[|, and {A.name} cried out|, where {A.name} could not see it|, far from {A.name}].
or
 give A X B: "[Hold {X}|Take {X}|Hang on to {X}]," [called|shouted] {A.name} over the wind, and gave it to {B.name}.
 carry X R: But [a gust of wind|the storm] [blew {X} from {B.names} hands|tore {X} away from {B.name}]. {X} came down {R.at}.
end
either
 = put B Y Q
 ? = act B any
or
 = give B Y A
 go A P: {A.name} ran to {P} to keep dry. {B.name} came too.
 = put A Y P
end
? : [The rain beat down on {A.name} and {B.name}|The rain fell on {P} and on {Q}|It rained and rained]. [{A.name} was afraid, but {B.name} was not|{B.name} held {A.names} hand|{A.name} and {B.name} sat close together]. [|"{song}," {B.name} sang, to be brave.]
? : [At last|Slowly|After an hour], the [sun came out|rain stopped|storm passed], and [{A.name} looked at {B.name}|a rainbow stood over {Q}|{A.name} could see {P} again|{B.name} smiled at {A.name}].
either
 find A X R: {A} [went out|looked about|searched] and found {X} {R.at}. [It was wet but whole|It was muddy but not torn].
 either
  = act A out
 or
  = put A X Q
 or
  give A X B: "[You take {X} now|You were so brave. {X} is yours], {B.name}," said {A.name}, and gave {B.him} {X}.
 end
or
 find C X R: {C.name}, a @good {C.kind}, [came along|came down the road] and found {X} {R.at}. "[Somebody lost this|I wonder whose this is|Look what I have]," {C.he} [said|called], holding it up.
 either
  = give C X A
 or
  : "[Keep it dry for me|Hang on to it], {C.name}," said {A.name}.
 end
or
 : "[{X} is still {R.at}|I can see {X} {R.at}]," said {A.name}. "[{X} can dry there|I will get it in the morning, {B.name}|Leave {X} there to dry]."
end
= part A B

plot a journey: X=tool gem, Y=food, Z=gem toy
= open A
: {A} [wanted to see {R}|wanted to go all the way to {R}|dreamed of {R}|had always wanted to see {R}], [which was far away|far beyond {P}|where nobody {A.he} knew had been|a long way past {P}].
= own A X
own B Y: {B.name}, {A.his} friend, came too and brought {Y.a}. "[One for the road|We will be hungry|Now we can go]," {B.he} said[| to {A.name}|, and {A.name} laughed].
= go A P
either
 : [A stream was in the way|The path was full of stones|It was a steep climb], and [{A.name} helped {B.name}|{A.name} slipped, but {B.name} held on|{B.name} held on to {A.name}]. "{song}," [{A.name}|{B.name}] [sang|said|panted].
or
 : [{A.name} and {B.name} walked past fields and farms|On and on went {A.name} and {B.name}|{B.name} walked in front, and {A.name} behind], and [{A.name} sang|{B.name} sang|they sang|{A.name} hummed]: "{song}."
end
either
 put A X P: {P.at}, {A.name} [left|put|set] {X}, because it was [heavy|hard to carry|in the way].
 ? = act A out
 = take B X P
 = put B Y Q
or
 = give A X B
 ? = act A out
 either
  = put B X Q
 or
  = give B Y A
  ? = act B out
  = put A Y P
 end
or
 = give B Y A
end
go A R: "[There it is|We are here|We made it]," [cried|shouted|called] {A.name}, and [ran to {R}|{A.he} ran to {R}|{A.he} and {B.name} ran to {R}].
? : [{R} was even better than {A.name} had thought|{R} was small and plain, but {A.name} loved it|{A.name} and {B.name} looked at {R} for a long time]. [|"It was worth the walk," said {B.name}.|"I will tell {C.name} about this," said {A.name}.]
either
 = bring C Z
 = give C Z B
or
 : {C.name}, [a @good {C.kind}|the {C.kind} with the kind face], [lived there|was there] and [said hello|told them stories|asked their names].
end
either
 = act A out
or
 = act B any
or
end
= part B A

plot a race: X=gem toy, Y=wear food
= open A
= friend A B
: {A} [could run fast, and so could|was quick, and so was|was the fastest in the village, or was it] {B.name}. "[I am faster|I bet I can beat you], {B.name}," said {A.name}. "[Let us race to {P}|Race me to {P}]!"
own C X: {C.name} had {X.a}. "[This is for the winner|The winner gets it]," {C.he} said.
= own A Y
either
 put A Y Q: [To run faster|So as not to carry it], {A.name} left {Y} {Q.at}.
or
 give A Y C: "[Hold {Y} for me|Keep {Y} while I run], {C.name}," said {A.name}, and gave it to {C.him}.
 = put C Y Q
end
: "[One, two, three, go|Ready, steady, go|When I clap, you run]," [cried|called|said] {C.name}. [Off ran {A.name} and {B.name}|Away flew {B.name}, and {A.name} too|Dust rose behind {A.name} and {B.name}]. [|"{song}," {B.name} panted.|]
either
 : [Halfway|Near the end], {B.name} [fell|tripped] and [hurt a knee|began to cry]. {A.name} [stopped|turned back|turned around] and helped {B.name} up.
 = go A P
 either
  give C X A: "[You both won|You lost time, but you have a good heart], {A.name}," said {C.name}, and gave {X} to {A.him}.
  = give A X B
 or
  give C X B: [{A.name} and {B.name} got there side by side|{B.name} came in with {A.name}]. "[For being brave|For getting up again], {B.name}," said {C.name}, and gave {X} to {B.him}.
 end
or
 go B P: {B.name} got to {P} first, [by a nose|far ahead].
 either
  = give C X B
  ? = act B any
  = put B X R
 or
  = give C X B
  ? = act B any
  give B X A: "[You ran well too|I want you to have {X}], {A.name}," said {B.name}, and gave it to {A.him}.
 end
or
 go A P: {A.name} got to {P} first, [by a nose|far ahead].
 = give C X A
 ? = act A any
 either
  = put A X R
 or
  = give A X B
 or
 end
end
either
 take B Y Q: On the way home, {B.name} [took|fetched|picked up] {Y} {Q.away}[| for {A.name}| and carried it].
or
end
? : ["Tomorrow we race again," said {B.name}|"Next time I will win," said {B.name} with a grin|"It is only a game," said {C.name}, and all three laughed|{song}. That is what {C.name} said, and they all agreed].
= part A B

plot bedtime: X=wear toy, Y=tool toy
: It was [late|very late|time to sleep|long after dark], and [the moon shone over {Q} and {P}|the wind sang around {P} and {R}|an owl called from {R}].
: [But|Only] {A.name}, a @good {A.kind}, [could not sleep|did not want to sleep|was wide awake|was not tired at all|lay awake and thought of {X}|sat up and looked at {X}].
= own A X
= own B Y
? : "[Go to sleep|Close your eyes|Lie down], {A.name}," said {B.name}, [{A.his} cousin|who shared the room|who was sleepy]. "[{song}|The night is short|The stars are watching over you]."
either
 put A X S: {A.name} [sat up|got up|sat up again] and [put|laid|set] {X} {S.at}. "[I cannot sleep with {X}|It is too warm|It looks at me]," {A.he} said.
 ? = act A home
 either
  take B X S: {B.name} [yawned|sighed] and took {X}. "[Then I will hold it|I will keep it for tonight]," {B.he} [said|mumbled].
 or
  = take A X S
 or
  : [Outside, a dog barked near {P}|Somewhere, a frog sang].
 end
or
 = give A X B
 ? = act A any
 either
  = put B X S
 or
  = give B X A
 end
or
 = act A home
 = put A X S
end
either
 put B Y U: {B.name} [put|left|set] {Y} {U.at} [and told {A.him} a story about {Q}|and hummed a tune].
or
 give B Y A: "[Take {Y}|Hold {Y}|Here is {Y}], and think of {R}," said {B.name}, and gave {Y} to {A.name}.
 ? = act B any
or
 = put B Y U
 take A Y U: {A.name} [reached out|tiptoed over] and took {Y}.
end
? : "[I wonder if {C.name} is awake|I wonder what {C.name} does now|{C.name} must be asleep too], {B.name}," [said|whispered|mumbled] {A.name}[|, after a while].
: "[{C.name} is asleep by now|Everybody sleeps now, {C.name} too|It is all dark {P.at}]," {B.name} [whispered|said softly|mumbled].
: [{A.name} listened to {B.name} and thought of {Q}|{A.name} began to count stars over {P} and got as far as nine|"{song}," whispered {A.name}, and {B.name} hummed along|{A.name} thought of {C.name} and of {Q}].
: [Then {A.his} eyes fell shut|Soon {A.he} was fast asleep|A moment later {A.he} was asleep|And then it was quiet], and [{B.name} smiled in the dark|{B.name} slept too|the moon moved on to {R}].
"""
