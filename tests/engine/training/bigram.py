"""A model small enough to differentiate by hand, behind the trainer's protocol: logits = E[token] @ U^T.

It stands in for the compiled step, so that these tests are about the loop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.ops.loss import log_softmax
from engine.training.parameters import FlatParameters
from engine.training.plan import Plan, read_plan

MODEL = {"model_type": "gpt2", "n_layer": 1, "n_embd": 8, "n_head": 2, "n_positions": 16, "tie_word_embeddings": False}
OPTIONS = {"batch": 4, "context": 8, "steps": 40, "learning_rate": 0.05, "warmup": 5, "validate_every": 10,
           "checkpoint_every": 4, "sample_tokens": 4, "threads": 2, "measure_every": 5}  # fmt: skip


@dataclass(frozen=True)
class Result:
    loss_sum: float
    target_count: int


class Bigram:
    """The gradient of the two matrices; all other weights have none."""

    def __init__(self, parameters: FlatParameters, plan: Plan) -> None:
        self.parameters, self.seen = parameters, []

    def gradients(self, tokens, targets, update, first_sample):
        self.seen.append((update, first_sample, tokens.copy()))
        self.parameters.gradient[:] = 0
        values, gradients = self.parameters.values, self.parameters.gradients
        x, t = tokens[targets >= 0], targets[targets >= 0]
        hidden = values["embed.weight"][x]
        logp = log_softmax(hidden @ values["unembed.weight"].T)
        d = np.exp(logp)
        d[np.arange(len(t)), t] -= 1
        gradients["unembed.weight"][...] = d.T @ hidden
        np.add.at(gradients["embed.weight"], x, d @ values["unembed.weight"])
        return Result(-float(logp[np.arange(len(t)), t].sum()), len(t))

    def loss(self, tokens, targets):
        x, t = tokens[targets >= 0], targets[targets >= 0]
        logp = log_softmax(self.parameters.values["embed.weight"][x] @ self.parameters.values["unembed.weight"].T)
        return -float(logp[np.arange(len(t)), t].sum()), len(t)


def plan(**options: object) -> Plan:
    return read_plan({"model": MODEL, "training": OPTIONS | options})
