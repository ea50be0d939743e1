"""Go on with a text, token by token, as it comes.

Standard output gets the new text and nothing else: its own bytes in a pipe, made harmless on a terminal. Ends at the
model's end token (which is not printed), at --stop TEXT (which is), at N tokens or where the context ends, and says
which on standard error.
"""

from __future__ import annotations

import argparse
from math import isnan
from typing import TYPE_CHECKING, Any

from app.cli import flags
from app.cli.output import Progress, is_terminal, say, shown_on_terminal, write, write_json

if TYPE_CHECKING:
    from engine.session import Generated, Session

HELP = "go on with a text"
EXAMPLE = 'minigpt generate ~/models/SmolLM2-135M -p "Once upon a time" -n 50 --temperature 0.8 --seed 1'


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_model(parser)
    flags.add_prompt_flags(parser)
    parser.add_argument("-n", "--count", type=flags.positive, default=100, metavar="N", help="new tokens at most (100)")
    parser.add_argument("--stop", metavar="TEXT", help="end after this text")
    parser.add_argument("--ignore-eos", action="store_true", help="go on after the model's end token")
    parser.add_argument(
        "--json", action="store_true", help="ids, text and what was likely at each token, for a machine"
    )
    parser.add_argument("--top", type=flags.count, default=5, metavar="N", help="candidates per token in --json (5)")
    flags.add_sampling_flags(parser)
    flags.add_settings_flags(parser)


def run(args: argparse.Namespace) -> int:
    from app.cli.opening import open_for, prompt_ids, session_for

    settings_and_sampler = flags.settings_from(args), flags.sampler_from(args)  # refused before anything is loaded
    model = open_for(args)
    ids = prompt_ids(args, model)
    with flags.threads(args):
        session = session_for(args, model, sampler=settings_and_sampler[1], seed=args.seed)
        progress = Progress("tokens of the prompt")
        session.prompt(ids=ids, report=progress.show)
        progress.clear()
        report = _as_json if args.json else _as_text
        report(session, args)
    return 0


def _as_text(session: Session, args: argparse.Namespace) -> None:
    text = _Text(session, args)
    made = 0
    try:
        for token in session.generate(args.count, args.stop or None, args.ignore_eos):
            made += 1
            write(text.push(token), flush=True)
    finally:
        write(text.rest(), flush=True)
        rate = f"; {session.tokens_per_s:,.1f} tokens per second" if session.tokens_per_s else ""
        say(f"{made} tokens, ended by: {session.ended or 'a stop'}{rate}")


def _as_json(session: Session, args: argparse.Namespace) -> None:
    text, prompt_ids = _Text(session, args), session.tokens
    tokens, words, stopped = [], "", None
    try:
        for token in session.generate(args.count, args.stop or None, args.ignore_eos):
            words += text.push(token)
            tokens.append(_token(session, token, args.top))
    except KeyboardInterrupt as stop:
        stopped = stop
    write_json(
        {
            "model": session.model.name,
            "fingerprint": session.model.fingerprint,
            "settings": vars(session.settings),
            "sampler": vars(session.sampler),
            "seed": session.seed,
            "prompt_ids": prompt_ids,
            "ids": [token["id"] for token in tokens],
            "text": words + text.rest(),
            "ended": session.ended or "a stop",
            "tokens_per_s": session.tokens_per_s,
            "tokens": tokens,
        }
    )
    if stopped:
        raise stopped


class _Text:
    """The new text as it becomes complete. No character comes out by halves; the end token stays unsaid."""

    def __init__(self, session: Session, args: argparse.Namespace) -> None:
        self._session, self._ends_at_eos = session, not args.ignore_eos
        self._is_shown = is_terminal() and not args.json
        self._first = True
        self._stream = session.model.tokenizer.stream() if session.model.tokenizer else None
        for id in session.tokens if self._stream else ():
            self._stream.push(id)  # type: ignore[union-attr]

    def push(self, token: Generated) -> str:
        if self._ends_at_eos and token.id in self._session.model.config.eos:
            return ""
        if self._stream is None:
            text, self._first = (str(token.id) if self._first else f" {token.id}"), False
        else:
            text = self._stream.push(token.id)
        return shown_on_terminal(text) if self._is_shown else text

    def rest(self) -> str:
        """What was waiting for its other half; on a terminal also a new line."""
        text = self._stream.finish() if self._stream else ""
        return shown_on_terminal(text) + "\n" if self._is_shown else text


def _token(session: Session, token: Generated, top: int) -> dict[str, Any]:
    """One token as plain values; a candidate's chance is what the sampler leaves of its probability."""
    node, parent = token.node, token.node.parent
    assert parent is not None
    seen = [before.id for before in parent.path()]
    candidates = parent.candidates(session.sampler, seen, lambda id: _text_of(session, id))[:top]
    return {
        "id": token.id,
        "text": _text_of(session, token.id),
        "logprob": node.logprob,
        "rank": node.rank,
        "entropy": node.entropy,
        "candidates": [vars(c) | {"chance": None if isnan(c.chance) else c.chance} for c in candidates],
    }


def _text_of(session: Session, id: int) -> str:
    tokenizer = session.model.tokenizer
    return str(id) if tokenizer is None else tokenizer.token_text(id)
