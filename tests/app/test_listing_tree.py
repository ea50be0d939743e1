"""The listing of a training pass, folded: forward as ever, then backward and update with blocks of their own."""

from __future__ import annotations

import pytest

from engine.model import open_model
from engine.passes import training_pass
from engine.stepper import Stepper
from viewers.listing_tree import at, entries, groups_of, label_of, same_in_block, stands_in


@pytest.fixture(scope="module", params=["random:sinusoidal-2x64", "random:gpt2-2x240"])
def rows(request):
    model = open_model(request.param)
    return Stepper(*training_pass(model, None, [1, 2, 3])).view().rows


@pytest.mark.parametrize(
    ("name", "groups", "label"),
    [
        ("logits", (), "logits"),
        ("blocks.0.resid_pre", ("blocks.0",), "resid_pre"),
        ("blocks.0.attn.q.rows", ("blocks.0", "blocks.0.attn"), "q.rows"),
        ("d.logits", ("backward",), "d.logits"),
        ("d.embed.weight@logits", ("backward",), "d.embed.weight@logits"),
        ("d.blocks.1.attn.q", ("backward", "backward.blocks.1", "backward.blocks.1.attn"), "d.q"),
        ("d.blocks.1.resid_mid@blocks.1.mlp.normalized", ("backward", "backward.blocks.1"),
         "d.resid_mid@mlp.normalized"),
        ("again.blocks.0.mlp.pre", ("backward", "backward.blocks.0", "backward.blocks.0.mlp"), "again.pre"),
        ("update.norm", ("update",), "norm"),
        ("m.final.norm.weight", ("update", "update.final.norm.weight"), "m"),
        ("new.blocks.0.attn.q.weight",
         ("update", "update.blocks.0", "update.blocks.0.attn", "update.blocks.0.attn.q.weight"), "new"),
    ],
)  # fmt: skip
def test_groups_and_labels_of_lines(name, groups, label):
    assert (groups_of(name), label_of(name)) == (groups, label)
    assert all(stands_in(name, group) for group in (name, *groups))


@pytest.mark.parametrize(
    ("group", "label"),
    [("blocks.0", "blocks.0"), ("blocks.0.attn", "attn"), ("backward", "backward"), ("backward.blocks.1", "blocks.1"),
     ("backward.blocks.1.mlp", "mlp"), ("update", "update"), ("update.blocks.0.attn", "attn"),
     ("update.blocks.0.attn.q.weight", "q.weight"), ("update.embed.weight", "embed.weight")],
)  # fmt: skip
def test_labels_of_groups(group, label):
    assert label_of(group) == label


def test_folded_it_is_the_forward_pass_and_two_sections(rows):
    found = entries(rows, frozenset())
    assert [entry.name for entry in found][-3:] == ["loss", "backward", "update"]
    assert [entry.name for entry in found if entry.is_group] == ["blocks.0", "blocks.1", "backward", "update"]


def test_unfolded_it_shows_every_line_once_and_no_group_twice(rows):
    every = frozenset(group for row in rows for group in groups_of(row.address))
    found = entries(rows, every)
    assert [entry.name for entry in found if not entry.is_group] == [row.address for row in rows]
    names = [entry.name for entry in found if entry.is_group]
    assert len(names) == len(set(names)) and set(names) == every
    assert [name for name in names if name.startswith("backward.blocks.") and name.count(".") == 2] == [
        "backward.blocks.1", "backward.blocks.0",
    ]  # fmt: skip
    for entry in found:
        assert at(found, entry.name) == found.index(entry)


def test_a_folded_line_is_found_at_its_innermost_group(rows):
    found = entries(rows, frozenset({"update"}))
    assert found[at(found, "v.blocks.1.mlp.up.weight")].name == "update.blocks.1"


def test_the_same_line_one_block_on():
    assert same_in_block("d.blocks.1.attn.q@blocks.1.attn.scores", -1) == "d.blocks.0.attn.q@blocks.0.attn.scores"
    assert same_in_block("update.blocks.0.attn", 1) == "update.blocks.1.attn"
    assert same_in_block("update.norm", 1) == "update.norm"
