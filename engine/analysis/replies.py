"""What a model says after many prompts, greedily, up to the end of the line: many prompts at a time.

Prompts of about the same length make a batch. All rows of a batch stand at the same position at any time: first every
row is fed as many tokens as the shortest prompt has, then one token per row and call, which is the prompt's own next
token where there is one, and else the likeliest. So nothing is padded, and one cache serves the whole batch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
from threadpoolctl import threadpool_limits

from engine.compile import compile_program
from engine.errors import InputError
from engine.model import Model
from engine.prepare import Prepared, prepare
from engine.rewrites.cache_kv import cache_slots
from engine.settings import Settings

Array = np.ndarray
ROWS = 32  # prompts in a batch
LONGEST = 32  # tokens of a reply


class Batch:
    """The compiled programs and the cache for `rows` prompts at a time. It owns its buffers: one for each thread."""

    def __init__(self, prepared: Prepared, rows: int) -> None:
        self.rows, self.prepared = rows, prepared
        self._prompt, self._step = (compile_program(*made) for made in (prepared.prompt_last, prepared.step))
        self._slots = cache_slots(prepared.prompt_last[0])
        config = prepared.config
        shape = (rows, config.kv_heads, config.context, config.head_size)
        self._caches = {slot.name: np.zeros(shape, np.float32) for slot in self._slots}

    def feed(self, tokens: Array, first: int) -> Array:
        """The likeliest next token of each row after (B, T) `tokens` at positions `first` and on; all (B,)."""
        last = first + tokens.shape[1]
        inputs = {"tokens": tokens, "position_ids": np.arange(first, last), **self._caches}
        inputs |= {slot.key_position_ids: np.arange(last) for slot in self._slots}
        logits = (self._step if tokens.shape[1] == 1 else self._prompt)(inputs)["logits"][:, -1]  # (B, T, V) -> (B, V)
        if not np.isfinite(logits).all():
            raise InputError("the logits hold NaN or infinity: are the weights damaged?")
        return logits.argmax(-1)

    def replies(self, prompts: Sequence[list[int]], is_over: Callable[[list[int]], bool], stop: Callable[[], bool]
                ) -> list[list[int]]:  # fmt: skip
        """The tokens after each prompt, at most `rows` prompts, until `is_over` says so of a reply."""
        self._prompt.stop = stop
        texts = [list(prompts[min(row, len(prompts) - 1)]) for row in range(self.rows)]  # spare rows repeat the last
        lengths = [len(text) for text in texts]
        ends: dict[int, int] = {}  # row -> where its reply ends; what it is fed from then on is not looked at
        position = min(lengths)
        likeliest = self.feed(np.array([text[:position] for text in texts]), 0)
        while not stop():
            for row, text in enumerate(texts):
                if len(text) == position:
                    text.append(int(likeliest[row]))
                    if row not in ends and is_over(text[lengths[row] :]):
                        ends[row] = len(text)
            if len(ends) == self.rows or position + 1 == self.prepared.config.context:
                break
            likeliest = self.feed(np.array([text[position : position + 1] for text in texts]), position)
            position += 1
        return [text[lengths[row] : ends.get(row)] for row, text in enumerate(texts[: len(prompts)])]


class Replier:
    """Answers prompts with a line each: `threads` batches at a time, BLAS at one thread, as in training.

    Raises InputError if the model has no tokenizer.
    """

    def __init__(self, model: Model, rows: int = ROWS, threads: int = 2) -> None:
        if model.tokenizer is None:
            raise InputError(f"{model.name} has no tokenizer, so it cannot read questions")
        self.model, self.tokenizer, self.rows, self.threads = model, model.tokenizer, rows, threads
        self._prepared = prepare(model.config, model.weights, Settings(), keep=())
        self._own = threading.local()  # a batch for each thread

    def __call__(self, prompts: Sequence[str], report: Callable[[int, int], None] | None = None) -> list[str]:
        """What follows each prompt up to the end of its line, `LONGEST` tokens at most. `report` is told (done, total).

        A prompt that fills the context is answered with nothing. Raises InputError if the logits are not numbers.
        """
        ids = [self.tokenizer.encode_prompt(prompt) for prompt in prompts]
        fitting = [i for i, prompt in enumerate(ids) if 0 < len(prompt) < self.model.config.context]
        fitting.sort(key=lambda i: len(ids[i]))
        groups = [fitting[first : first + self.rows] for first in range(0, len(fitting), self.rows)]
        replies, done, given_up = [""] * len(ids), len(ids) - len(fitting), threading.Event()
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(self.threads, "replies") as pool:
            waiting = {pool.submit(self._answer, [ids[i] for i in group], given_up): group for group in groups}
            try:
                for future in as_completed(waiting):
                    for i, reply in zip(waiting[future], future.result(), strict=True):
                        replies[i] = self.tokenizer.decode(reply)
                    done += len(waiting[future])
                    if report:
                        report(done, len(ids))
            finally:  # also after Ctrl-C or a refusal: the threads end soon
                given_up.set()
                for future in waiting:
                    future.cancel()
        return replies

    def _answer(self, prompts: Sequence[list[int]], given_up: threading.Event) -> list[list[int]]:
        if not hasattr(self._own, "batch"):
            self._own.batch = Batch(self._prepared, self.rows)
        return self._own.batch.replies(prompts, self._is_over, given_up.is_set)

    def _is_over(self, reply: list[int]) -> bool:
        return len(reply) >= LONGEST or reply[-1] in self.model.config.eos or "\n" in self.tokenizer.decode(reply)
