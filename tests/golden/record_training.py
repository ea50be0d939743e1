"""Make `models/training-*/` and record how PyTorch trains them, by autograd, in `recorded/training-*.npz`.

    python tests/golden/record_training.py [CASE...]

Needs what `record.py` needs, and makes its weights as that does. Loss, gradients, clipping, AdamW and the schedule
are PyTorch's own; so are GPT-2 and Llama, transformers'. What no library has, the decoder with sinusoidal positions,
stands below. `MISTAKES` are changes of a run that have to move its losses, or the recording would not notice them.
"""

import json
import sys
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import transformers
from record import Case, load, random_weights, write_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from transformers.pytorch_utils import Conv1D  # x @ W + b, with W (in, out)

STEPS, BATCH, LENGTH, VOCABULARY = 200, 8, 16, 40
VISIBLE = 5e-3  # relative: a mistake moves some loss by at least this, five times what the test allows
PADDING = -1  # as a target

CASES = {
    "gpt2": {"model_type": "gpt2", "vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_inner": 64}
    | {"n_positions": 24, "bos_token_id": 1, "eos_token_id": 2, "attn_pdrop": 0, "embd_pdrop": 0, "resid_pdrop": 0},
    "llama": {"model_type": "llama", "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 48}
    | {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 24},
    "sinusoidal": {"model_type": "sinusoidal", "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64}
    | {"num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 12, "max_position_embeddings": 24}
    | {"hidden_act": "relu", "layer_norm_epsilon": 1e-5, "tie_word_embeddings": False},
}


@dataclass(frozen=True)
class Recipe:
    """How a run goes; the defaults are what is recorded."""

    peak: float = 5e-3  # learning rate after the warm-up
    warmup: int = 20
    floor: float = 5e-4
    beta1: float = 0.9
    beta2: float = 0.95
    decay: float = 0.1  # of matrices
    decay_of_vectors: float = 0.0
    is_decoupled: bool = True
    clip: float = 1.0


MISTAKES = [{"warmup": 19}, {"floor": 0.0}, {"beta1": 0.89}, {"beta2": 0.999}, {"decay": 0.0}, {"clip": 2.0}]
MISTAKES += [{"decay_of_vectors": 0.1}, {"is_decoupled": False}]


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.heads, self.norm = heads, nn.LayerNorm(width, eps=1e-5)
        self.q, self.k, self.v = (Conv1D(heads * size, width) for _ in range(3))
        self.out = Conv1D(width, heads * size)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D) -> (B, T, D)
        normed = self.norm(x)
        q, k, v = (f(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5  # (B, H, T, T)
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
        return self.out((pattern @ v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width, eps=1e-5), Conv1D(hidden, width), Conv1D(width, hidden)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.up(self.norm(x)).relu())


class Sinusoidal(nn.Module):
    """Every parameter has the name and the layout that it has in our files."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.embed, self.blocks = nn.Embedding(VOCABULARY, width), nn.ModuleList()
        for _ in range(config["num_hidden_layers"]):
            attn = Attention(width, config["num_attention_heads"], config["head_dim"])
            self.blocks.append(nn.ModuleDict({"attn": attn, "mlp": MLP(width, config["intermediate_size"])}))
        self.final = nn.ModuleDict({"norm": nn.LayerNorm(width, eps=1e-5)})
        self.unembed = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:  # (B, T) -> (B, T, V)
        x = self.embed(tokens)
        p, frequency = torch.arange(x.shape[1]), 10000.0 ** (-torch.arange(0, x.shape[2], 2) / x.shape[2])
        angle = p[:, None] * frequency  # (T, D/2)
        x = x + torch.stack([angle.sin(), angle.cos()], -1).flatten(1).to(x)  # column 2i a sine, 2i + 1 its cosine
        for block in self.blocks:
            x = x + block["attn"](x)
            x = x + block["mlp"](x)
        return self.unembed(self.final["norm"](x))


def make_model(config: dict, directory: Path, rng: np.random.Generator) -> None:
    """Write a model directory with random weights."""
    if config["model_type"] != "sinusoidal":
        return write_model(Case(config), directory, rng)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file(random_weights(Sinusoidal(config), rng), directory / "model.safetensors")


def open_model(config: dict, directory: Path) -> nn.Module:
    if config["model_type"] != "sinusoidal":
        return load(directory)
    model = Sinusoidal(config)
    model.load_state_dict(load_file(directory / "model.safetensors"))
    return model


def make_texts(is_padded: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Tokens and targets, (STEPS, BATCH, LENGTH) each, of texts in which there is something to learn.

    The next token is the successor of the last one, by a fixed permutation (60 %), the one three before it again
    (30 %), or any (10 %). Padded texts have 6 to LENGTH targets; after them come tokens 0 and targets PADDING.
    """
    successor, count = rng.permutation(VOCABULARY), STEPS * BATCH
    text = rng.integers(0, VOCABULARY, (count, LENGTH + 1))
    kind = rng.random(text.shape)
    for t in range(3, LENGTH + 1):
        known = np.where(kind[:, t] < 0.6, successor[text[:, t - 1]], text[:, t - 3])
        text[:, t] = np.where(kind[:, t] < 0.9, known, text[:, t])
    lengths = rng.integers(6, LENGTH + 1, count) if is_padded else np.full(count, LENGTH)
    is_padding = np.arange(LENGTH) >= lengths[:, None]
    tokens, targets = np.where(is_padding, 0, text[:, :-1]), np.where(is_padding, PADDING, text[:, 1:])
    return tuple(part.reshape(STEPS, BATCH, LENGTH).astype(np.int8) for part in (tokens, targets))


def train(model: nn.Module, tokens: np.ndarray, targets: np.ndarray, recipe: Recipe) -> dict[str, np.ndarray]:
    """Loss, learning rate and norm of the gradient before clipping, of each step; the model is changed."""
    decays = {2: recipe.decay, 1: recipe.decay_of_vectors}
    groups = [{"params": [p for p in model.parameters() if p.ndim == n], "weight_decay": decays[n]} for n in decays]
    kind = torch.optim.AdamW if recipe.is_decoupled else torch.optim.Adam
    optimizer = kind(groups, lr=recipe.peak, betas=(recipe.beta1, recipe.beta2), eps=1e-8)
    rise = LinearLR(optimizer, 1 / recipe.warmup, total_iters=recipe.warmup - 1)
    fall = CosineAnnealingLR(optimizer, STEPS - recipe.warmup, recipe.floor)
    schedule = SequentialLR(optimizer, [rise, fall], [recipe.warmup])
    rows = []
    for inputs, wanted in zip(torch.from_numpy(tokens).long(), torch.from_numpy(targets).long(), strict=True):
        out = model(inputs)
        logits = out if isinstance(out, Tensor) else out.logits  # (B, T, V)
        loss = cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PADDING)  # the mean over targets
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        rows.append((loss.item(), schedule.get_last_lr()[0], norm.item()))
        optimizer.step()
        schedule.step()
    return dict(zip(("losses", "rates", "norms"), np.array(rows).T, strict=True))


@torch.no_grad()
def square_sums(model: nn.Module) -> dict[str, np.ndarray]:
    """Each tensor's, of the file; three where q, k and v lie side by side."""
    parts = {name: p.double().chunk(3 if "c_attn" in name else 1, -1) for name, p in model.named_parameters()}
    return {f"final/{name}": np.array([part.square().sum().item() for part in found]) for name, found in parts.items()}


def record(name: str, config: dict, root: Path) -> None:
    """Write `models/training-NAME/` and `recorded/training-NAME.npz`, after proving that mistakes would show."""
    directory, rng = root / "models" / f"training-{name}", np.random.default_rng(zlib.crc32(name.encode()))
    make_model(config, directory, rng)
    texts, model = make_texts(name == "sinusoidal", rng), open_model(config, directory)
    values = {"tokens": texts[0], "targets": texts[1]} | train(model, *texts, Recipe())
    losses = values["losses"]

    def change(other: nn.Module, recipe: Recipe) -> float:
        return np.abs(train(other, *texts, recipe)["losses"] / losses - 1).max()

    print(f"{name}: the loss goes from {losses[:5].mean():.3f} to {losses[-20:].mean():.3f}")
    print(f"{name}: in float64, {change(open_model(config, directory).double(), Recipe()):.1e} off")
    for mistake in MISTAKES:
        found = change(open_model(config, directory), replace(Recipe(), **mistake))
        print(f"{name}: {mistake} would move a loss by {found:.1e}")
        assert found > VISIBLE
    np.savez_compressed(root / "recorded" / f"training-{name}.npz", **values, **square_sums(model))


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for chosen in sys.argv[1:] or CASES:
        record(chosen, CASES[chosen], Path(__file__).parent)
