"""One vocabulary for many texts, and what texts came to shared by several: the same as if each were read alone."""

from __future__ import annotations

from itertools import permutations

import attrs
import pytest

from decision_os.errors import InputError
from decision_os.expr import Expression, Function, Readings, Vocabulary, compile_threshold
from decision_os.expr import compile as compile_

_TEXTS = (
    "cac <= base",
    "cac <= base * step",
    "cac + 30",
    "half > 1",
    "half > 1 and cac > 2",
    "gate",
    "sold > 2",
    "price(cac) > 3",
    "price > 3",
    "cac in E",
    "`CAC` <= base",
    "cac < nothing",
    "(cac, 2)",
    "cac > (1",
    "age < 2d",
)
_USD, _EUR = {"cac": "USD", "base": "USD", "age": "hours"}, {"cac": "EUR", "base": "EUR", "age": "days"}


def _double(value: float) -> float:
    return value * 2


_HALF = compile_("cac / 2", units=_USD)
_GATE = compile_("part > 1", definitions={"part": _HALF})
_SOLD = compile_("price(cac)", functions={"price": Function(_double, [None], None)})


def _vocabularies() -> dict[str, Vocabulary]:
    narrow = compile_threshold("[0, 1]")
    return {
        "any names": Vocabulary(),
        "dollars": Vocabulary(names=["cac", "base", "step", "age"], units=_USD),
        "euros": Vocabulary(names=["cac", "base", "age", "price"], units=_EUR, labels={"CAC": "cac"}),
        "other label": Vocabulary(units=_USD, labels={"CAC": "base"}),
        "a step": Vocabulary(units=_USD, definitions={"step": compile_threshold("0.9"), "E": narrow}),
        "another step": Vocabulary(units=_USD, definitions={"step": compile_threshold("0.8"), "E": compile_threshold("[0, 2]")}),
        "half of dollars": Vocabulary(units=_USD, definitions={"half": _HALF}),
        "half of whatever": Vocabulary(definitions={"half": _HALF}),
        "half of euros": Vocabulary(units=_EUR, definitions={"half": _HALF}),
        "half, and another cac": Vocabulary(definitions={"half": _HALF, "cac": compile_("base * 3")}),
        "a gate": Vocabulary(definitions={"gate": _GATE}),
        "a gate beside another part": Vocabulary(definitions={"gate": _GATE, "part": compile_("base")}),
        "sold": Vocabulary(definitions={"sold": _SOLD}),
        "sold beside another price": Vocabulary(definitions={"sold": _SOLD}, functions={"price": Function(float, [None], None)}),
        "a function": Vocabulary(functions={"price": Function(_double, ["USD"], "USD")}),
        "another function": Vocabulary(functions={"price": Function(_double, ["EUR"], "EUR")}, units=_EUR),
        "rupees": Vocabulary(units=_USD, currency="INR"),
    }


def _said(vocabulary: Vocabulary, text: str, *, threshold: bool) -> list[object]:
    found = vocabulary.analyse_threshold(text) if threshold else vocabulary.analyse(text)
    expression = found.expression
    if expression is None:
        return [found.issues]
    context = expression.context
    told = [expression, expression.unit, expression.names, expression.uses, expression.calls, found.issues, context.texts, context.units, context.seen]
    return [*told, {name: id(function.call) for name, function in context.functions.items()}]


@pytest.mark.parametrize("threshold", [False, True])
def test_a_shared_reading_is_what_each_vocabulary_reads_alone(threshold: bool) -> None:
    alone = {name: [_said(each, text, threshold=threshold) for text in _TEXTS] for name, each in _vocabularies().items()}
    for first, second in permutations(alone, 2):
        readings = Readings()
        shared = {name: attrs.evolve(each, readings=readings) for name, each in _vocabularies().items()}
        for name in (first, second, first):
            assert [_said(shared[name], text, threshold=threshold) for text in _TEXTS] == alone[name], (first, second, name)


def test_texts_of_the_same_meaning_are_read_once() -> None:
    readings = Readings()
    one, other = (Vocabulary(names=names, units=_USD, readings=readings) for names in (["cac", "base"], ["base", "cac", "age"]))
    first, second = one.analyse("cac <= base").expression, other.analyse("cac <= base").expression
    assert isinstance(first, Expression)
    assert first is second


def test_a_vocabulary_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(InputError, match="`names` is a list of names"):
        Vocabulary(names="cac")
    with pytest.raises(InputError, match="`units` has something of type int for `cac`"):
        Vocabulary(units={"cac": 3})  # type: ignore[dict-item]  # what it is for
