"""A shipped model and its page are those of the run: weights, figures, stories that were held out."""

from __future__ import annotations

import json
import re
from itertools import islice

import numpy as np
import pytest

from app.cli.main import main
from engine.corpus.tales import generate
from engine.model import open_model
from engine.run import Run
from engine.training.checkpoints import open_saved
from sample_models import ship, stories

SMALL = ("hidden_size=16", "num_hidden_layers=2", "num_attention_heads=2", "num_key_value_heads=1", "head_dim=8",
         "intermediate_size=24", "max_position_embeddings=700", "vocabulary=320", "batch=2", "steps=2",
         "checkpoint_every=1", "validate_every=1", "sample_tokens=2", "keep=2")  # fmt: skip


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A training text and a held-out text."""
    home = tmp_path_factory.mktemp("texts")
    for name, told, count in (("train.txt", generate(5), 12), ("held.txt", generate(5, "held_out"), 3)):
        (home / name).write_text("".join(story.text for story in islice(told, count)))
    return home


@pytest.fixture(scope="module")
def run(texts):
    settings = [word for setting in SMALL for word in ("--set", setting)]
    data = ["--data", str(texts / "train.txt"), "--validation", str(texts / "held.txt")]
    assert main(["train", "--preset", "tales", *settings, *data, "-o", str(texts / "run"), "--json"]) == 0
    return texts / "run"


@pytest.fixture(scope="module")
def shipped(run, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, few in (("SHOWN", 2), ("QUESTIONS", 2), ("MOST_BYTES", 2000)):
            patch.setattr(stories, name, few)
        home = tmp_path_factory.mktemp("models")
        words = [
            str(run),
            "tales",
            "--recipe",
            "make it",
            "--stories",
            "--prompt",
            "Once",
            "--to",
            str(home),
            "--before",
            str(run),
        ]
        patch.setattr("sys.argv", ["ship", *words])
        ship.main()
    return home / "tales"


def naive_loss(model, text):
    """The mean loss of every token of a story and of its end, by the plain program in float64."""
    ids = model.tokenizer.encode_prompt(text.removesuffix("\n"), special=True)
    inputs = {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}
    rows = Run(model.program, model.weights, inputs).run()["logits"][0].astype(np.float64)
    return [np.logaddexp.reduce(rows[t - 1]) - rows[t - 1, ids[t]] for t in range(1, len(ids))]


def test_the_model_is_that_of_the_checkpoint_with_the_lowest_validation_loss(run, shipped):
    losses = {path: open_saved(path).state.validation_loss or 0 for path in run.glob("step-*")}
    best = open_model(str(min(losses, key=losses.__getitem__)))
    model = open_model(str(shipped))
    assert model.config == best.config
    for address, value in best.weights.items():
        assert np.array_equal(model.weights[address], value.astype(np.float16)), address


def test_the_figures_of_the_page_are_those_of_the_run(run, texts, shipped):
    page = (shipped / "README.md").read_text()
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert ", after 0 for the lessons before, 2 updates" in page
    found = re.search(r"2 updates of ([\d,]+) tokens\n- Loss: ([\d.]+) nats per token at .*?, ([\d.]+)\n", page)
    assert found
    tokens, train, validation = found.groups()
    assert int(tokens.replace(",", "")) == round(np.mean([row["tokens"] for row in rows]))
    assert float(train) == pytest.approx(np.mean([row["loss"] for row in rows]), abs=6e-4)
    held_out = (texts / "held.txt").read_text().split("<|endoftext|>\n")[:-1]
    model = open_model(str(shipped))
    nats = [nat for text in held_out for nat in naive_loss(model, text + "<|endoftext|>")]
    assert float(validation) == pytest.approx(np.mean(nats), abs=6e-4)
    assert f"Size: {(shipped / 'model.safetensors').stat().st_size:,} bytes as float16" in page
    assert "Recipe: `make it`" in page and "MIT" in page


def test_held_out_stories_lie_beside_it_and_their_loss_is_told(shipped):
    text, page = (shipped / "held-out.txt").read_text(), (shipped / "README.md").read_text()
    whole = text.split("<|endoftext|>\n")[:-1]
    assert len(text) <= 2000 and text == "".join(s.text for s in islice(generate(2, "held_out"), len(whole)))
    model = open_model(str(shipped))
    nats = [nat for one in whole for nat in naive_loss(model, one + "<|endoftext|>")]
    assert f"holds {len(whole)} held-out stories; their loss is {np.mean(nats):.3f} nats" in page


def test_the_page_shows_judgement_head_and_continuations(shipped):
    page = (shipped / "README.md").read_text()
    assert len(re.findall(r"^\| (?:who|where|next) \| 0\.0% \| [\d.]+% \| [\d.]+% \|$", page, re.MULTILINE)) == 3
    assert re.search(r"layer \d, head \d \(counted\s+from 0\) has a mean induction score of 0\.\d\d", page)
    opened = [stories.opening(story) for story in islice(generate(2, "held_out"), 2)]
    told = " ".join(page.split())
    assert all(told.count(f"[{text}]") == 2 for text in opened)
    assert all(len(line) <= 120 for line in page.split("~~~~")[1].splitlines())


def test_an_opening_is_whole_sentences_of_at_least_eight_words():
    for story in islice(generate(2, "held_out"), 8):
        text = stories.opening(story)
        assert story.body.startswith(text) and text.rstrip('"')[-1] in ".!?" and len(text.split()) >= 8
