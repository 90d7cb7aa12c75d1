"""Inputs and the record made of them → a line to paste into `cases.yaml`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from decision_os.plan import Plan
from decision_os.record import DecisionRecord, Outcome

__all__ = ["as_case"]

_PLAIN: Final = re.compile(r"[A-Za-z_+][\w+.%/ -]*[\w%]|[A-Za-z_]")
_OTHERWISE_READ: Final = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def as_case(name: str, plan: Plan, given: Mapping[str, Any], values: Mapping[str, Any], choose: Mapping[str, float], record: DecisionRecord) -> str:
    """The case in one line: what differs from `given` under `with`, and what the engine decides of it now.

    >>> from decision_os.engine import Engine
    >>> from decision_os.reference import reference_rules
    >>> engine = Engine.load(reference_rules())
    >>> values = {"cac_per_sqo": 120, "cac_per_sqo_baseline": 100, "attribution_validity_overall": 1, "slo_green": True}
    >>> record = engine.decide("channel.invest", values)
    >>> as_case("at 1.2 × baseline", engine.plan("channel.invest"), {**values, "cac_per_sqo": 90}, values, {}, record)
    '- {name: "at 1.2 × baseline", with: {cac_per_sqo: 120}, expect: act, action: pause channel}'
    """
    read = {name for condition in (*plan.pre_checks, *plan.branches) for name in condition.expression.names}
    changed = {key: value for key, value in values.items() if (key in given or key in read)}
    changed = {key: value for key, value in changed.items() if key not in given or given[key] != value or type(given[key]) is not type(value)}
    changed = {key: value for key, value in changed.items() if value is not None or given.get(key) is not None}
    chosen = {key: value for key, value in choose.items() if plan.defaults.get(key) != value}
    parts = [f"name: {_text(name, quoted=True)}"]
    parts += [f"with: {_value(changed)}"] if changed else []
    parts += [f"choose: {_value(chosen)}"] if chosen else []
    parts.append(f"expect: {record.outcome.value}")
    if record.action:
        parts.append(f"action: {_text(record.action)}")
    alike = [branch for branch in plan.branches if branch.action in {each.id for each in record.actions}]
    if record.branch and len(alike) > len(record.branch.split(", ")):
        parts.append(f"branch: {_text(record.branch)}")
    if record.outcome is Outcome.BLOCKED and set(record.blocked_by) <= {check.id for check in plan.pre_checks}:
        parts.append(f"by: {_value(record.blocked_by)}")
    if record.unknowns and record.outcome is not Outcome.ACT:
        parts.append(f"unknowns: {_value(record.unknowns)}")
    return "- {" + ", ".join(parts) + "}"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(key))}: {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(int(value) if float(value).is_integer() and abs(value) < 1e15 else value)
    return _text(str(value))


def _text(text: str, *, quoted: bool = False) -> str:
    """A text as YAML: plain where it is read as the same text."""
    if not quoted and _PLAIN.fullmatch(text) and text.casefold() not in _OTHERWISE_READ:
        return text
    written = json.dumps(text, ensure_ascii=False)  # a JSON text is a YAML text, but for what YAML does not let stand in a file
    return "".join(mark if mark.isprintable() else f"\\U{ord(mark):08x}" for mark in written)
