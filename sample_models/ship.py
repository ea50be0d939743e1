"""Make a shipped model of a finished run: its best weights, halved if that costs nothing, and a page of figures.

    python -m sample_models.ship RUN NAME --recipe "minigpt train ..." --text "where the text is from, and its licence"
    python -m sample_models.ship RUN tales --recipe "minigpt corpus tales ... && minigpt train ..." --stories

Every figure on the page is measured here, on the weights as they are stored. With --stories the page also says what a
model of the project's own stories answers and how it goes on, and held-out stories are put beside it.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.model import Model, open_model
from engine.sampling import Sampler
from engine.session import Session
from engine.training.batches import Documents, validation_batches, validation_documents
from engine.training.checkpoints import Saved, checkpoints, open_saved
from engine.training.data import open_data
from engine.training.parameters import FlatParameters
from engine.training.plan import Plan
from engine.training.run_directory import RunDirectory
from engine.training.start import has_run
from engine.training.step import TrainingStep
from engine.weights import open_checkpoint, save_checkpoint
from sample_models import stories

HOME = Path(__file__).resolve().parent
ALLOWED_RISE = 0.001  # nats per token that half precision may cost
SAMPLE_TOKENS, ROWS = 400, 32
PIECES = {"windows": "all windows of {window} tokens that do not overlap", "documents": "in whole documents"}
LAST_TENTH, HELD_OUT = "the last tenth of the bytes", "stories of the held-out split"
OWN_TEXT = "written by this project's own generator, `minigpt corpus tales`; the licence of the repository, MIT"

PAGE = """# {name}

{line}.

- Recipe: `{recipe}`
- Time: {minutes:.0f} minutes on two processor cores{before}, {updates:,} updates of {per_update:,} tokens
- Loss: {train:.3f} nats per token at the end of training (mean of the last 100 updates{dropout}), {validation:.3f}
  on the validation text: {held_out}, never trained on, {pieces}, measured on the weights as stored
- Size: {size:,} bytes as {dtype} (float32 would give {float32:.3f} nats)
- Text: {text}

Begun with `{prompt}`, temperature 0.8, seed 0:

```
{sample}
```
"""


def validation(run: Path, plan: Plan, window: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The validation text as the model was trained to read it: in windows, or in whole documents. All of one shape."""
    data = open_data(run / "data")
    if plan.separator is None or plan.examples == "windows":
        yield from validation_batches(data.tokens.validation, window, ROWS, None)
        return
    documents = Documents(data.tokens.validation, window, 0, data.separator_id(plan.separator))
    yield from validation_documents(documents, ROWS)


def validation_loss(model: Path, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """Nats per token over all validation text of a model as it lies on the disk."""
    opened = open_checkpoint(model)
    step = TrainingStep(FlatParameters(opened.config, opened.weights))
    total, count = 0.0, 0
    for tokens, targets in batches:
        loss, here = step.loss(tokens, targets)
        total, count = total + loss, count + here
    step.close()
    return total / count


def stored(best: Path, run: Path, plan: Plan, window: int, target: Path) -> tuple[str, float, float]:
    """Write the weights to `target` as float16 if that costs nothing, else float32; the type and both losses."""
    opened = open_checkpoint(best)
    losses = {}
    with tempfile.TemporaryDirectory() as space:
        for dtype in ("float32", "float16"):
            save_checkpoint(Path(space) / dtype, opened.config, opened.weights, dtype)
            losses[dtype] = validation_loss(Path(space) / dtype, validation(run, plan, window))
    dtype = "float16" if losses["float16"] - losses["float32"] < ALLOWED_RISE else "float32"
    save_checkpoint(target, opened.config, opened.weights, dtype)
    return dtype, losses[dtype], losses["float32"]


def best_of(run: Path) -> Saved:
    """The checkpoint of the lowest validation loss."""
    found = [saved for saved in map(open_saved, checkpoints(run)) if saved.state.validation_loss is not None]
    return min(found, key=lambda saved: saved.state.validation_loss or 0)


def sampled(model: Model, prompt: str) -> str:
    """What the model writes at temperature 0.8, up to its end of the text."""
    session = Session(model, sampler=Sampler(0.8))
    session.prompt(prompt)
    for _ in session.generate(min(SAMPLE_TOKENS, model.config.context - len(session.tokens))):
        pass
    assert model.tokenizer is not None
    return model.tokenizer.decode(session.tokens, special=False).strip("\n")


def minutes_of(run: Path) -> float:
    """What the updates of a run took. Raises InputError if there is no run."""
    if not has_run(run):
        raise InputError(f"{run}: holds no run")
    with closing(RunDirectory(run)) as opened:
        return sum(row["elapsed_s"] for row in opened.rows()) / 60


def ship(
    run: Path,
    target: Path,
    recipe: str,
    text: str,
    prompt: str,
    held_out: str = LAST_TENTH,
    before: Sequence[Path] = (),
) -> str:
    """Write the best weights of a run and their tokenizer to `target`; return its page.

    recipe, text   the command that repeats the run; where its text is from, and its licence
    held_out       what the run was validated on, in words
    before         runs whose weights led to those that this one began with
    """
    earlier = f", after {sum(map(minutes_of, before)):.0f} for the lessons before" if before else ""
    with closing(RunDirectory(run)) as opened:
        plan, log, best = opened.plan(), opened.rows(), best_of(run)
    target.mkdir(parents=True, exist_ok=True)
    window = plan.context or open_checkpoint(best.path).config.context
    dtype, loss, single = stored(best.path, run, plan, window, target)
    shutil.copyfile(best.path / "tokenizer.json", target / "tokenizer.json")
    made = [row for row in log if row["step"] <= best.state.update]
    train = [row["loss"] for row in made[-100:]]
    model = open_model(str(target))
    return PAGE.format(
        name=target.name, line=model.line, recipe=recipe, before=earlier,
        minutes=sum(row["elapsed_s"] for row in log) / 60,
        updates=best.state.update, per_update=round(sum(row["tokens"] for row in made) / len(made)),
        train=sum(train) / len(train), dropout=", dropout on" if plan.dropout else "",
        validation=loss, held_out=held_out, pieces=PIECES[plan.examples].format(window=window),
        size=(target / "model.safetensors").stat().st_size, dtype=dtype, float32=single, text=text,
        prompt=prompt.replace("\n", "\\n"), sample=sampled(model, prompt),
    )  # fmt: skip


def main() -> None:
    """Read the command line, write `sample_models/NAME`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--text", default=OWN_TEXT)
    parser.add_argument("--prompt", default="\n")
    parser.add_argument("--stories", action="store_true", help="the model is one of the project's own stories")
    parser.add_argument("--before", type=Path, nargs="*", default=[], help="the runs before it, whose time counts too")
    parser.add_argument("--to", type=Path, default=HOME, help="another directory than sample_models")
    args = parser.parse_args()
    target = args.to / args.name
    held_out = HELD_OUT if args.stories else LAST_TENTH
    page = ship(args.run, target, args.recipe, args.text, args.prompt, held_out, args.before)
    if args.stories:
        page += stories.page(open_model(str(target)), target)
    (target / "README.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
