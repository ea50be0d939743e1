"""Make a shipped model of a finished run: its best weights, halved if that costs nothing, and a page of figures.

    python -m sample_models.ship RUN NAME --recipe "minigpt train ..." --text "where the text is from, and its licence"

Every figure on the page is measured here, on the weights as they are stored.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from engine.model import open_model
from engine.sampling import Sampler
from engine.session import Session
from engine.training.batches import validation_batches
from engine.training.checkpoints import Saved, checkpoints, open_saved
from engine.training.data import open_data
from engine.training.parameters import FlatParameters
from engine.training.run_directory import RunDirectory
from engine.training.step import TrainingStep
from engine.weights import open_checkpoint, save_checkpoint

HOME = Path(__file__).resolve().parent
ALLOWED_RISE = 0.001  # nats per token that half precision may cost
SAMPLE_TOKENS = 400

PAGE = """# {name}

{line}.

- Recipe: `{recipe}`
- Time: {minutes:.0f} minutes on two processor cores, {updates:,} updates of {per_update:,} tokens
- Loss: {train:.3f} nats per token at the end of training (mean of the last 100 updates, dropout on), {validation:.3f}
  on the validation text: the last tenth of the bytes, never trained on, all windows of {window} tokens that do not
  overlap, measured on the weights as stored
- Size: {size:,} bytes as {dtype} (float32 would give {float32:.3f} nats)
- Text: {text}

Begun with `{prompt}`, temperature 0.8, seed 0:

```
{sample}
```
"""


def validation_loss(model: Path, run: Path, window: int) -> float:
    """Nats per token over all validation windows of a model as it lies on the disk."""
    opened = open_checkpoint(model)
    step = TrainingStep(FlatParameters(opened.config, opened.weights))
    total, count = 0.0, 0
    for tokens, targets in validation_batches(open_data(run / "data").tokens.validation, window, 32, None):
        loss, here = step.loss(tokens, targets)
        total, count = total + loss, count + here
    step.close()
    return total / count


def stored(best: Path, run: Path, window: int, target: Path) -> tuple[str, float, float]:
    """Write the weights to `target` as float16 if that costs nothing, else float32; the type and both losses."""
    opened = open_checkpoint(best)
    losses = {}
    with tempfile.TemporaryDirectory() as space:
        for dtype in ("float32", "float16"):
            save_checkpoint(Path(space) / dtype, opened.config, opened.weights, dtype)
            losses[dtype] = validation_loss(Path(space) / dtype, run, window)
    dtype = "float16" if losses["float16"] - losses["float32"] < ALLOWED_RISE else "float32"
    save_checkpoint(target, opened.config, opened.weights, dtype)
    return dtype, losses[dtype], losses["float32"]


def best_of(run: Path) -> Saved:
    """The checkpoint of the lowest validation loss."""
    found = [saved for saved in map(open_saved, checkpoints(run)) if saved.state.validation_loss is not None]
    return min(found, key=lambda saved: saved.state.validation_loss or 0)


def main() -> None:
    """Read the command line, write `sample_models/NAME`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--prompt", default="\n")
    args = parser.parse_args()
    plan, best, target = RunDirectory(args.run).plan(), best_of(args.run), HOME / args.name
    target.mkdir(exist_ok=True)
    config = open_checkpoint(best.path).config
    window = plan.context or config.context
    dtype, loss, single = stored(best.path, args.run, window, target)
    shutil.copyfile(best.path / "tokenizer.json", target / "tokenizer.json")
    log = [json.loads(line) for line in (args.run / "log.jsonl").read_text().splitlines()]
    session = Session(open_model(str(target)), sampler=Sampler(0.8))
    session.prompt(args.prompt)
    for _ in session.generate(min(SAMPLE_TOKENS, config.context - len(session.tokens))):
        pass
    recent = [row["loss"] for row in log if row["step"] <= best.state.update][-100:]
    page = PAGE.format(
        name=args.name, line=session.model.line, recipe=args.recipe, minutes=sum(row["elapsed_s"] for row in log) / 60,
        updates=best.state.update, per_update=plan.batch * plan.accumulation * window, train=sum(recent) / len(recent),
        validation=loss, window=window, size=(target / "model.safetensors").stat().st_size, dtype=dtype, float32=single,
        text=args.text, prompt=args.prompt.replace("\n", "\\n"), sample=session.text.strip("\n"),
    )  # fmt: skip
    (target / "README.md").write_text(page)
    print(page)


if __name__ == "__main__":
    main()
