"""The questions asked of every contender: the cases of `channel.invest` that stand beside the reference rules and that the tests run too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import yaml

import decision_os as dos

__all__ = ["FIVE", "NODE", "Case", "at_the_boundary", "cases", "clear", "five", "without_win_rate"]

NODE = "channel.invest"
FIVE = ("cac_per_sqo", "cac_per_sqo_baseline", "win_rate", "win_rate_baseline", "attribution_validity")
"""What the two rules read. The whole decision reads more: its pre-checks ask for the SLO's health and for the overall validity."""


@attrs.frozen
class Case:
    """Inputs, and the answer in one word or two: the action where it acts, otherwise the outcome."""

    name: str
    values: dict[str, Any]
    answer: str

    @property
    def complete(self) -> bool:
        """Whether nothing is missing: only then can a peer be expected to agree."""
        return None not in self.values.values()


def cases() -> list[Case]:
    """Every case of the table."""
    group = yaml.safe_load((dos.reference_rules() / "cases.yaml").read_text(encoding="utf-8"))[NODE]
    return [Case(case["name"], {**group["given"], **case.get("with", {})}, case.get("action", case["expect"])) for case in group["cases"]]


def at_the_boundary() -> dict[str, Any]:
    """The first case: two comparisons whose sides are equal on paper, and in floats are not."""
    return dict(cases()[0].values)


def clear() -> dict[str, Any]:
    """The same channel a little better, clear of every boundary: all rules are looked at and the last one acts."""
    return {**at_the_boundary(), "cac_per_sqo": 85.0, "win_rate": 0.31}


def without_win_rate() -> dict[str, Any]:
    return {**clear(), "win_rate": None}


def five(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in FIVE}
