"""What an edited model writes is what its edited plain program says over the whole text, token by token."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.edit_text import edit_from_text
from engine.edited_decoder import carried
from engine.editing import clear_edits, edit, redo_edit, undo_edit
from engine.edits import Edit, apply_edits, require_fit
from engine.errors import Cancelled, InputError
from engine.recording import record_text
from engine.run import execute
from engine.sampling import Sampler, sample
from engine.session import Session, never
from engine.session_file import restore, saved
from engine.settings import Settings
from engine.trace_file import save_trace

GREEDY = Sampler(0)
WORDS = (
    "blocks.0.attn.pattern:ablate_head:1",
    "blocks.1.mlp.out:scale:*,4=-3",
    "blocks.0.resid_post:set:*,2-3,1=4",
    "blocks.0.attn.z:mean",
    "blocks.1.attn.scores:add:*,*,*,0=2",
    "embed:zero:*,0",
)


def session_of(model, sampler: Sampler = GREEDY, seed: int = 0, **settings) -> Session:
    return Session(model, Settings(**settings), sampler, seed)


def logits_of(model, ids: list[int], edits: list[Edit]) -> np.ndarray:
    """The plain program over the whole text, with the edits as lines of it: (T, V)."""
    inputs = {"tokens": np.array([ids]), "position_ids": np.arange(len(ids))}
    return execute(apply_edits(model.program, edits), model.weights, inputs)["logits"][0]


def written(
    model, ids: list[int], edits: list[Edit], count: int, sampler: Sampler = GREEDY, seed: int = 0
) -> list[int]:
    """A loop by hand: run everything, draw, append."""
    ids = list(ids)
    for _ in range(count):
        bits = np.random.PCG64(seed)
        bits.advance(len(ids))
        ids.append(sample(logits_of(model, ids, edits)[-1], sampler, np.random.Generator(bits), ids).token)
    return ids


def made(session: Session, count: int) -> list[int]:
    return [token.id for token in session.generate(count)]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("settings", [{}, {"kv_cache": False, "optimize": False}], ids=["usual", "plain"])
def test_an_edited_model_writes_what_a_loop_over_its_edited_program_writes(model, text, words, settings):
    session, ids = session_of(model, **settings), text(5)
    session.prompt(ids=ids)
    edit(session, words, never)
    made(session, 9)
    assert session.tokens == written(model, ids, [edit_from_text(words)], 9)


def test_what_is_drawn_is_drawn_from_the_edited_distribution_with_the_same_seed(make_model, text):
    model, sampler, words = make_model("llama"), Sampler(1.3, top_k=8), "blocks.0.mlp.out:scale=3"
    session = session_of(model, sampler, 7)
    session.prompt(ids=text(4))
    edit(session, words, never)
    made(session, 12)
    assert session.tokens == written(model, text(4), [edit_from_text(words)], 12, sampler, 7)
    assert session.tokens != written(model, text(4), [], 12, sampler, 7)


def test_every_number_of_the_text_is_the_edited_models(make_model, text):
    model, words = make_model("gpt2"), "blocks.0.attn.pattern:ablate_head:2"
    session = session_of(model)
    session.prompt(ids=text(6))
    edit(session, words, never)
    expected = logits_of(model, session.tokens, session.edits)
    for node, row in zip(session.nodes, expected, strict=True):
        assert np.allclose(node.logits, row, atol=1e-5)
        assert not node.rows.patterns[0][2].any() and node.rows.patterns[0][1].any()
    chances = np.exp(expected - np.log(np.exp(expected).sum(-1, keepdims=True)))
    for i, node in enumerate(session.nodes[1:]):
        assert node.logprob == pytest.approx(np.log(chances[i, node.id]), abs=1e-4)


def test_without_edits_it_writes_as_it_always_did(make_model, text):
    model = make_model("llama")
    session, untouched = session_of(model), session_of(model)
    for one in (session, untouched):
        one.prompt(ids=text(5))
    edit(session, "blocks.1.mlp.out:zero", never)
    assert session.decoder.cache is None
    for leave in (undo_edit, lambda *at: (redo_edit(*at), clear_edits(*at))):
        leave(session, never)
        assert session.decoder.cache is not None and not carried(session.decoder)
        assert np.array_equal(session.leaf.logits, untouched.leaf.logits)
    assert made(session, 6) == made(untouched, 6)


def test_going_back_and_on_again_repeats_the_tokens_also_where_later_tokens_change_earlier_ones(make_model, text):
    """The mean over all tokens is another one in a shorter text."""
    session = session_of(make_model("gpt2"), Sampler(1.0), 3)
    session.prompt(ids=text(5))
    edit(session, "embed:mean", never)
    first = made(session, 6)
    for _ in range(6):
        session.take_back()
    assert made(session, 6) == first
    session.choose(6, (first[1] + 1) % 19)
    session.choose(6, first[1])
    assert session.tokens[5:7] == first[:2] and made(session, 4) == first[2:]


def test_an_edit_of_a_token_that_is_not_there_yet_waits_for_it(make_model, text):
    model, session = make_model("gpt2"), session_of(make_model("gpt2"))
    words = "blocks.0.resid_post:set:*,7=5"
    session.prompt(ids=text(8))
    edit(session, words, never)
    session.prompt(ids=text(4))
    assert "7 is not one of its 4 places" in carried(session.decoder)[0].problem
    made(session, 8)
    ids = written(model, text(4), [], 4)
    assert session.tokens == written(model, ids, [edit_from_text(words)], 4)
    assert carried(session.decoder)[0].problem is None


def test_a_patch_stays_with_the_tokens_it_was_made_of(make_model, text, tmp_path):
    model, other = make_model("gpt2"), [(id + 3) % 19 for id in text(6)]
    path = tmp_path / "o.trace.safetensors"
    save_trace(record_text(model, other), path)
    session = session_of(model)
    session.prompt(ids=text(6))
    edit(session, f"blocks.1.resid_post:patch=@{path}", never)
    assert str(session.edits[0]) == f"blocks.1.resid_post:patch:*,0-5=@{path}"
    values = record_text(model, other)["blocks.1.resid_post"]
    by_hand = Edit("blocks.1.resid_post", "patch", (None, slice(0, 6)), values)
    made(session, 5)
    assert session.tokens == written(model, text(6), [by_hand], 5)
    require_fit(edit_from_text(str(session.edits[0]), lambda *_: values), (1, 11, 12))


def test_settings_that_change_numbers_are_kept_and_the_others_wait(make_model, text):
    model, words = make_model("llama"), "blocks.0.mlp.out:scale=-2"
    session = session_of(model, int8="all")
    session.prompt(ids=text(5))
    edit(session, words, never)
    expected = record_text(model, text(5), Settings(int8="all"), edits=[edit_from_text(words)])["logits"][0, -1]
    assert np.allclose(session.leaf.logits, expected, atol=1e-4)
    session.change(replace(session.settings, kv_cache=False, int8="none"))
    assert np.allclose(session.leaf.logits, logits_of(model, text(5), session.edits)[-1], atol=1e-5)
    assert (session.switch.before.int8, session.switch.after.kv_cache) == ("all", False)


def test_speeds_with_and_without_edits_are_two(make_model, text):
    session = session_of(make_model("gpt2"))
    session.prompt(ids=text(5))
    made(session, 2)
    plain = session.tokens_per_s
    edit(session, "embed:scale=2", never)
    assert session.tokens_per_s is None
    made(session, 2)
    undo_edit(session, never)
    assert session.tokens_per_s == plain


def test_a_stopped_edit_leaves_the_numbers_of_the_text(make_model, text):
    session = session_of(make_model("gpt2"))
    session.prompt(ids=text(6))
    before, decoder = [node.logits for node in session.nodes], session.decoder
    asked = []
    with pytest.raises(Cancelled):
        edit(session, "embed:zero", lambda: len(asked) > 1 or asked.append(1))
    assert session.decoder is decoder and not session.edits
    assert all(node.logits is logits for node, logits in zip(session.nodes, before, strict=True))


def test_a_saved_session_goes_on_writing_with_its_edits(make_model, text):
    model = make_model("gpt2")
    session = session_of(model)
    session.prompt(ids=text(5))
    edit(session, "blocks.0.attn.z:ablate_head:0", never)
    again = restore(saved(session), model)
    assert np.array_equal(again.leaf.logits, session.leaf.logits)
    assert made(again, 6) == made(session, 6)


def test_a_place_beyond_the_text_is_still_refused(make_model, text):
    session = session_of(make_model("gpt2"))
    session.prompt(ids=text(3))
    with pytest.raises(InputError):
        edit(session, "embed:zero:*,3", never)
    assert not session.edits and session.decoder.cache is not None


def test_stopping_in_the_middle_of_an_edited_pass_ends_quietly_with_what_was_made(make_model, text):
    session = session_of(make_model("gpt2"))
    session.prompt(ids=text(5))
    edit(session, "embed:scale=2", never)
    asked = []
    tokens = list(session.generate(20, stop=lambda: len(asked) > 60 or asked.append(1)))  # asked before every line
    assert 0 < len(tokens) < 20 and session.ended is None
    assert [token.id for token in tokens] == session.tokens[5:]
    assert session.tokens == written(session.model, text(5), session.edits, len(tokens))
    assert made(session, 2)
