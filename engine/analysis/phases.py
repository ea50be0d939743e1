"""The ten stages of the evolution report: from a plain float32 model to one that is small, fast and looked into.

Each stage has the settings of the one before and one thing more. Three are stages of observation: the settings stay,
and what is measured is what looking costs, in time and in bytes held. Only they look; the others run unwatched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.settings import Settings

RANK = 12
PLAIN, TIED, LOW_RANK = "plain", "tied", "tied-low-rank"
LOG, PATTERNS, ENTROPY = "log", "patterns", "entropy"


@dataclass(frozen=True)
class Stage:
    """One stage.

    variant   which model it is measured on, where each was trained on its own: "plain", "tied" or "tied-low-rank"
    watches   what is looked at while it runs: nothing (""), every line ("log"), the attention of every head
              ("patterns"), or that and its entropy ("entropy")
    """

    name: str
    settings: Settings
    variant: str
    sentence: str
    watches: str = ""


def stages(rank: int = RANK) -> tuple[Stage, ...]:
    """All ten, in order. The program stays as it is written: optimizing would do several of them at once."""
    plain = Settings(kv_cache=False, optimize=False)
    cached = replace(plain, kv_cache=True)
    tied = replace(cached, tie_embeddings=True)
    attention, mlp = replace(tied, int8="attention"), replace(tied, int8="all")
    thin = replace(mlp, low_rank_mlp=rank)
    fused = replace(thin, fuse_qkv=True)
    return (
        Stage("FP32", plain, PLAIN, "Every number in float32; each token runs the whole text again."),
        Stage("operation log", plain, PLAIN,
              "The same, with every operation timed and every value kept to be looked at.", LOG),
        Stage("KV cache", cached, PLAIN,
              "Keys and values of earlier tokens are kept: a token costs one row instead of the whole text."),
        Stage("tied weights", tied, TIED, "The output reads the token table: one large matrix less."),
        Stage("INT8 attention", attention, TIED,
              "The attention matrices as whole numbers of one byte, a scale for each output."),
        Stage("INT8 MLP", mlp, TIED, "The MLP matrices as well."),
        Stage("low-rank MLP", thin, LOW_RANK, f"Each MLP matrix is two thin ones of rank {rank}, in INT8 too."),
        Stage("fused QKV", fused, LOW_RANK, "One product makes queries, keys and values."),
        Stage("head views", fused, LOW_RANK, "The same, keeping the attention of every head for every token.",
              PATTERNS),
        Stage("entropy", fused, LOW_RANK, "The same, and the entropy of every head's attention is worked out.",
              ENTROPY),
    )  # fmt: skip
