"""`minigpt corpus tales`: the same file for the same seed, other stories held out, and the measures."""

from __future__ import annotations

from itertools import islice

from engine.corpus.tales import generate


def test_the_file_is_what_the_generator_says(minigpt, tmp_path):
    told = minigpt(
        "corpus", "tales", "-o", tmp_path / "a.txt", "--stories", 9, "--seed", 4, "--split", "held-out", "--json"
    )
    written = (tmp_path / "a.txt").read_text()
    assert written == "".join(story.text for story in islice(generate(4, "held_out"), 9))
    assert told.json == {"stories": 9, "bytes": len(written), "seed": 4, "split": "held-out"}


def test_measures_are_told_to_a_person_and_to_a_machine(minigpt):
    assert minigpt("corpus", "tales", "--measure", "--stories", 20, "--json").json["windows_shared_with_held_out"] == 0
    assert "12-word runs shared              0" in minigpt("corpus", "tales", "--measure", "--stories", 20).out


def test_without_a_file_nothing_is_written(minigpt):
    refused = minigpt("corpus", "tales")
    assert refused.code == 2 and "-o FILE" in refused.error
