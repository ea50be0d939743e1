"""Every operation has its equation as MathML too, and what stands there is well formed and nothing but mathematics."""

from __future__ import annotations

import importlib
import pkgutil
import xml.etree.ElementTree as ET

import pytest

import engine.ops
from engine.ops.mathml import EQUATIONS, NAMESPACE, mathml, row
from engine.program import Op

CORE = {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msqrt", "msup", "msub", "munder", "mtable", "mtr", "mtd"}
ATTRIBUTES = {"display", "stretchy"}


def all_ops() -> dict[str, Op]:
    found: dict[str, Op] = {}
    for module in pkgutil.iter_modules(engine.ops.__path__):
        members = vars(importlib.import_module(f"engine.ops.{module.name}")).values()
        found |= {value.name: value for value in members if isinstance(value, Op)}
    return found


def elements(op: str) -> list[ET.Element]:
    return list(ET.fromstring(mathml(op)).iter())


@pytest.mark.parametrize("op", sorted(all_ops()))
def test_every_operation_has_its_equation_as_mathml(op):
    assert op in EQUATIONS, f"{op}: {all_ops()[op].equation}"


@pytest.mark.parametrize("op", sorted(EQUATIONS))
def test_an_equation_is_well_formed_and_only_mathematics(op):
    for element in elements(op):
        assert element.tag.startswith(f"{{{NAMESPACE}}}") and element.tag.split("}")[1] in CORE
        assert {*element.attrib} <= ATTRIBUTES


@pytest.mark.parametrize(("tag", "size"), [("mfrac", 2), ("msup", 2), ("msub", 2), ("munder", 2)])
def test_fractions_powers_and_indices_have_two_parts(tag, size):
    """A browser shows an element with the wrong number of children as an error."""
    for op in EQUATIONS:
        assert all(len(element) == size for element in elements(op) if element.tag.endswith(f"}}{tag}")), op


@pytest.mark.parametrize("op", sorted({*all_ops()} & {*EQUATIONS}))
def test_both_equations_name_the_same_values(op):
    """The value that an equation defines, on the left of =, is the same in both."""
    left, found, _ = all_ops()[op].equation.partition(" = ")
    text = "".join(ET.fromstring(mathml(op)).itertext())
    if found and left[0].isalpha():
        wanted = left.split("[")[0].replace("d", "∂", left.startswith("d"))
        assert text.startswith(wanted[:2]), (left, text)


def test_the_notation_by_hand():
    assert row("y = x_i^2") == row('<mi>y</mi>', '<mo>=</mo>',
        '<msup><msub><mi>x</mi><mrow><mi>i</mi></mrow></msub><mrow><mn>2</mn></mrow></msup>')  # fmt: skip
    assert row("-1 < a") == "<mrow><mn>−1</mn><mo>&lt;</mo><mi>a</mi></mrow>"
    assert mathml("no such operation") == ""
