"""Train a transformer of one block to write like a text, character by character, with gradients from `engine.autograd`.

    python -m assets.examples.autograd_character_model                 a paragraph of our own
    python -m assets.examples.autograd_character_model story.txt --steps 1000

All there is to training is in `train`: take pieces of the text, let the model guess each next character, measure its
surprise, walk back, let Adam change the weights. Who knows nothing but the V characters is surprised by log V nats.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np

from engine.autograd import Adam, Tensor, cross_entropy, embedding, layer_norm, relu, softmax

TEXT = """
The river was young when it left the hill. It ran over the stones and sang, and it asked every stone for its name.
The stones were old and slow. They did not answer, but they turned a little, so that the water could pass. In the
valley the river met a mill. The mill said: stay with me, and turn my wheel. The river turned the wheel all day and
sang, and in the evening it asked the mill for its name. The mill was old and slow. It did not answer, but it opened
the gate a little, so that the water could pass. Then the river met the sea. The sea said: stay with me, and tell me
what you have seen. The river told the sea of the hill, and the stones, and the mill, and the wheel. And the sea,
which is older and slower than all the stones, asked the river for its name. The river did not answer. It had never
asked itself. It sang a little, so that the sea could listen, and that was the answer.
"""
CONTEXT, WIDTH, HEADS, BATCH = 32, 48, 4, 8
UNSEEN = np.triu(np.full((CONTEXT, CONTEXT), -np.inf, np.float32), 1)  # no character may look ahead


def new_weights(vocab: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """Random matrices, (in, out); gains of 1 and biases of 0 for the norms."""
    shapes = {"embed": (vocab, WIDTH), "places": (CONTEXT, WIDTH), "up": (WIDTH, 4 * WIDTH), "down": (4 * WIDTH, WIDTH)}
    shapes |= dict.fromkeys(["query", "key", "value", "out"], (WIDTH, WIDTH)) | {"unembed": (WIDTH, vocab)}
    weights = {name: Tensor(rng.normal(0, 0.1, shape).astype(np.float32)) for name, shape in shapes.items()}
    for norm in ("before attention", "before mlp", "at the end"):
        weights[f"{norm}: gain"] = Tensor(np.ones(WIDTH, np.float32))
        weights[f"{norm}: bias"] = Tensor(np.zeros(WIDTH, np.float32))
    return weights


def model(w: dict[str, Tensor], ids: np.ndarray) -> Tensor:
    """A score for every possible next character, at every place: (B, T) -> (B, T, V), with T up to CONTEXT."""
    batch, length = ids.shape

    def normed(norm: str, x: Tensor) -> Tensor:
        return layer_norm(x, w[f"{norm}: gain"], w[f"{norm}: bias"])

    def heads(name: str, x: Tensor) -> Tensor:  # (B, T, D) -> (B, H, T, d)
        return (x @ w[name]).reshape(batch, length, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)

    x = embedding(w["embed"], ids) + w["places"][:length]
    h = normed("before attention", x)
    scores = heads("query", h) @ heads("key", h).transpose(0, 1, 3, 2) / math.sqrt(WIDTH // HEADS)  # (B, H, T, T)
    z = softmax(scores + UNSEEN[:length, :length]) @ heads("value", h)
    x = x + z.transpose(0, 2, 1, 3).reshape(batch, length, WIDTH) @ w["out"]
    x = x + relu(normed("before mlp", x) @ w["up"]) @ w["down"]
    return normed("at the end", x) @ w["unembed"]


def train(w: dict[str, Tensor], ids: np.ndarray, steps: int, rng: np.random.Generator) -> None:
    """Change the weights `steps` times; print the mean surprise now and then."""
    adam, started, losses = Adam(w.values(), rate=3e-3), time.perf_counter(), []
    for step in range(1, steps + 1):
        starts = rng.integers(0, len(ids) - CONTEXT, (BATCH, 1))
        pieces = ids[starts + np.arange(CONTEXT + 1)]  # (B, T+1)
        loss = cross_entropy(model(w, pieces[:, :-1]), pieces[:, 1:]) / (BATCH * CONTEXT)
        loss.backward()
        adam.step()
        losses.append(float(loss.data))
        if step == 1 or step % 50 == 0 or step == steps:
            recent = np.mean(losses[-50:])
            print(f"step {step:5,}   loss {recent:.3f} nats per character   {time.perf_counter() - started:5.1f} s")


def sample(w: dict[str, Tensor], ids: list[int], count: int, rng: np.random.Generator) -> list[int]:
    """Draw `count` further characters, one at a time, each from the shares that the model gives."""
    for _ in range(count):
        scores = model(w, np.array([ids[-CONTEXT:]]))[0, -1]
        shares = softmax(scores / 0.7).data.astype(np.float64)  # below 1: likely ones more often than the model says
        ids = [*ids, int(rng.choice(len(shares), p=shares / shares.sum()))]
    return ids


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a one-block character model with engine.autograd.")
    parser.add_argument("text", nargs="?", type=Path, help="a UTF-8 text file; without it, a paragraph of our own")
    parser.add_argument("--steps", type=int, default=600, help="updates of the weights (default 600)")
    options = parser.parse_args()
    try:
        text = options.text.read_text(encoding="utf-8") if options.text else " ".join(TEXT.split())
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"error: {options.text.name}: cannot be read as UTF-8 text: {error}")
    if len(text) < 2 * CONTEXT:
        sys.exit(f"error: expected a text of at least {2 * CONTEXT} characters, got {len(text)}")
    characters = sorted(set(text))
    ids = np.array([characters.index(c) for c in text])
    rng = np.random.default_rng(0)
    w = new_weights(len(characters), rng)
    size = sum(tensor.data.size for tensor in w.values())
    ignorance = math.log(len(characters))
    print(f"{len(text):,} characters, {len(characters)} different: knowing nothing costs {ignorance:.3f} nats each")
    print(f"{size:,} weights, updates of {BATCH} x {CONTEXT} characters")
    train(w, ids, options.steps, rng)
    print("\n" + "".join(characters[i] for i in sample(w, ids[:10].tolist(), 300, rng)))


if __name__ == "__main__":
    main()
