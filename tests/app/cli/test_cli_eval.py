"""`eval`: its figures, its refusals, and what is left after Ctrl-C."""

from __future__ import annotations

import pytest

from engine.analysis import evaluate as evaluation

TEXT = "The cat sat on the mat, and the dog sat on the log. " * 6


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_figures_are_printed_and_told_to_machines(minigpt, reader, text):
    told = minigpt("eval", reader, "--text", text, "--json").json
    plain = minigpt("eval", reader, "--text", text).out
    assert told["complete"] and told["window"] == 64
    assert told["tokens_scored"] == told["bytes_scored"] == len(TEXT) - -(-len(TEXT) // 64)
    assert told["nats_per_token"] == told["nats_per_byte"]
    assert f"{told['nats_per_token']:.4f}" in plain and f"{told['top1_accuracy']:.2%}" in plain


def test_settings_do_not_change_the_figures(minigpt, reader, text):
    figures = [
        minigpt("eval", reader, "--text", text, "--context", 40, "--json", *flags).json["nats_per_token"]
        for flags in ([], ["--no-kv"], ["--no-optimize"])
    ]
    assert figures == pytest.approx([figures[0]] * 3, abs=1e-4)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"caf\xe9 au lait", "is not UTF-8 text: byte 3 is 0xe9"),
        (b"abc\0def", "NUL byte at 3"),
        (b"a", "too short"),
        (b"PK\x03\x04....", "ZIP"),
    ],
)
def test_what_is_no_text_is_refused_in_one_line(minigpt, reader, tmp_path, data, problem):
    path = tmp_path / "bad.txt"
    path.write_bytes(data)
    result = minigpt("eval", reader, "--text", path)
    assert result.code == 2 and problem in result.err.splitlines()[-1] and result.out == ""


def test_one_token_can_be_scored_after_a_beginning_token(minigpt, make_reader, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a")
    assert minigpt("eval", make_reader(beginning=True), "--text", path, "--json").json["tokens_scored"] == 1


@pytest.mark.parametrize("context", ["1", "65", "0", "x"])
def test_a_window_that_the_model_cannot_see_is_refused(minigpt, reader, text, context):
    assert minigpt("eval", reader, "--text", text, "--context", context).code == 2


def test_a_model_without_tokenizer_cannot_read(minigpt, text):
    result = minigpt("eval", "random:gpt2-2x240", "--text", text)
    assert result.code == 2 and "no tokenizer" in result.err


def test_ctrl_c_prints_what_was_scored(minigpt, reader, text, monkeypatch):
    original = evaluation.evaluate

    def interrupted(*arguments):
        for i, done in enumerate(original(*arguments)):
            if i == 2:
                raise KeyboardInterrupt
            yield done

    monkeypatch.setattr(evaluation, "evaluate", interrupted)
    result = minigpt("eval", reader, "--text", text, "--json")
    assert result.code == 130 and "stopped by Ctrl-C" in result.err
    assert not result.json["complete"] and result.json["tokens_scored"] == 2 * 63
    assert "stopped early: 126 of" in minigpt("eval", reader, "--text", text).out


def test_two_settings_are_measured_against_each_other(minigpt, reader, text):
    alone = {
        words: minigpt("eval", reader, "--text", text, "--json", *words).json for words in ((), ("--kv-window", 4))
    }
    told = minigpt("eval", reader, "--text", text, "--json", "--against", "kv-window=4").json
    other = told["against"]
    assert told["nats_per_token"] == alone[()]["nats_per_token"]
    assert other["nats_per_token"] == pytest.approx(alone[("--kv-window", 4)]["nats_per_token"], rel=1e-6)
    assert other["settings"] == "kv-window=4" and other["all"]["mean_kl_nats"] > 0
    parts = other["entropy_below_1"], other["entropy_from_1"]
    assert sum(part["tokens"] for part in parts) == other["all"]["tokens"] == told["tokens_scored"]
    page = minigpt("eval", reader, "--text", text, "--against", "kv-window=4").out
    assert f"{other['all']['top1_agreement']:.2%}" in page and f"{other['perplexity']:.4f}" in page
    assert "entropy < 1" in page and "entropy >= 1" in page


def test_settings_against_themselves_cost_nothing(minigpt, reader, text):
    other = minigpt("eval", reader, "--text", text, "--json", "--no-kv", "--against", "no-kv").json["against"]
    assert other["all"]["mean_kl_nats"] == 0 and other["all"]["top1_agreement"] == 1


def test_against_what_is_no_setting_is_refused_before_the_text_is_read(minigpt, reader, tmp_path):
    result = minigpt("eval", reader, "--text", tmp_path / "none.txt", "--against", "int4")
    assert result.code == 2 and "setting 'int4'" in result.error
