"""Sentences that any plot can use: how stories open and end, and how things change hands and places.

`{1}`, `{2}`, `{3}` are the roles the plot names; `@then` and its like are macros. Variety here is what keeps one
sentence skeleton from running through the whole corpus.
"""

# ruff: noqa: E501
from __future__ import annotations

MACROS = {
    "then": "[||||||Then |Soon |After that, |Next, |A little later, |Before long, |By and by, |In a while, |Not long after, ]",
    "good": "[little|young|kind|brave|shy|clever|cheerful|gentle|curious|quiet|friendly|bold]",
    "sky": "[sunny|rainy|cold|warm|windy|quiet|misty|bright|still|grey|cloudy|fine]",
    "time": "[morning|day|afternoon]",
    "near": "[near {P}|near {Q}|not far from {P}|close to {P}|a short walk from {Q}]",
    "likes": "[stories|songs|games|puddles|long walks|jokes|riddles|birds|secrets|the rain|the stars]",
    "glad": "[glad|happy|proud|pleased|full of joy|very happy|so glad]",
    "sad": "[sad|unhappy|very sad|close to tears|upset|so sad]",
}

BANKS = {
    "open": """[Once|Long ago|Once upon a time|Not so long ago|Some time ago|In a land of green fields], there
 [was|lived] a @good {1.kind} [named|called] {1.name}[|, who liked @likes|, who loved @likes|
 who lived @near|, and {1.he} lived @near].
|{1.name} was a @good {1.kind}[| who lived @near| who loved @likes| who liked @likes| with a big laugh
| with bright eyes| who never sat still| who asked a lot of questions].
|[In a small house|In a little home|In a cosy house|In a tiny house] @near [lived|there lived] a @good {1.kind}
 [called|named] {1.name}.
|[One @sky @time|It was a @sky @time when|On a @sky @time,|One @sky @time,] {1.name} the {1.kind} [woke up early|felt like a walk|could not sit still
|was full of plans|had nothing to do|wanted some company].
|It was a @sky @time[|, and the birds were singing|, and the wind was soft|, and the grass was wet
|, and the air smelled sweet]. [A @good {1.kind} called {1.name} was [up early|out for a walk|all alone|on the way home]
|{1.name}, a @good {1.kind}, was [up early|out for a walk|full of plans|on the way home]].
|[This is the story of|Let me tell you about|Here is a story about] {1.name}, a @good {1.kind} who
 [lived @near|loved @likes|liked @likes|never gave up|wanted to see the world].
|[Everybody|Everyone] [near {P}|near {Q}|for miles around|in the village] knew {1.name}, the @good {1.kind}[| who loved @likes| who liked @likes].""",
    "friend": """{1.names} [best friend|good friend|dear friend|friend|neighbor|cousin] was {2.name}[|, a @good {2.kind}
|, who loved @likes|, who liked @likes|, who lived @near].
|[{1.his} best friend was|{1.his} friend was|next door lived|just down the road lived] {2.name}[, a @good {2.kind}|
 the {2.kind}, who loved @likes|, who was always ready to help|, who was good at games].
|{2.name}[, a @good {2.kind},|, who loved @likes,|, who liked @likes,|] [was {1.his} friend|lived next door|
 was {1.his} neighbor|came to play every day|came by to say hello].
|[That day|On that day|That @time], {1} was with {2.name}, [a @good {2.kind}|{1.his} friend|{1.his} neighbor
|who was older but not much taller].
|{1.name} and {2.name} [were the best of friends|did everything together|had been friends for years|went everywhere
 together|were almost never apart|liked to play together|always told each other everything].""",
    "own": """{1} had {2.a}[|, and {1.he} loved it| of {1.his} own| from {1.his} aunt| from {1.his} uncle
|, a gift from {1.his} father].
|{1.name} [was carrying|had brought along|carried|held|came with|had brought] {2.a}[|, and it was a fine one
|, and was proud of it| from home|, as always].
|{1} [owned|had just got|kept] {2.a}[| and took good care of it| and was proud of it|, the best one around].""",
    "bring": """[Just then|Soon|At that moment|A little later|Then|After a while], [along came {1.name}, a @good {1.kind}, with {2.a}
|{1.name} the {1.kind} came [along|by|up the path] with {2.a}|{1.name}, a @good {1.kind}, came by and had {2.a}].
|{1.name}, a @good {1.kind} [who lived @near|who liked @likes|from the village|with a big smile], [had come with|had brought
|came along with|joined them with] {2.a}.
|[Who came|Who should come] [along|down the path] but {1.name}, [a @good {1.kind}|the @good {1.kind}], with {2.a}[, whistling
|, all smiles|, out of breath|, as if by chance].""",
    "lie": """[{1.a} lay {2.at}|There was {1.a} {2.at}|{2.at}, there was {1.a}|{2.at} lay {1.a}|{1.a} had been {2.at}
 for [days|weeks|a year]|{1.a} was waiting {2.at}]
[|, and nobody knew it|, all forgotten|, dusty and still|, but nobody had seen it|, wet with rain].""",
    "find": """@then{1} [found|spotted|saw|came upon|noticed] {2} {3.at}[| at last| after a long look|, right where nobody had
 looked] and [picked it up|took it|took it along|grabbed it].
|@then{3.at}, {1.name} [found|spotted|saw|came upon] {2} and [picked it up|took it|held on to it|lifted it up].
|"[Look at this|Oh my|Well, well|How lucky|My, my|Aha]," [said|cried|called] {1.name}. [There|Here] was {2}, {3.at}, and {1.he}
 [picked it up|took it|lifted it up].
|There, {3.at}, [was|lay] {2}. {1} [picked it up|took it|lifted it up] [at once|with a smile|with both hands|carefully].""",
    "take": """@then{1} [took|picked up|lifted|grabbed|fetched] {2.it}[|| with both hands| and held it tight|
 with care|, since nobody minded|, just to look at it].
|@then{1} [took|fetched|got|picked up] {2} {3.away}[|| with both hands| and held it tight| with care
| and did not let go].
|{1} [went and got|came and took|reached out and took|bent down and took|went over and picked up] {2}[||| with a smile
| {3.away}|, and it felt good to hold].""",
    "put": """@then{1} [put|left|laid|set|placed|hid] {2.it} {3.at}[|||, just for a while|, with great care|, where it was safe
|, out of the wind|, very gently|, where nobody would look|, for later|, without a sound].
|@then{1} [found|saw|knew|looked for] a [good|fine|safe|quiet|dry] place {3.at} and [put|left|set|laid] {2} there[||| for now| with care
|, for later| very gently].
|"[I will|Let me|I had better|I shall] [put|leave|keep|set] {2} {3.at}," [said {1.name}|{1} said|{1} thought], and
 [so {1.he} did|did so|did just that].
|{1} [wanted to rest|was tired of carrying it|needed both hands|was in no hurry|did not need it just then], so
 {1.he} [put|left|laid|set] {2} {3.at}.""",
    "give": """@then{1} [gave|handed|passed|brought] {2.it} to {3.o}[||| with a smile| with a nod| with both hands
| and was glad to| and felt warm inside| without a second thought].
|@then{1} [gave|handed|passed] {3.name} {2}[||| with a smile| with a nod| with a laugh|, just like that
| without a second thought].
|"[Here|For you|Take {2}|You can have {2}|Please keep {2}|You hold {2}]," [said {1.name}|{1} said], and
 [gave|handed|passed] {2.it} to {3.name}.
|{1.name} [held out|offered] {2}, and {3.name} took it[||| with a smile| with both hands| and thanked {1.him}| with a laugh].
|[{3.name} looked at {2} so fondly|{3.name} wanted {2} so much|{3.name} liked {2} so much|{3.name} admired {2} so much]
 that {1.name} [gave|handed|passed] it to {3.him}.""",
    "go": """@then{1} [went|walked|ran|hurried|skipped|set off|marched|strolled] to {2}[||||, humming softly| all alone| without a word
| as fast as {1.he} could| through the wet grass| under the grey sky| along the narrow path].
|"[I am off to|Let me go to|I will go to|I must go to] {2}," [said {1.name}|{1} said], and [off {1.he} went
|went|away {1.he} ran|walked there].
|[The way to {2} was short|The path to {2} was steep|It was not far to {2}|It was a long way to {2}], [and|but] {1.name}
 [went there|ran there|walked there|got there] [quickly|slowly|with a song|in no time|all the same].""",
    "act": """@then{1} {deed}.
|[For a moment, {1.name} stopped and|To pass the time, {1.name}|Without a word, {1.name}|Right there, {1.name}|Without thinking, {1.name}|{1.name} waited a while and
|For a change, {1.name}|All at once, {1.name}|Now {1.name}] {deed}.""",
    "part": """[The sun went down|The day was over|Evening came|The stars came out|It grew dark|The moon rose|Night fell],
 [and|so] [everybody went home|they all went home|{1.name} and {2.name} said good night|{1.name} said good night to
 {2.name}|{2.name} waved to {1.name}|it was time for sleep|{1.name} and {2.name} walked home together].
|["What a day|"What a lovely day|"This was the best day|"I will never forget this day]," said {1.name}, and
 [{2.name} nodded|{2.name} laughed|{2.name} agreed|{2.name} thought so too].
|{1.name} and {2.name} [laughed|smiled] [all the way home|until their sides hurt|at each other|for a long time], and
 [all was well|they were still friends|nobody was sad any more|it had been a good day].
|[From then on|After that day|Ever since], {1.name} and {2.name} [were closer than ever|told this story often
|laughed when they thought of it|looked out for each other|were the best of friends].
|[And if you pass by {R}, you may still hear them laugh|And so it ended well|And that was that|And everyone slept well
 that night|And they were all @glad|And the wind sang softly around {Q}].
|That night, {1.name} dreamed of [{P}|{Q}|{R}|{X}|{2.name}] and [smiled|slept well|slept until noon|was happy].
|["[Come again|Come and see me|Come back] [tomorrow|soon]," said {2.name}, and {1.name} [promised|nodded|said yes|smiled]|"[Good night|Sleep well|Sweet dreams], {1.name}," said {2.name}. "[Until tomorrow|Sweet dreams
|See you soon|Sleep tight], {2.name}," said {1.name}|"You are a [good|dear|true|fine|real] friend, {2.name}," said {1.name}, and {2.name} [beamed|blushed|smiled|was happy]].""",
}

_COUNTING = (
    "sun moon stars rain wind storm sky night noon morning evening afternoon path road door village fields "
    "world owl birds animal fairies games songs jokes riddles puddles secrets stories dreams questions plans "
    "lunch bite taste tummy nose face voice heart one two three four five six seven eight nine ten quick slow "
    "bold shy brave clever young gentle quiet dark bright cold wet dry fine grey cosy steep wide windy misty "
    "cloudy rainy sunny far near over past back along again soon late early never always today tomorrow faster "
    "closer better longer steady ready busy hungry tired happy sad glad proud sorry help share trade keep hide "
    "search wait sleep wake think wonder laugh smile race build borrow remember forget whisper jump hop aunt "
    "uncle father mother cousin neighbor friend winner"
)
COUNTING = tuple(_COUNTING.split())
_FIRST, _NEXT = f"[{'|'.join(word.capitalize() for word in COUNTING)}]", f"[{'|'.join(COUNTING)}]"

RHYMES = {  # the counting-out rhyme of a story: how it comes in, and how it comes back
    "first": """{A.name} [knew|had made up|had learned|liked to say|could not forget] a [counting rhyme|rhyme|little rhyme|silly rhyme
 |funny rhyme]: "{rhyme}."
 |"{rhyme}," [sang|hummed|said|went] {A.name}. It was [a counting rhyme|only a rhyme|an old rhyme|a silly rhyme|{A.his} best rhyme|a rhyme from {A.his} aunt].
 |[On a stone|Over the door|On a sign|In an old book] [it said|were the words|was written]: "{rhyme}." {A.name} [wondered what it meant|read it twice|learned it at once|liked the sound of it|read it aloud].
 |{A.name} [often|always|sometimes] [counted|sang] like this: "{rhyme}." """,
    "again": """"{rhyme}," [said|sang|whispered|hummed|called|went] {A.name}[| again| once more| softly].
 |{A.name} [said|sang|whispered|hummed] the rhyme[| again| once more]: "{rhyme}."
 |[And again|Once more|All day long] {A.name} [sang|said|hummed]: "{rhyme}."
 |"{rhyme}," [cried|shouted|laughed] {A.name}[| for joy| to the wind| at last].""",
}

REFRAINS = {  # said more than once in a story, in the same words
    "rhyme": tuple(" ".join([_FIRST, *[_NEXT] * more]) for more in (4, 5, 6, 7)),
    "song": (
        "Round and round, little {X.n}, round and round you go",
        "One for {A.name} and one for {B.name}, and one for the wind",
        "Little {X.n}, little {X.n}, never be far from me",
        "Over to {P}, over to {Q}, and home again by night",
        "No {X.n} is so fine as a friend like mine",
        "Slow and steady, past {Q}, that is the way to go",
        "Where the wind can go, there can {A.name} go",
        "Hush, little {X.n}, hush, the world is fast asleep",
        "Left foot, right foot, {A.name} and {B.name}",
        "Hey ho, hey ho, the sun is over {P}",
        "Rain or shine, {X.n} of mine, all will be well",
        "One {X.n} for me, and one song for you",
    ),
    "rule": (
        "One shared {X.n} is twice as nice",
        "Whoever borrows {X.an} must bring it back",
        "Ask first, and only then take {X.an}",
        "Take good care of your {X.n}, and of your friends",
        "A friend is worth more than {X.an}",
        "What is mine is yours, my friend, be it {X.an} or a song",
        "You can lose {X.an}, but you must not lose a friend",
        "Be kind first and clever second, with or without {X.an}",
        "A kind word is worth more than {X.an}",
        "Give with both hands, even if it is only {X.an}",
        "Nobody is too small to help, not even {A.name}",
        "If in doubt, tell the truth, even about {X.an}",
    ),
}
