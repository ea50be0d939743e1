"""The words that vary from story to story: characters, things and places, each with what it needs to be used well.

Things know their kind, so that nobody eats a drum; all can be carried by a child. Places know their preposition and
whether one can go there, so that nobody walks to a shelf; all have room for any of the things.
"""

from __future__ import annotations

from dataclasses import dataclass

GROUPS = 9  # every name, thing and place belongs to one; see `split`


@dataclass(frozen=True)
class Person:
    """A character: `he` is the pronoun, `kind` what the story says they are (`boy`, `girl`, `fox`)."""

    name: str
    he: str
    kind: str = ""

    @property
    def him(self) -> str:
        return "him" if self.he == "he" else "her"

    @property
    def his(self) -> str:
        return "his" if self.he == "he" else "her"


@dataclass(frozen=True)
class Thing:
    """Something a child can carry, with the adjective it has in one story."""

    noun: str
    kind: str
    adjective: str = ""


@dataclass(frozen=True)
class Place:
    """Where a thing can lie: a site one walks to, or a spot in a house."""

    noun: str
    preposition: str
    is_site: bool

    @property
    def at(self) -> str:
        return f"{self.preposition} the {self.noun}"

    @property
    def away(self) -> str:
        """Where a thing comes from when it is taken: "from the barn", "from under the oak"."""
        inner = f"{self.preposition} " if self.preposition in ("under", "behind") else ""
        return f"from {inner}the {self.noun}"


def _split(words: str) -> list[str]:
    return words.split()


SHE = _split("""Mia Lily Anna Rosa Nora Ella Ruby Ivy Clara Tess Maya Zoe Lucy Emma Nina Daisy Molly Sara Jane Kate Lena
Wren Pia Amy Dora Edith Flora Greta Heidi Olga""")
HE = _split("""Tom Ben Sam Max Leo Finn Jack Noah Omar Hugo Luke Adam Theo Ned Otto Paul Ravi Toby Walt Gus Eli Kai
Oscar Milo Carl Dan Fred Henry Ian Victor""")
PERSONS = tuple(Person(name, he) for names, he in ((SHE, "she"), (HE, "he")) for name in names)
ANIMALS = _split("fox rabbit mouse hedgehog badger otter squirrel bear mole frog duck beaver")

_KINDS = {
    "toy": "kite ball drum doll puppet whistle flute sled balloon marble puzzle hoop",
    "tool": "lamp spoon hammer bucket rope broom compass map candle shovel cup teapot",
    "gem": "ring shell key coin feather button crystal pearl acorn medal pebble locket",
    "food": "apple pear bun pie plum cake carrot cookie muffin melon peach tart",
    "wear": "hat scarf coat cap cape ribbon apron crown blanket",
}
THINGS = tuple(Thing(noun, kind) for kind, nouns in _KINDS.items() for noun in nouns.split())
COLOURS = _split("red blue green yellow white brown pink striped")
ADJECTIVES = {
    "toy": [*COLOURS, "old", "new"],
    "tool": [*COLOURS, "old", "new", "little"],
    "gem": ["tiny", "shiny", "golden", "silver", "pretty", "lucky", "round", "old"],
    "food": ["sweet", "big", "small", "fresh", "tasty", "round"],
    "wear": [*COLOURS, "warm", "soft", "old", "new"],
}

_SITES = """in:barn in:mill in:shed in:tower in:cave in:tent in:garden in:meadow in:orchard in:forest in:stable in:cabin
by:pond by:river by:gate by:fence by:fountain by:lake on:hill on:porch on:beach under:bridge under:oak under:willow
behind:wall behind:haystack behind:bakery"""
_SPOTS = """on:shelf on:stool on:chair under:table under:bench under:stairs in:chest in:crate in:cupboard behind:stove
behind:curtain behind:clock in:closet in:barrel in:trunk on:desk on:counter behind:mirror"""


def _places(text: str, is_site: bool) -> tuple[Place, ...]:
    pairs = [entry.split(":") for entry in text.split()]
    return tuple(Place(noun, preposition, is_site) for preposition, noun in pairs)


SITES, SPOTS = _places(_SITES, True), _places(_SPOTS, False)
PLACES = SITES + SPOTS
GROUP_OF = {
    **{person.name.lower(): place % GROUPS for place, person in enumerate(PERSONS)},
    **{thing.noun: place % GROUPS for place, thing in enumerate(THINGS)},
    **{spot.noun: place % GROUPS for row in (SITES, SPOTS) for place, spot in enumerate(row)},
}
TRACKED = frozenset(GROUP_OF)  # the words that may not stand in the fixed part of a sentence

ACTS = {
    "any": """sang a little song|sat down to rest|counted to ten|drank some water|ate some bread|looked all around
jumped up and down|clapped {A.his} hands|whistled a tune|rubbed {A.his} eyes|shook {A.his} head|took a deep breath
stood very still|waved both arms|tied {A.his} shoes|danced in a circle|hopped on one foot|told a joke|bowed very low
closed {A.his} eyes|called out loud|hummed an old tune|stamped both feet|stretched both arms|sneezed three times""",
    "home": """made some tea|lit the fire|swept the floor|drew a picture|read a short poem|washed {A.his} hands
wrote a letter|baked some rolls|peeled some potatoes|opened the window|fed the cat|cut some paper|played a game
wiped the dishes|stirred the soup""",
    "out": """picked some berries|climbed a tree|fed the birds|rolled in the grass|splashed in a puddle|threw a stone
gathered some sticks|chased a butterfly|watched the clouds|smelled the flowers|followed a bee|made a flower chain
dug a small hole|drew in the sand|ran in a circle""",
}
