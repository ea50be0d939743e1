"""Settings as a value, and the one table that makes flags and panels from it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from engine.errors import InputError
from engine.lane import with_words
from engine.settings import TABLE, Settings, row_of, shown


def test_the_table_has_a_row_for_every_field_in_order():
    assert [row.name for row in TABLE] == [field.name for field in fields(Settings)]
    assert len({row.flag for row in TABLE}) == len(TABLE)
    assert len({row.key for row in TABLE if row.key}) == len([row for row in TABLE if row.key])


def test_defaults_say_nothing_on_a_command_line():
    assert Settings().flags() == []


def test_flags_say_what_differs():
    settings = Settings(kv_cache=False, kv_window=64, optimize=False, threads=2)
    assert settings.flags() == ["--no-kv", "--kv-window", "64", "--no-optimize", "--threads", "2"]
    rewritten = Settings(int8="all", int8_embedding=True, low_rank_mlp=12, tie_embeddings=True)
    assert rewritten.flags() == ["--int8", "all", "--int8-embedding", "--rank", "12", "--tie"]


def test_settings_in_one_word():
    assert with_words(Settings(), "") == Settings()
    assert with_words(Settings(), "int8=all,rank=32,kv=off,int8-cache") == Settings(
        int8="all", low_rank_mlp=32, kv_cache=False, int8_cache=True
    )
    assert with_words(Settings(), "rank=none,optimize=off,kv-window=100") == Settings(optimize=False, kv_window=100)


@pytest.mark.parametrize(
    "word", ["int8=most", "int8", "rank=0", "rank=1e3", "kv=1", "speed=2", "=", "rank=" + "9" * 20]
)
def test_a_word_that_means_nothing_is_refused_in_one_line(word):
    with pytest.raises(InputError) as caught:
        with_words(Settings(), word)
    assert "expected" in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 200


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_what_is_shown_can_be_read_again(row):
    assert all(row.read(shown(choice)) == choice for choice in row.choices) and row_of(row.name) is row


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_toggling_goes_through_all_choices_and_round(row):
    settings, met = Settings(), []
    for _ in row.choices:
        met.append(getattr(settings, row.name))
        settings = settings.toggled(row.name)
    assert sorted(met, key=str) == sorted(row.choices, key=str) and settings == Settings()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_choice_is_valid_and_explained(row):
    assert all(row.is_valid(choice) for choice in row.choices)
    assert row.why.endswith(".") and row.title and row.expected


def test_a_value_between_the_choices_can_be_toggled():
    assert Settings(kv_window=100).toggled("kv_window").kv_window in (None, 64, 128, 256)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("kv_window", w) for w in (0, -1, True, 2.0, "8")),
        *(("kv_cache", c) for c in (None, 1)),
        ("optimize", "yes"),
        *(("threads", t) for t in (0, False)),
        *(("int8", word) for word in ("most", None, 8, True)),
        *(("low_rank_mlp", r) for r in (0, True, "12")),
        *((switch, 1) for switch in ("int8_embedding", "int8_cache", "tie_embeddings", "fuse_qkv")),
    ],
)
def test_what_means_nothing_is_refused(name, value):
    with pytest.raises(InputError) as caught:
        Settings(**{name: value})
    assert str(caught.value).startswith(next(row.flag for row in TABLE if row.name == name)) and "got" in str(
        caught.value
    )


def test_settings_are_frozen_values():
    assert Settings(kv_window=8) == Settings(kv_window=8) and hash(Settings()) == hash(Settings())
    with pytest.raises(FrozenInstanceError):
        Settings().kv_cache = False
