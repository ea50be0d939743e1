"""What is said where a cursor cannot go further, so that no key is silent."""

from __future__ import annotations


def within(place: int, count: int) -> int:
    """The nearest place there is."""
    return min(max(place, 0), max(count - 1, 0))


def edge_words(what: str, place: int, count: int) -> str:
    """`This is the last layer.` Of a cursor that was to leave `count` places and stays at this one."""
    which = "only" if count <= 1 else "first" if place <= 0 else "last"
    return f"This is the {which} {what}."


def moved_head(at: tuple[int, int], by: tuple[int, int], counts: tuple[int, int]) -> tuple[int, int, str]:
    """The layer and the head where a cursor comes to, and what to say if it stays where it was."""
    layer, head = (within(place + step, count) for place, step, count in zip(at, by, counts, strict=True))
    if (layer, head) != at or by == (0, 0):
        return layer, head, ""
    return layer, head, edge_words("layer", layer, counts[0]) if by[0] else edge_words("head", head, counts[1])


def folded_words(is_open: bool) -> str:
    """Of a place that was to be unfolded or folded, and is."""
    return "This is unfolded already; ← folds it." if is_open else "This is folded already; → unfolds it."


def token_words(place: int, count: int) -> str:
    """The same of a text of `count` tokens, whose last place is that of the next token; nothing between its ends."""
    if not count:
        return ""
    if place <= 0:
        return "This is the first token."
    return "This is the place of the next token." if place >= count else ""
