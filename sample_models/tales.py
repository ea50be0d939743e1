"""How the shipped model `tales` was made, from nothing, as one command:

    python -m sample_models.tales DIRECTORY

It takes about an hour and a half on two cores, and leaves texts and runs in the directory. Three lessons, each from the
weights of the one before: short songs teach to repeat what was just said, long sheets of songs to find it far back,
stories the rest. Without the songs the model tells stories but forgets who has what.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.cli.main import main as minigpt

SAMPLE = (("tales.txt", 9_000_000), ("sheets.txt", 1_500_000))  # bytes of each that the tokenizer is made from
SEPARATOR = b"<|endoftext|>\n"
TEXTS = (
    "corpus tales -o {at}/songs.txt --stories 0 --songs 60000 --song-words 14 --seed 1",
    "corpus tales -o {at}/sheets.txt --stories 0 --songs 20000 --seed 2",
    "corpus tales -o {at}/tales.txt --stories 60000 --songs 12000 --seed 1",
    "corpus tales -o {at}/held-out.txt --stories 300 --split held-out --seed 1",
)
LESSONS = (
    "train --preset tales --data {at}/sample.txt -o {at}/tokenizer --steps 1 --set batch=1",
    "train --preset tales --data {at}/songs.txt -o {at}/first --steps 800 --set tokenizer={at}/tokenizer/data/tokenizer.json"
    " --set batch=48 --set learning_rate=0.003 --set warmup=50 --set schedule=constant",
    "train --preset tales --from {at}/first/step-000800 --data {at}/sheets.txt -o {at}/second --steps 500"
    " --set batch=12 --set warmup=50 --set schedule=constant",
    "train --preset tales --from {at}/second/step-000500 --data {at}/tales.txt -o {at}/third",
)
VALIDATION = " --validation {at}/held-out.txt"


def make(at: Path) -> None:
    """Write the texts, then train lesson after lesson. Raises SystemExit if a command ends otherwise than well."""
    at.mkdir(parents=True, exist_ok=True)
    for command in TEXTS:
        run(command, at)
    (at / "sample.txt").write_bytes(SEPARATOR.join((at / name).read_bytes()[:size] for name, size in SAMPLE))
    for command in LESSONS:
        run(command + VALIDATION, at)


def run(command: str, at: Path) -> None:
    """One command of `minigpt`."""
    print(f"minigpt {command.format(at=at)}", flush=True)
    if code := minigpt([word.format(at=at) for word in command.split()]):
        raise SystemExit(code)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
