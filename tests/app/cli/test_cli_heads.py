"""`minigpt heads`: the engine's figures, for a person and for a machine."""

from __future__ import annotations

import pytest

from engine.analysis.induction import loss_without, measure_heads, repeats
from engine.model import open_model


@pytest.fixture(scope="module")
def wide(make_reader):
    return make_reader(max_position_embeddings=80)


def test_the_figures_are_the_engines(minigpt, wide):
    told = minigpt("heads", wide, "--sequences", 4, "--best", 2, "--seed", 7, "--json").json
    model = open_model(str(wide))
    texts = repeats(model, 4, seed=7)
    heads = measure_heads(model, texts)
    assert told["second_half_loss"] == heads.second_loss
    assert [(row["layer"], row["head"]) for row in told["heads"]] == [(i, h) for i in range(2) for h in range(4)]
    assert told["heads"][5]["induction"] == heads.scores.induction[1, 1]
    assert told["left_out"][0]["rise"] == loss_without(model, texts, heads.best(1)) - heads.second_loss


def test_a_person_gets_a_row_for_each_head_and_what_leaving_the_best_out_costs(minigpt, wide):
    rows = minigpt("heads", wide, "--sequences", 2, "--best", 1).out.splitlines()
    assert rows[0].split() == ["layer", "head", "previous", "first", "same", "induction"]
    assert len(rows) == 1 + 8 + 2
    assert rows[-1].startswith("without layer ") and rows[-1].endswith(" nats")


def test_a_model_with_a_short_context_is_refused(minigpt, make_reader):
    short = make_reader(max_position_embeddings=63)
    assert "need a context of 64" in minigpt("heads", short, "--sequences", 1).error
