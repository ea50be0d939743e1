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
    songs = {"songs": 0, "song_words": 110, "rounds": 0, "chronicles": 0, "drill": False}
    assert told.json == {"stories": 9, "bytes": len(written), "seed": 4, "split": "held-out", **songs}


def test_measures_are_told_to_a_person_and_to_a_machine(minigpt):
    assert minigpt("corpus", "tales", "--measure", "--stories", 20, "--json").json["windows_shared_with_held_out"] == 0
    assert "12-word runs shared              0" in minigpt("corpus", "tales", "--measure", "--stories", 20).out


def test_without_a_file_nothing_is_written(minigpt):
    refused = minigpt("corpus", "tales")
    assert refused.code == 2 and "-o FILE" in refused.error


def test_a_model_is_judged_per_kind_and_its_mistakes_are_told(minigpt, make_reader):
    reader = make_reader(max_position_embeddings=1200)
    told = minigpt("corpus", "judge", reader, "--count", 2, "--json").json
    assert [kind["kind"] for kind in told["kinds"]] == ["who", "where", "next"]
    assert all(kind["accuracy"] == 0 and len(kind["mistakes"]) == 2 for kind in told["kinds"])
    table = minigpt("corpus", "judge", reader, "--count", 2, "--mistakes", 1).out.splitlines()
    assert table[1].split()[:3] == ["who", "2", "0.0%"] and len(table) == 4 + 3
    assert told["kinds"][0]["mistakes"][0]["question"] in table[4]


def test_a_model_that_cannot_be_judged_is_refused(minigpt):
    refused = minigpt("corpus", "judge", "random:gpt2-2x240", "--count", 1)
    assert refused.code == 2 and "no tokenizer" in refused.error


def test_songs_rounds_and_a_drill_are_counted_and_belong_to_training(minigpt, tmp_path):
    path = tmp_path / "all.txt"
    asked = ("corpus", "tales", "-o", path, "--stories", 3, "--songs", 2, "--rounds", 4, "--drill")
    assert "wrote 3 stories, 2 songs, 4 rounds" in minigpt(*asked).err
    assert path.read_text().count("<|endoftext|>") == 9
    refused = minigpt(*asked, "--split", "held-out")
    assert refused.code == 2 and "belong to training" in refused.error
