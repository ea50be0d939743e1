"""Open the model and the prompt of a command, and say on standard error what a person should know about them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from app.cli.flags import default_to, settings_from
from app.cli.output import say
from engine.errors import InputError

if TYPE_CHECKING:
    from engine.model import Model
    from engine.session import Session


def open_for(args: argparse.Namespace) -> Model:
    """The model of a command line, with its warnings said. Refuses one that this machine cannot hold, unloaded."""
    from engine.fits import require_memory
    from engine.model import open_model

    require_memory(args.model)
    model = open_model(args.model)
    for warning in model.warnings:
        say(f"warning: {warning}")
    default_to(args, model.settings)
    return model


def session_for(args: argparse.Namespace, model: Model, **sampling: object) -> Session:
    """A session under the settings of a command line."""
    from engine.session import Session

    return Session(model, settings_from(args), **sampling)  # type: ignore[arg-type]


def prompt_ids(args: argparse.Namespace, model: Model) -> list[int]:
    """The ids of `-p TEXT` or `--ids`. A beginning token is added as the tokenizer's file says, and shown."""
    if args.ids is not None:
        return list(args.ids)
    if model.tokenizer is None:
        raise InputError(f"{model.name} has no tokenizer: give ids, as --ids 1,2,3")
    ids = model.tokenizer.encode_prompt(args.prompt)
    if not ids:
        raise InputError("the prompt is empty: type at least one token")
    beginning = len(model.tokenizer.beginning)
    if beginning:
        shown = ", ".join(f"{model.tokenizer.token_text(id)} (id {id})" for id in ids[:beginning])
        say(f"prompt: {len(ids)} tokens, the first added as the tokenizer's file says: {shown}")
    return ids
