"""The session: a text that grows, shrinks and branches, with the numbers of a plain run."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine import session as session_module
from engine.edited_decoder import carried
from engine.edits import Edit, apply_edits
from engine.errors import Cancelled, InputError
from engine.model import Model
from engine.passes import GENERATING, KINDS
from engine.run import execute
from engine.sampling import Sampler
from engine.session import Session
from engine.settings import Settings
from engine.tokenizer.characters import CharacterTokenizer
from engine.views import SnapshotMaker

AGREE = 1e-4
LETTERS = "abcdefghijklmnop é"


@pytest.fixture
def session_of(make_model):
    """Make a session of a tiny model; settings by name, the rest as the session takes it."""

    def make(name="llama", sampler=None, seed=0, changes=None, **settings_) -> Session:
        return Session(make_model(name, **(changes or {})), Settings(**settings_), sampler, seed)

    return make


@pytest.fixture
def with_letters(make_model) -> Model:
    """A model whose ids are letters."""
    return replace(make_model("llama"), tokenizer=CharacterTokenizer.train(LETTERS))


def made(session: Session, count: int) -> list[int]:
    return [token.id for token in session.generate(count)]


def check(session: Session) -> None:
    """What must hold at any moment."""
    nodes = session.nodes
    assert session.tokens == session.decoder.ids
    assert [node.position for node in nodes] == list(range(len(nodes)))
    assert session.decoder.cache is None or session.decoder.cache.length == len(nodes)
    assert all(nodes[i + 1] in nodes[i].children for i in range(len(nodes) - 1))
    if session.leaf is None:
        assert session.stepper is None and not session.branch_ends()
        return
    ends = session.branch_ends()
    assert ends.count(session.leaf) == 1 and len({id(end) for end in ends}) == len(ends)
    if session._left:
        assert session._left[1].ids == [node.id for node in session._left[0].path()][::-1]
        assert session._left[1] is not session.decoder
    for node in nodes[0].tree():
        assert len({child.id for child in node.children}) == len(node.children)
        assert all(child.parent is node for child in node.children)


# Text.


def test_a_new_session_has_no_text(session_of):
    session = session_of()
    check(session)
    assert session.tokens == [] and session.text == "" and session.nodes == []
    with pytest.raises(InputError, match="give a prompt first"):
        made(session, 1)
    with pytest.raises(InputError, match="first token"):
        session.take_back()


def test_generation_is_greedy_when_asked(session_of, plain_run, text):
    session, ids = session_of(sampler=Sampler(0)), text(5)
    session.prompt(ids=ids)
    for id in made(session, 6):
        assert id == plain_run(session.model, ids)["logits"][0, -1].argmax()
        ids.append(id)
    assert session.tokens == ids


def test_a_sampled_token_is_drawn_from_the_models_own_logits(session_of, plain_run, text):
    session, ids = session_of(sampler=Sampler(0.8, 5, 0.9, 1.2), seed=4), text(5)
    session.prompt(ids=ids)
    for token in session.generate(6):
        expected = plain_run(session.model, ids)["logits"][0, -1]
        assert np.abs(token.draw.logits - expected).max() < AGREE
        assert token.draw.uniform == np.random.Generator(np.random.PCG64(4).advance(len(ids))).random()
        ids.append(token.id)


@pytest.mark.parametrize(
    "sampler", [Sampler(0), Sampler(1.0), Sampler(0.9, 4, 0.8, 1.3)], ids=["greedy", "all", "some"]
)
@pytest.mark.parametrize("cached", [True, False])
def test_the_same_seed_after_a_rewind_gives_the_same_text(session_of, text, sampler, cached):
    session = session_of(sampler=sampler, seed=7, kv_cache=cached)
    session.prompt(ids=text(4))
    first = made(session, 8)
    for back in (1, 3, 8):
        for _ in range(back):
            session.take_back()
        assert made(session, back) == first[8 - back :]
        check(session)


def test_another_seed_gives_another_text(session_of, text):
    texts = set()
    for seed in range(4):
        session = session_of(seed=seed)
        session.prompt(ids=text(4))
        texts.add(tuple(made(session, 12)))
    assert len(texts) == 4


def test_settings_do_not_change_the_text(session_of, text):
    expected = None
    for cached in (True, False):
        for fast in (True, False):
            session = session_of(sampler=Sampler(0.9), seed=1, kv_cache=cached, optimize=fast)
            session.prompt(ids=text(4))
            expected = expected or made(session, 12)
            assert session.tokens[4:] == expected or made(session, 12) == expected


def test_generation_says_why_it_ended(session_of, make_model, with_letters, text):
    session = session_of()
    session.prompt(ids=text(4))
    made(session, 3)
    assert session.ended == "3 tokens, as asked"
    made(session, 100)
    assert session.ended == "the context's end (48 tokens)" and len(session.tokens) == 48
    assert made(session, 5) == [] and session.ended == "the context's end (48 tokens)"
    session.take_back()
    assert session.ended is None

    model = make_model("llama")
    ended = Session(replace(model, config=replace(model.config, eos=tuple(range(19)))))
    ended.prompt(ids=text(4))
    (token,) = ended.generate(10)
    assert ended.ended == f"the end token {token.id}"
    assert len(list(ended.generate(10, ignore_eos=True))) == 10

    written = Session(with_letters, sampler=Sampler(1.0), seed=3)
    written.prompt("abc")
    texts = [token.text for token in written.generate(30)]
    again = Session(with_letters, sampler=Sampler(1.0), seed=3)
    again.prompt("abc")
    stop = "".join(texts)[4:6]
    assert (
        stop in "".join(token.text for token in again.generate(30, stop_text=stop)) and again.ended == "the stop text"
    )


@pytest.mark.parametrize("count", [0, -1])
def test_no_tokens_are_made_where_none_are_asked_for(session_of, text, count):
    session = session_of()
    session.prompt(ids=text(4))
    assert made(session, count) == [] and session.tokens == text(4)


def test_stopping_keeps_what_was_made(session_of, text):
    session, polls = session_of(), iter([False, False, True])
    session.prompt(ids=text(4))
    assert len(list(session.generate(50, stop=lambda: next(polls)))) == 2
    assert session.ended is None and len(session.tokens) == 6
    check(session)


def test_the_speed_counts_the_model_not_the_listener(session_of, text):
    session = session_of()
    session.prompt(ids=text(4))
    for _ in session.generate(3):
        session_module.perf_counter()  # the listener's time passes here
    assert session.tokens_per_s > 0


def test_text_comes_piece_by_piece_and_adds_up(with_letters):
    session = Session(with_letters, sampler=Sampler(1.0), seed=2)
    session.prompt("abc é")
    assert session.text == "abc é" and session.tokens == with_letters.tokenizer.encode("abc é")
    pieces = "".join(token.text for token in session.generate(10))
    assert session.text == "abc é" + pieces


def test_without_a_tokenizer_ids_are_the_text(session_of):
    session = session_of()
    session.prompt(ids=[3, 1, 4])
    assert session.text == "3 1 4"
    with pytest.raises(InputError, match="has no tokenizer"):
        session.prompt("abc")


# Errors leave the session as it was.


@pytest.mark.parametrize("cached", [True, False])
def test_a_prompt_that_cannot_be_run_leaves_the_text(session_of, text, cached):
    session = session_of(kv_cache=cached)
    session.prompt(ids=text(4))
    made(session, 3)
    before = session.tokens, session.leaf, session.decoder, session.stepper
    for ids, message in (
        ([], "empty"),
        (None, "empty"),
        ([1] * 49, "context ends at 48"),
        ([1, 19], "token 19"),
        ([-1], "token -1"),
    ):
        with pytest.raises(InputError, match=message):
            session.prompt(ids=ids)
        assert before == (session.tokens, session.leaf, session.decoder, session.stepper)
    check(session)
    made(session, 2)
    check(session)


def test_a_cancelled_prompt_leaves_the_text(session_of, text):
    session = session_of(changes={"max_position_embeddings": 500})
    session.prompt(ids=text(4))
    before = session.tokens
    reports = []
    with pytest.raises(Cancelled):
        session.prompt(ids=text(400), stop=lambda: bool(reports), report=lambda *done: reports.append(done))
    assert session.tokens == before and reports[0][1] == 400 and 0 < reports[0][0] < 400
    check(session)


def test_a_cancelled_change_of_settings_changes_nothing(session_of, text):
    session = session_of(changes={"max_position_embeddings": 500})
    session.prompt(ids=text(400))
    before, numbers = (session.settings, session.decoder), [node.logprob for node in session.nodes]
    with pytest.raises(Cancelled):
        session.change(Settings(kv_window=4), stop=lambda: True)
    assert before == (session.settings, session.decoder) and numbers == [node.logprob for node in session.nodes]
    check(session)


def test_a_failing_branch_change_changes_nothing(session_of, text, monkeypatch):
    session = session_of()
    session.prompt(ids=text(4))
    for id in (3, 5, 7):
        session.choose(2, id)
    before = session.tokens, session.leaf, session.decoder
    monkeypatch.setattr("engine.session.replay", lambda *_: (_ for _ in ()).throw(MemoryError))
    near = (session.leaf, session._left[0])
    far = next(i for i, end in enumerate(session.branch_ends()) if end not in near)
    with pytest.raises(MemoryError):
        session.activate(far)
    assert before == (session.tokens, session.leaf, session.decoder)


@pytest.mark.parametrize(("position", "id"), [(0, 1), (6, 1), (-1, 1), (2, 19), (2, -1)])
def test_a_choice_that_is_none_is_refused(session_of, text, position, id):
    session = session_of()
    session.prompt(ids=text(5))
    with pytest.raises(InputError, match="expected"):
        session.choose(position, id)
    assert session.tokens == text(5)
    check(session)


def test_nothing_is_chosen_beyond_the_context(session_of, text):
    session = session_of()
    session.prompt(ids=text(48))
    with pytest.raises(InputError, match="context ends at 48"):
        session.choose(48, 1)
    assert len(session.tokens) == 48
    session.choose(47, 1)
    check(session)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("cached", [True, False])
def test_damaged_weights_stop_generation_with_a_word(make_model, text, bad, cached):
    model = make_model("llama")
    weights = dict(model.weights) | {"final.norm.weight": np.full(12, bad, np.float32)}
    session = Session(replace(model, weights=weights), Settings(kv_cache=cached))
    session.prompt(ids=text(4))
    with pytest.raises(InputError, match="NaN or infinity"):
        made(session, 1)
    assert session.tokens == text(4)
    check(session)
    SnapshotMaker(session).make()


def test_the_number_of_threads_is_what_the_settings_say(session_of):
    from threadpoolctl import threadpool_info

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before, session = threads(), session_of(threads=1)
    try:
        assert threads() == {1}
        session.change(Settings(threads=2))
        assert threads() <= {1, 2}
    finally:
        session.change(Settings())
    assert threads() == before


# Branches.


def test_a_choice_leaves_a_branch_and_activating_returns(session_of, text, plain_run):
    session = session_of(sampler=Sampler(0))
    session.prompt(ids=text(4))
    made(session, 5)
    first = session.tokens
    other = (first[6] + 1) % 19
    session.choose(6, other)
    assert session.tokens == [*first[:6], other]
    made(session, 2)
    second = session.tokens
    assert len(session.branch_ends()) == 2
    check(session)
    for expected in (first, second, first):
        (index,) = [i for i, end in enumerate(session.branch_ends()) if end is not session.leaf]
        session.activate(index)
        assert session.tokens == expected
        check(session)
    session.next_token()
    assert session.leaf.id == plain_run(session.model, first)["logits"][0, -1].argmax()


def test_choosing_the_token_that_is_there_goes_back_to_it(session_of, text):
    session = session_of()
    session.prompt(ids=text(6))
    session.choose(3, text(6)[3])
    assert session.tokens == text(6)[:4] and len(session.branch_ends()) == 2
    check(session)


def test_a_branch_left_long_ago_is_run_again_and_is_the_same(session_of, text, plain_run):
    session = session_of()
    session.prompt(ids=text(6))
    for id in (1, 2, 3, 4):
        session.choose(3, id)
        made(session, 3)
    texts = [[node.id for node in end.path()][::-1] for end in session.branch_ends()]
    for index, ids in enumerate(texts):
        session.activate(index)
        assert session.tokens == ids
        check(session)
        assert np.abs(session.leaf.logits - plain_run(session.model, ids)["logits"][0, -1]).max() < AGREE


def test_taking_back_a_token_that_led_nowhere_forgets_it(session_of, text):
    session = session_of()
    session.prompt(ids=text(4))
    made(session, 1)
    session.take_back()
    assert session.leaf.children == [] and len(session.branch_ends()) == 1


# Numbers.


@pytest.mark.parametrize("name", ["gpt2", "mistral", "qwen2-mixed", "sinusoidal"])
@pytest.mark.parametrize("cached", [True, False])
def test_the_prompts_own_tokens_have_logprob_rank_and_entropy(session_of, text, plain_run, name, cached):
    session, ids = session_of(name, kv_cache=cached), text(30)
    session.prompt(ids=ids[:20])
    for id in ids[20:]:
        session.choose(len(session.tokens), id)
    logits = plain_run(session.model, ids)["logits"][0].astype(np.float64)
    assert (session.nodes[0].logprob, session.nodes[0].rank, session.nodes[0].entropy) == (None, None, None)
    for position in range(1, 30):
        row, node = logits[position - 1], session.nodes[position]
        p = np.exp(row) / np.exp(row).sum()
        assert node.logprob == pytest.approx(math.log(p[ids[position]]), abs=AGREE)
        assert node.rank == 1 + sum(other > p[ids[position]] for other in p)
        assert node.entropy == pytest.approx(-sum(x * math.log(x) for x in p), abs=AGREE)


def test_a_change_of_settings_computes_everything_again(session_of, text, plain_run):
    session, ids = session_of("gpt2"), text(20)
    session.prompt(ids=ids)
    before = session.nodes[15].logprob
    session.change(Settings(kv_window=3))
    logits = plain_run(session.model, ids, 3)["logits"][0].astype(np.float64)
    row = logits[14]
    assert session.nodes[15].logprob == pytest.approx(row[ids[15]] - np.log(np.exp(row).sum()), abs=AGREE)
    assert session.nodes[15].logprob != before and session.settings.kv_window == 3
    session.change(Settings())
    assert session.nodes[15].logprob == pytest.approx(before, abs=1e-6)
    check(session)


def test_uncached_text_does_not_pile_up(session_of, text):
    """Each token keeps its own rows, not the whole text's that were computed with them."""
    session = session_of(kv_cache=False)
    session.prompt(ids=text(30))
    made(session, 5)
    for node in session.nodes[30:]:
        for array in (node.logits, *node.rows.patterns):
            root = array
            while isinstance(root.base, np.ndarray):
                root = root.base
            assert root.nbytes == array.nbytes


@pytest.mark.parametrize("branching", [False, True])
def test_the_oldest_internals_go_beyond_the_byte_budget(session_of, text, monkeypatch, branching):
    monkeypatch.setattr(session_module, "KEPT_BYTES", 20_000)
    session = session_of(sampler=Sampler(0))
    session.prompt(ids=text(20))
    made(session, 20)
    if branching:
        for chosen in range(6):
            session.choose(30, chosen)
            made(session, 8)
    nodes = list(session.nodes[0].tree())
    held = sum(node.logits.nbytes for node in nodes if node.logits is not None)
    held += sum(p.nbytes for rows in {id(n.rows): n.rows for n in nodes if n.rows}.values() for p in rows.patterns)
    assert held <= 20_000 and session.leaf.logits is not None
    snapshot = SnapshotMaker(session).make()
    assert snapshot.attention_dropped > 0 and snapshot.tokens[5].logprob is not None
    session.choose(3, 1)  # where logits were dropped: they are computed again
    check(session)
    assert session.nodes[3].logprob is not None


def test_a_long_prompt_obeys_the_byte_budget(session_of, text, monkeypatch):
    monkeypatch.setattr(session_module, "KEPT_BYTES", 20_000)
    session = session_of()
    session.prompt(ids=text(48))
    assert session.nodes[0].logits is None and session.nodes[-1].logits is not None


# Stepping.


def test_the_pass_that_is_stepped_ends_in_the_logits_of_the_text(session_of, text):
    for name in ("gpt2", "mistral"):
        for cached in (True, False):
            session = session_of(name, kv_cache=cached)
            session.prompt(ids=text(30))
            for kind in KINDS:
                session.restep(kind)
                run = session.stepper.run.run()
                assert np.abs(run["logits"][0, -1] - session.leaf.logits).max() < AGREE


def test_stepping_what_generation_runs_leaves_generation_alone(session_of, text):
    session = session_of(sampler=Sampler(0))
    session.prompt(ids=text(10))
    session.restep(GENERATING)
    arrays = {name: array.copy() for name, array in session.decoder.cache.arrays.items()}
    session.stepper.run.run()
    assert all(np.array_equal(session.decoder.cache.arrays[name], array) for name, array in arrays.items())
    assert not any(
        np.shares_memory(value, array)
        for value in session.stepper.view().values.values()
        for array in session.decoder.cache.arrays.values()
    )


def test_a_pass_can_be_stepped_where_a_ring_has_lost_its_beginning(make_model, text):
    """Rewound to the edge of what a ring holds, the last token's pass needs one token more than is there."""
    session = Session(make_model("mistral", max_position_embeddings=200))
    session.prompt(ids=text(150))
    while session.decoder.cache.can_rewind(len(session.tokens) - 1):
        session.take_back()
    session.restep(GENERATING)
    run = session.stepper.run.run()
    assert np.abs(run["logits"][0, -1] - session.leaf.logits).max() < AGREE
    session.take_back()
    check(session)


def test_edits_are_in_the_pass(session_of, text):
    session = session_of(sampler=Sampler(0))
    session.prompt(ids=text(5))
    session.take_edits([Edit("blocks.0.attn.out", "zero")])
    run = session.stepper.run.run()
    assert not run["blocks.0.attn.out"].any() and run["blocks.0.attn.out@before"].any()


# Any commands in any order.

COMMANDS = (
    "prompt", "generate", "take_back", "choose", "activate", "change", "edits", "restep", "step", "resample", "wrong",
)  # fmt: skip

WEIGHTS = (0.05, 0.2, 0.2, 0.15, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05)


def play(session: Session, command: str, rng: np.random.Generator) -> None:
    number = int(rng.integers(0, 60))
    if command == "prompt":
        session.prompt(ids=rng.integers(0, 19, number).tolist())
    elif command == "generate":
        list(session.generate(number % 7))
    elif command == "take_back":
        session.take_back()
    elif command == "choose":
        session.choose(number, int(rng.integers(0, 19)))
    elif command == "activate":
        session.activate(number % 6)
    elif command == "change":
        session.change(session.settings.toggled(("kv_cache", "optimize", "kv_window")[number % 3]))
    elif command == "edits":
        places = (None, slice(number % 9, number % 9 + 2))
        session.take_edits([Edit("blocks.1.mlp.out", ("zero", "mean")[number % 2], places)][: number % 3])
    elif command == "restep":
        session.restep(KINDS[number % 3])
    elif command == "step" and session.stepper:
        (session.stepper.step, session.stepper.back, session.stepper.into, session.stepper.out)[number % 4]()
    elif command == "resample":
        session.resample(seed=number, temperature=number / 20)
    elif command == "wrong":
        session.prompt(ids=[1, 99])


@pytest.mark.parametrize("name", ["gpt2", "mistral", "qwen2-mixed"])
@pytest.mark.parametrize("seed", range(2))
def test_two_hundred_commands_break_nothing(session_of, plain_run, name, seed):
    from engine.errors import MiniGPTError

    rng, session = np.random.default_rng(seed), session_of(name, seed=seed)
    maker, done = SnapshotMaker(session), 0
    for _ in range(200):
        before = session.tokens
        try:
            play(session, rng.choice(COMMANDS, p=WEIGHTS), rng)
            done += 1
        except MiniGPTError:
            assert session.tokens == before
        check(session)
        snapshot = maker.make()
        assert [token.id for token in snapshot.tokens] == session.tokens
    assert done > 40
    run = plain_run(session.model, session.tokens, session.settings.kv_window)
    views = carried(session.decoder)
    edits = [edit for edit, view in zip(session.edits, views, strict=True) if not view.problem]
    inputs = {name: run[name] for name in run.program.inputs}
    expected = execute(apply_edits(run.program, edits), run.weights, inputs)["logits"][0, -1]
    assert np.abs(session.leaf.logits - expected).max() < AGREE


@pytest.mark.soak
@pytest.mark.parametrize("name", ["gpt2", "llama", "llama3-rope", "mistral", "qwen2-mixed", "sinusoidal"])
@pytest.mark.parametrize("seed", range(10, 40))
def test_thousands_of_commands_break_nothing(session_of, plain_run, name, seed):
    test_two_hundred_commands_break_nothing(session_of, plain_run, name, seed)
