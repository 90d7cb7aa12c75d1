"""The rules of `channel.invest` in Decision OS and in what one would use instead.

Two questions. *The decision*: two pre-checks, then pause, then invest, otherwise hold. *The two rules*: the same without the pre-checks, over five
numbers. Each peer is written as its own documentation shows it, prepared once and outside the clock, and fed the same dict.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

import decision_os as dos
from benchmarks.cases import NODE

__all__ = ["AT", "HAND", "SIMPLEEVAL", "ZEN", "ZEN_STATIC", "ZEN_TABLE", "Evaluator", "deciders", "missing_packages", "rule_evaluators"]

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)

HAND, SIMPLEEVAL, RULE_ENGINE = "hand-written Python", "simpleeval, parsed once", "rule-engine"
ZEN = "zen-engine, compiled expression"
ZEN_TABLE = "zen-engine, decision table by `create_decision`"
ZEN_STATIC = "zen-engine, decision table by a static loader"

BLOCKED = "not slo_green or attribution_validity_overall < 0.995"
PAUSE = "cac_per_sqo >= cac_per_sqo_baseline * 1.2 or attribution_validity < 0.995"
INVEST = "cac_per_sqo <= cac_per_sqo_baseline * 0.9 and win_rate >= win_rate_baseline + 0.02"

RULES_IN_PYTHON = f"'pause channel' if {PAUSE} else '+20% budget' if {INVEST} else 'hold'"
DECISION_IN_PYTHON = f"'blocked' if {BLOCKED} else {RULES_IN_PYTHON}"
RULES_IN_C = f"({PAUSE}) ? 'pause channel' : (({INVEST}) ? '+20% budget' : 'hold')"
DECISION_IN_C = f"({BLOCKED}) ? 'blocked' : ({RULES_IN_C})"


@attrs.frozen(kw_only=True)
class Evaluator:
    """One way to answer: `run(values)` is what is timed; `word` reads the answer off what it gives.

    `decimal` says whether its numbers are decimal (or exact), so that 0.27 + 0.02 is 0.29.
    """

    name: str
    gives: str
    run: Callable[[dict[str, Any]], Any]
    word: Callable[[Any], str] = str
    decimal: bool = True

    def answer(self, values: dict[str, Any]) -> str:
        """The answer in a word, or the name of what it raises."""
        try:
            return self.word(self.run(values))
        except Exception as error:  # noqa: BLE001  # what a peer does with a missing value is the finding
            return f"raises {type(error).__name__}"


def missing_packages() -> list[str]:
    """The peers that are not installed: they are an extra."""
    return [name for name, module in (("zen-engine", "zen"), ("rule-engine", "rule_engine")) if importlib.util.find_spec(module) is None]


def deciders(engine: dos.Engine) -> list[Evaluator]:
    """The decision, by everyone who is installed; Decision OS first."""

    def decide(values: Mapping[str, Any]) -> dos.DecisionRecord:
        return engine.decide(NODE, values, at=AT, subject="Paid search")

    ours = Evaluator(name="Decision OS, `Engine.decide`", gives="typed, hashed record that can explain itself", run=decide, word=_word)
    found = [ours, _hand_written(_decision_by_hand), _simpleeval(DECISION_IN_PYTHON)]
    if "zen-engine" not in missing_packages():
        found += [_zen_expression(DECISION_IN_C), *_zen_tables()]
    if "rule-engine" not in missing_packages():
        found.append(_rule_engine(DECISION_IN_C))
    return found


def rule_evaluators() -> list[Evaluator]:
    """The two rules, by everyone who is installed; Decision OS first."""
    expression = dos.compile(RULES_IN_PYTHON)
    ours = Evaluator(name="Decision OS, `Expression.evaluate`", gives="a text, or an `Unknown` with its reasons", run=expression.evaluate)
    found = [ours, _hand_written(_rules_by_hand), _simpleeval(RULES_IN_PYTHON)]
    if "zen-engine" not in missing_packages():
        found.append(_zen_expression(RULES_IN_C))
    if "rule-engine" not in missing_packages():
        found.append(_rule_engine(RULES_IN_C))
    return found


def _word(record: dos.DecisionRecord) -> str:
    return record.action or record.outcome.value


def _rules_by_hand(values: Mapping[str, Any]) -> str:
    if values["cac_per_sqo"] >= values["cac_per_sqo_baseline"] * 1.2 or values["attribution_validity"] < 0.995:
        return "pause channel"
    if values["cac_per_sqo"] <= values["cac_per_sqo_baseline"] * 0.9 and values["win_rate"] >= values["win_rate_baseline"] + 0.02:
        return "+20% budget"
    return "hold"


def _decision_by_hand(values: Mapping[str, Any]) -> str:
    if not values["slo_green"] or values["attribution_validity_overall"] < 0.995:
        return "blocked"
    if values["cac_per_sqo"] >= values["cac_per_sqo_baseline"] * 1.2 or values["attribution_validity"] < 0.995:
        return "pause channel"
    if values["cac_per_sqo"] <= values["cac_per_sqo_baseline"] * 0.9 and values["win_rate"] >= values["win_rate_baseline"] + 0.02:
        return "+20% budget"
    return "hold"


def _hand_written(function: Callable[[Mapping[str, Any]], str]) -> Evaluator:
    return Evaluator(name=HAND, gives="a text", run=function, decimal=False)


def _simpleeval(text: str) -> Evaluator:
    import simpleeval

    evaluator = simpleeval.SimpleEval()
    parsed = evaluator.parse(text)

    def run(values: Mapping[str, Any]) -> Any:
        evaluator.names = values
        return evaluator.eval(text, previously_parsed=parsed)

    return Evaluator(name=SIMPLEEVAL, gives="a text", run=run, decimal=False)


def _zen_expression(text: str) -> Evaluator:
    import zen

    return Evaluator(name=ZEN, gives="a text", run=zen.compile_expression(text).evaluate)


def _zen_tables() -> list[Evaluator]:
    """The two ways to a decision table: the one its quick start shows, and the one that keeps the table compiled."""
    import zen

    graph = _zen_graph()
    decision = zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(graph)))
    engine = zen.ZenEngine({"loader": {"type": "static", "content": {NODE: graph}}})
    gives = "a dict: outcome and action"
    return [
        Evaluator(name=ZEN_TABLE, gives=gives, run=decision.evaluate, word=_zen_word),
        Evaluator(name=ZEN_STATIC, gives=gives, run=lambda values: engine.evaluate(NODE, values), word=_zen_word),
    ]


def _zen_word(found: Mapping[str, Any]) -> str:
    result = found["result"]
    return str(result.get("action") or result["outcome"])


def _zen_graph() -> dict[str, Any]:
    """One decision table between an input and an output node, first hit; a cell that is blank holds always."""
    fields = ("slo_green", "attribution_validity_overall", "attribution_validity", "cac_per_sqo", "win_rate", "outcome", "action")
    rows = (
        {"slo_green": "false", "outcome": "'blocked'"},
        {"attribution_validity_overall": "< 0.995", "outcome": "'blocked'"},
        {"cac_per_sqo": ">= cac_per_sqo_baseline * 1.2", "outcome": "'act'", "action": "'pause channel'"},
        {"attribution_validity": "< 0.995", "outcome": "'act'", "action": "'pause channel'"},
        {"cac_per_sqo": "<= cac_per_sqo_baseline * 0.9", "win_rate": ">= win_rate_baseline + 0.02", "outcome": "'act'", "action": "'+20% budget'"},
        {"outcome": "'hold'"},
    )
    columns = [{"id": name, "name": name, "field": name} for name in fields]
    table = {
        "hitPolicy": "first",
        "inputs": columns[:5],
        "outputs": columns[5:],
        "rules": [{"_id": str(place), **dict.fromkeys(fields, ""), **row} for place, row in enumerate(rows)],
    }
    place = {"x": 0, "y": 0}
    return {
        "nodes": [
            {"id": "in", "type": "inputNode", "name": "in", "position": place},
            {"id": "table", "type": "decisionTableNode", "name": "table", "position": place, "content": table},
            {"id": "out", "type": "outputNode", "name": "out", "position": place},
        ],
        "edges": [
            {"id": "first", "type": "edge", "sourceId": "in", "targetId": "table"},
            {"id": "second", "type": "edge", "sourceId": "table", "targetId": "out"},
        ],
    }


def _rule_engine(text: str) -> Evaluator:
    import rule_engine

    return Evaluator(name=RULE_ENGINE, gives="a text", run=rule_engine.Rule(text).evaluate)
