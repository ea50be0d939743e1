"""A program is well formed or refused; its addresses are safe to put anywhere."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from engine.errors import ProgramError
from engine.ops.linear import add, identity, multiply
from engine.program import ADDRESS, Cost, Line, Program


def test_a_well_formed_program_checks_as_itself(program_of):
    program = program_of(("y", add, "xw"), ("z", multiply, "yx"))
    assert program.check() is program
    assert len(program) == 2 and "y" in program and "x" not in program


def test_every_architecture_is_well_formed(model):
    program = model.program
    assert program.check() is program
    assert program.outputs == ("logits",) and program.inputs == ("tokens", "position_ids")
    assert set(program.params) == set(model.config.parameters())


@pytest.mark.parametrize(
    ("rows", "names", "message"),
    [
        ([("y", add, "xw"), ("y", add, "xw")], {}, "'y' is bound twice"),
        ([("x", add, "xw")], {}, "'x' is bound twice"),
        ([("w", add, "xw")], {}, "'w' is bound twice"),
        ([("y", add, "xw")], {"inputs": ("x", "x")}, "'x' is bound twice"),
        ([("y", add, "xw")], {"params": ("w", "x")}, "'x' is bound twice"),
        ([("y", add, "xz")], {}, "y: reads 'z' before it is bound"),
        ([("y", add, "xz"), ("z", add, "xw")], {}, "y: reads 'z' before it is bound"),
        ([("y", add, "xy")], {}, "y: reads 'y' before it is bound"),
        ([("y", add, "xw")], {"outputs": ("nothing",)}, "output 'nothing' is never bound"),
        ([("y z", add, "xw")], {}, "'y z' is not an address"),
        ([("", add, "xw")], {}, "'' is not an address"),
        ([("y\n", add, "xw")], {}, "is not an address"),
        ([("ÿ", add, "xw")], {}, "'ÿ' is not an address"),
        ([("y", add, "xw")], {"inputs": ("x", "../x")}, "'../x' is not an address"),
        ([("y", add, "xw")], {"params": ("w", "$(ls)")}, "is not an address"),
    ],
)
def test_each_malformation_is_named(program_of, rows, names, message):
    with pytest.raises(ProgramError) as caught:
        program_of(*rows, **names).check()
    assert message in str(caught.value)


@pytest.mark.parametrize("good", ["embed", "blocks.0.attn.q", "d.w@reader", "a_B.9@x"])
def test_addresses_hold_letters_digits_and_four_signs(good):
    assert ADDRESS.fullmatch(good)


@pytest.mark.parametrize("bad", ["a b", "a/b", "a-b", "a\n", "a'", 'a"', "a<b", "é", "", "a:b", "\x1b[0m"])
def test_nothing_else_is_an_address(bad):
    assert not ADDRESS.fullmatch(bad)


def test_index_names_near_misses(model):
    with pytest.raises(ProgramError) as caught:
        model.program.index("blocks.0.attn.patern")
    assert "did you mean blocks.0.attn.pattern" in str(caught.value)


def test_index_of_something_far_off_says_where_to_look(model):
    with pytest.raises(ProgramError, match="minigpt step"):
        model.program.index("ζζζζζ")


def test_readers_lists_every_line_that_reads_a_name(program_of):
    program = program_of(("y", add, "xw"), ("z", multiply, "yy"), ("u", add, "zx"))
    assert program.readers() == {"x": [0, 2], "w": [0], "y": [1, 1], "z": [2]}


def test_programs_and_lines_are_frozen(program_of):
    program = program_of(("y", add, "xw"))
    for thing, name in ((program, "lines"), (program.lines[0], "out"), (add, "name")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, None)


def test_where_a_line_was_written_is_no_part_of_what_it_is():
    assert Line("y", add, ("x",), where="a.py:1") == Line("y", add, ("x",), where="b.py:2")
    assert Line("y", add, ("x",)) != Line("y", multiply, ("x",))
    assert Line("y", add, ("x",), {"factor": 1}) != Line("y", add, ("x",), {"factor": 2})


def test_with_lines_drops_and_adds_parameters(program_of):
    program = program_of(("y", add, "xw"))
    other = program.with_lines([Line("y", add, ("x", "new"))])
    assert other.params == ("new",) and program.params == ("w",)


def test_with_lines_ends_with_a_check(program_of):
    program = program_of(("y", add, "xw"), ("z", add, "yw"))
    with pytest.raises(ProgramError, match="reads 'y' before it is bound"):
        program.with_lines(reversed(program.lines))
    with pytest.raises(ProgramError, match="output 'z' is never bound"):
        program.with_lines(program.lines[:1])


def test_costs_add_up():
    assert Cost(1, 2, 3) + Cost(10, 20, 30) == Cost(11, 22, 33)


def test_an_operation_says_how_it_shares_memory():
    assert identity.is_view and identity.overwrites is None
    assert not add.is_view and add.overwrites == 0


def test_every_line_says_where_it_was_written(model):
    for line in model.program.lines:
        path, number = line.where.split(":")
        assert path.startswith("engine/models/") and int(number) > 0


def test_an_empty_program_prints():
    assert str(Program(("x",), (), (), ("x",)).check()) == "(x) -> x    0 lines, 0 weights"
