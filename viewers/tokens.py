"""What is said of a token, and how strongly it is coloured."""

from __future__ import annotations

import math

from engine.snapshot import Snapshot, TokenView
from engine.text import visible
from viewers.actions import key_of
from viewers.picture import number_text

LEAST = math.log(1e-4)  # the log-probability that has the full colour


def surprise(token: TokenView, colouring: str, vocab: int) -> float | None:
    """How strongly a token is coloured, 0 to 1; None where the model did not foresee it at all (the first)."""
    if colouring == "entropy":
        return None if token.entropy is None else min(1.0, token.entropy / math.log(max(vocab, 2)))
    return None if token.logprob is None else min(1.0, token.logprob / LEAST)


def token_parts(token: TokenView, place: int) -> tuple[str, list[str]]:
    """`token 7 "·cat" (id 403)`, and what there is to say of it, the most important first."""
    head = f'token {place} "{visible(token.text, spaces=True)}" (id {token.id})'
    if token.logprob is None:
        return head, ["the first, so nothing foresaw it"]
    parts = [f"p {number_text(math.exp(token.logprob))}", f"choice {token.rank}"]
    if token.siblings:
        parts.append(f"{token.siblings} other tried")
    if token.entropy is not None:
        parts.append(f"entropy {token.entropy:.2f}")
    parts.append(f"logprob {token.logprob:.2f}")
    return head, parts


def token_sentence(token: TokenView, place: int) -> str:
    """`token 7 "·cat" (id 403): p 0.412, choice 1, entropy 1.32, logprob -0.89`."""
    head, parts = token_parts(token, place)
    return f"{head}: {', '.join(parts)}"


def why_not_drawn(snapshot: Snapshot) -> str:
    """What can be said of the place behind the text."""
    ended = snapshot.ended
    if len(snapshot.tokens) >= snapshot.context:
        return f"the context is full; {key_of('take_back')} takes one back"
    return f"generation ended: {ended}" if ended else f"not drawn yet; {key_of('next_token')} draws it"
