"""Make the small random models of `models/` and record what transformers computes with them in `recorded/`.

    python tests/golden/record.py [CASE...]

Needs torch and transformers, which the product never imports; README.md names the versions. Weights come from a NumPy
generator seeded by the case's name: a second run writes the same models. They are wide, and norm gains and biases are
random too, so that a forgotten one shows. Every case exists to catch one kind of mistake, and `mistakes` says which:
each is a change of the configuration that has to move the logits, or the recording would not notice it.
"""

import copy
import itertools
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from huggingface_hub import save_torch_state_dict
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel

VISIBLE = 3e-4  # a mistake moves some logit, and a greedy choice leads, by at least this: far above float32 rounding

GPT2 = {"model_type": "gpt2", "vocab_size": 61, "n_embd": 24, "n_layer": 2, "n_head": 4, "n_positions": 52}
GPT2 |= {"bos_token_id": 1, "eos_token_id": 2}
LLAMA = {"model_type": "llama", "vocab_size": 61, "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2}
LLAMA |= {"num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 96}
MISTRAL, QWEN2 = LLAMA | {"model_type": "mistral"}, LLAMA | {"model_type": "qwen2"}
NINE_HEADS = {"hidden_size": 45, "num_attention_heads": 9, "num_key_value_heads": 3, "head_dim": 10}
LLAMA3_ROPE = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3_ROPE |= {"original_max_position_embeddings": 40}


@dataclass(frozen=True)
class Case:
    """One model: its configuration, how its files look, and the mistakes that its recording has to reveal."""

    config: dict
    length: int = 40  # T, tokens in `ids`
    mistakes: tuple[dict, ...] = ()
    dtype: str = "float32"  # of the file; all recorded computation is float32
    old: tuple[str, ...] = ()  # "config": written as it stands, not as transformers 5 would; "tensors": see old_form
    shard: str = "1GB"


CASES = {
    "gpt2-tied-old-style": Case(
        GPT2 | {"n_ctx": 52, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"},
        mistakes=({"tie_word_embeddings": False}, {"n_head": 3}),
        old=("config", "tensors"),
    ),
    "gpt2-untied-erf": Case(
        GPT2 | {"activation_function": "gelu", "tie_word_embeddings": False, "n_inner": 40},
        mistakes=({"activation_function": "gelu_new"}, {"tie_word_embeddings": True}),
    ),
    "gpt2-scale-by-layer": Case(
        GPT2 | {"n_layer": 3, "scale_attn_by_inverse_layer_idx": True},
        mistakes=({"scale_attn_by_inverse_layer_idx": False},),
    ),
    "gpt2-no-scale": Case(GPT2 | {"scale_attn_weights": False}, mistakes=({"scale_attn_weights": True},)),
    "gpt2-relu": Case(GPT2 | {"activation_function": "relu"}, mistakes=({"activation_function": "gelu_new"},)),
    "gpt2-f16": Case(GPT2, dtype="float16", mistakes=({"layer_norm_epsilon": 0.1},)),
    "llama-old-style": Case(
        LLAMA | {"rope_theta": 500.0, "rope_scaling": None, "torch_dtype": "float32", "tie_word_embeddings": False},
        mistakes=({"rope_theta": 10000.0}, {"tie_word_embeddings": True}, {"rms_norm_eps": 1e-2}),
        old=("config", "tensors"),
    ),
    "llama-biases": Case(
        LLAMA | {"attention_bias": True, "mlp_bias": True, "head_dim": 10},
        mistakes=({"attention_bias": False}, {"mlp_bias": False}),
    ),
    "llama3-rope-old-style": Case(
        LLAMA | {"head_dim": 16, "rope_theta": 1000.0, "rope_scaling": LLAMA3_ROPE, "torch_dtype": "float32"},
        length=60,
        mistakes=(
            {"rope_scaling": LLAMA3_ROPE | {"low_freq_factor": 3.99}},  # nothing interpolated
            {"rope_scaling": LLAMA3_ROPE | {"high_freq_factor": 20.0}},  # nothing kept
            {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},  # everything scaled
            {"rope_scaling": None},  # everything kept
            {"tie_word_embeddings": True},  # absent in the file, and absent means false in this family
        ),
        old=("config",),
    ),
    "llama-sharded": Case(LLAMA | {"head_dim": 6}, shard="16KB", mistakes=({"tie_word_embeddings": True},)),
    "mistral-window": Case(
        MISTRAL | {"sliding_window": 5, "head_dim": 8, "tie_word_embeddings": False},
        mistakes=({"sliding_window": None}, {"sliding_window": 4}, {"sliding_window": 6}),
    ),
    "mistral-no-window": Case(MISTRAL | {"sliding_window": None}, mistakes=({"sliding_window": 29},)),
    "qwen2-mixed-window": Case(
        QWEN2 | {"num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
        mistakes=({"use_sliding_window": False}, {"max_window_layers": 0}, {"max_window_layers": 2}),
        old=("config",),
    ),
    "qwen2-untied": Case(QWEN2 | {"tie_word_embeddings": False}, mistakes=({"tie_word_embeddings": True},)),
    "smollm2-like": Case(
        LLAMA | NINE_HEADS | {"tie_word_embeddings": True, "rope_parameters": {"rope_theta": 100000.0}},
        mistakes=({"rope_parameters": {"rope_theta": 10000.0}},),
        dtype="bfloat16",
    ),
}


def configure(settings: dict) -> PreTrainedConfig:
    """The configuration object that transformers makes of a config.json's content; it changes what it is given."""
    return AutoConfig.for_model(**copy.deepcopy(settings))


def random_weights(model: PreTrainedModel, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Wide values for every parameter of the model; norm gains spread around one."""
    weights = {}
    for name, parameter in model.named_parameters():  # a tied head is listed once, as the embedding
        values = rng.normal(1.0 if parameter.ndim == 1 and name.endswith("weight") else 0.0, 0.25, parameter.shape)
        weights[name] = torch.from_numpy(values.astype(np.float32))
    return weights


def old_form(weights: dict[str, torch.Tensor], config: PreTrainedConfig) -> dict[str, torch.Tensor]:
    """GPT-2's names without `transformer.`, and the buffers that the first files of both families hold needlessly."""
    layers = range(config.num_hidden_layers)
    if config.model_type == "gpt2":
        weights = {name.removeprefix("transformer."): weight for name, weight in weights.items()}
        causal = torch.ones(config.n_positions, config.n_positions).tril()[None, None]
        weights |= {f"h.{i}.attn.bias": causal.clone() for i in layers}
        return weights | {f"h.{i}.attn.masked_bias": torch.tensor(-1e4) for i in layers}
    frequencies = config.rope_parameters["rope_theta"] ** -(torch.arange(0, config.head_dim, 2) / config.head_dim)
    return weights | {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": frequencies.clone() for i in layers}


def write_model(case: Case, directory: Path, rng: np.random.Generator) -> None:
    config, dtype = configure(case.config), getattr(torch, case.dtype)
    weights = {name: w.to(dtype) for name, w in random_weights(AutoModelForCausalLM.from_config(config), rng).items()}
    if "tensors" in case.old:
        weights = old_form(weights, config)
    config.architectures, config.dtype = [AutoModelForCausalLM._model_mapping[type(config)].__name__], dtype
    config.save_pretrained(directory)
    save_torch_state_dict(weights, directory, max_shard_size=case.shard)
    if "config" in case.old:
        content = {"architectures": config.architectures} | case.config
        (directory / "config.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def load(directory: Path, config: PreTrainedConfig | None = None) -> PreTrainedModel:
    """The model of a directory, as transformers reads it, computing in float32 by the plainest attention."""
    model, report = AutoModelForCausalLM.from_pretrained(
        directory, config=config, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    unread = [name for name in report["unexpected_keys"] if not name.endswith("masked_bias")]
    assert config or not (report["missing_keys"] or report["mismatched_keys"] or unread), f"{directory}: {report}"
    return model.eval()


@torch.no_grad()
def compute(model: PreTrainedModel, ids: np.ndarray) -> dict[str, np.ndarray]:
    """The logits (T, V) and hidden states (layers + 1, T, D) of one full pass; the last is after the final norm."""
    out = model(torch.from_numpy(ids)[None], output_hidden_states=True, use_cache=False)
    assert torch.equal(model.lm_head(out.hidden_states[-1]), out.logits)
    return {"logits": out.logits[0].numpy(), "hidden": torch.cat(out.hidden_states).numpy()}


def continue_greedily(model: PreTrainedModel, ids: np.ndarray, count: int = 12) -> tuple[np.ndarray, float]:
    """The likeliest tokens, each from a full pass, and their least lead; an end token does not end them."""
    leads = []
    for _ in range(count):
        last = compute(model, ids)["logits"][-1]
        leads.append(np.diff(np.sort(last)[-2:]).item())
        ids = np.append(ids, last.argmax())
    return ids[-count:], min(leads)


def record(name: str, case: Case, root: Path) -> None:
    """Write `models/NAME/` and `recorded/NAME.npz` under the root, after proving that the case catches its mistakes."""
    directory = root / "models" / name
    for draw in itertools.count():  # until the continuation says something: more than two tokens, no near tie
        rng = np.random.default_rng([draw, zlib.crc32(name.encode())])
        write_model(case, directory, rng)
        model, ids = load(directory), rng.integers(0, case.config["vocab_size"], case.length)
        greedy, lead = continue_greedily(model, ids)
        if lead > VISIBLE and len(set(greedy)) >= 3:
            break
    values = compute(model, ids)
    for mistake in case.mistakes:
        wrong = load(directory, configure(case.config | mistake))
        wrong.tie_weights()  # on loading it obeys the file, not the configuration, when the file has a head of its own
        change = np.abs(compute(wrong, ids)["logits"] - values["logits"]).max()
        assert change > VISIBLE, f"{name}: {mistake} changes the logits by {change:.1e} only"
        print(f"{name}: {json.dumps(mistake)} would change the logits by {change:.2g}")
    (root / "recorded").mkdir(exist_ok=True)
    np.savez(root / "recorded" / f"{name}.npz", ids=ids, **values, greedy=greedy)


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for chosen in sys.argv[1:] or CASES:
        record(chosen, CASES[chosen], Path(__file__).parent)
