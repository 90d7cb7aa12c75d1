"""`cases.yaml` → cases, checked against the rule book: every mistake with its place, all at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from decision_os.engine import Engine
from decision_os.errors import CasesError, ExpressionError, Severity, Where, nearest
from decision_os.expr import analyse
from decision_os.expr.parser import parse
from decision_os.expr.tree import Negative, Node, Number
from decision_os.plan import Plan
from decision_os.record import Outcome
from decision_os.units import PERCENT, PP, Unit, parse_unit
from decision_os.values import Reading
from decision_os.wire import FEEDS, is_cases
from decision_os.wire.fields import Fields, Report
from decision_os.wire.nodes import MapNode, ScalarNode, SeqNode, read_nodes
from decision_os.wire.nodes import Node as YamlNode

__all__ = ["AT", "Case", "cases_files", "given_of", "read_cases"]

AT: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
"""The instant a case is decided at unless it says another: nothing but the age of a reading depends on it."""

_NOTHING: Final = ("", "null", "Null", "NULL", "~")
_YES_NO: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NOT_KNOWN: Final = "write `null` where it is not known"


@attrs.frozen(kw_only=True)
class Case:
    """One case: what is given, and what must come of it.

    `values` and `choose` are what `Engine.decide` takes; `changed` are the names that this case gives itself, over what holds for all. What is None
    among the expectations is not looked at.
    """

    node: str
    name: str
    values: Mapping[str, Any]
    choose: Mapping[str, float]
    changed: tuple[str, ...] = ()
    at: dt.datetime = AT
    outcome: Outcome
    action: str | None = None
    branch: str | None = None
    unknowns: tuple[str, ...] | None = None
    by: tuple[str, ...] | None = None
    where: Where = attrs.field(factory=Where, eq=False)

    @property
    def id(self) -> str:
        """The decision and the name: how a test report calls it."""
        return f"{self.node}: {self.name}"


def cases_files(folder: str | Path) -> tuple[Path, ...]:
    """The files of cases below a rules folder, in a fixed order; none where it is no folder."""
    root = Path(folder)
    return tuple(sorted(path for path in root.rglob("*.yaml") if is_cases(path) and not any(part.startswith(".") for part in path.relative_to(root).parts)))


def given_of(cases: Iterable[Case]) -> dict[str, dict[str, Any]]:
    """By decision, the values that its cases share: what a new case need not repeat."""
    shared: dict[str, dict[str, Any]] = {}
    for case in cases:
        shared.setdefault(case.node, {}).update({name: value for name, value in case.values.items() if name not in case.changed})
    return shared


def read_cases(path: str | Path, engine: Engine) -> tuple[Case, ...]:
    """The cases of one file, in the order written.

    Raises `CasesError` with everything that is wrong in it: decisions, inputs and parameters the rule book does not have, values no rule can
    read, words that are no outcome, names that come twice.

    >>> from decision_os.reference import reference_rules
    >>> engine = Engine.load(reference_rules())
    >>> cases = read_cases(reference_rules() / "cases.yaml", engine)
    >>> cases[0].id, cases[0].outcome.value, dict(cases[0].choose)
    ('pricing.change: $40 a seat at +8 % gives +$3.20 and acts', 'act', {'list_price_step': 0.08})
    """
    report = Report()
    root = _root(Path(path), report)
    cases: list[Case] = []
    if isinstance(root, MapNode):
        for key, node in root.items:
            if key.text not in engine.nodes:
                hint = nearest(key.text, engine.nodes) or f"known: {', '.join(engine.nodes)}"
                report.error("unknown-decision", f"no decision `{key.text}` in the rule book", key.where, hint)
                continue
            cases += _Group(engine, engine.plan(key.text), node, report).cases()
    if report.issues:
        raise CasesError(sorted(report.issues, key=lambda issue: issue.where))
    return tuple(cases)


def _root(path: Path, report: Report) -> YamlNode | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        report.error("bad-encoding", f"not UTF-8: byte {error.start}", Where(str(path), 1, 1), "save the file as UTF-8")
        return None
    except OSError as error:
        report.error("unreadable", f"cannot be read: {(error.strerror or 'unknown error').lower()}", Where(str(path)))
        return None
    root, issues = read_nodes(text, str(path))
    report.issues += issues
    if root is not None and not isinstance(root, MapNode) and not (isinstance(root, ScalarNode) and not root.text):
        report.error("wrong-type", "a file of cases is a mapping from decisions to `given` and `cases`", root.where)
    return root


class _Group:
    """The cases of one decision."""

    def __init__(self, engine: Engine, plan: Plan, node: YamlNode, report: Report) -> None:
        self.currency = engine.book.currency
        self.plan = plan
        self.report = report
        self.fields = Fields(node, f"the cases of `{plan.playbook.id}`", report)
        self.seen: dict[str, Where] = {}

    def cases(self) -> Iterator[Case]:
        given = self.values(self.fields, "given")
        at = self.instant(self.fields, AT)
        listed = self.fields.raw("cases", required=True)
        self.fields.close()
        if listed is not None and (not isinstance(listed, SeqNode) or not listed.items):
            self.report.error("wrong-type", f"{self.fields.what} are a list of at least one case", listed.where, "begin each with `- {name: …, expect: …}`")
        for item in listed.items if isinstance(listed, SeqNode) else ():
            found = self.case(item, given, at)
            if found is not None:
                yield found

    def case(self, node: YamlNode, given: Mapping[str, Any], at: dt.datetime) -> Case | None:
        before = len(self.report.issues)
        fields = Fields(node, f"a case of `{self.plan.playbook.id}`", self.report)
        name = fields.text("name", required=True)
        if name:
            fields.what = f"the case `{name}`"
            self.once(name, fields.key_where("name"))
        changed = self.values(fields, "with")
        choose = self.choices(fields)
        outcome = fields.one_of("expect", [each.value for each in Outcome], required=True)
        action = fields.text("action") if "action" in fields else None
        branch = fields.text("branch") if "branch" in fields else None
        unknowns = self.names(fields, "unknowns", [*self.plan.inputs, *self.plan.feeds], "input")
        by = self.names(fields, "by", [check.id for check in self.plan.pre_checks], "pre-check")
        when = self.instant(fields, at)
        if branch is not None and any(part not in {each.id for each in self.plan.branches} for part in branch.split(", ")):
            hint = nearest(branch, [each.id for each in self.plan.branches]) or f"known: {', '.join(each.id for each in self.plan.branches)}"
            self.report.error("unknown-branch", f"{fields.what} expects the branch `{branch}`, which there is not", fields.key_where("branch"), hint)
        if (action or branch) and outcome and outcome != Outcome.ACT.value:
            key = "action" if action else "branch"
            message = f"{fields.what} expects `{outcome}` and names {'an action' if action else 'a branch'}"
            self.report.error("contradiction", message, fields.key_where(key), f"only `act` has one; leave `{key}` out, or write `expect: act`")
        fields.close()
        if len(self.report.issues) > before:
            return None
        return Case(
            node=self.plan.playbook.id,
            name=name,
            values={**given, **changed},
            choose=choose,
            changed=tuple(changed),
            at=when,
            outcome=Outcome(outcome),
            action=action,
            branch=branch,
            unknowns=unknowns,
            by=by,
            where=fields.where,
        )

    def once(self, name: str, where: Where) -> None:
        if name in self.seen:
            self.report.error("name-twice", f"two cases of `{self.plan.playbook.id}` are called `{name}`", where, f"the first is at {self.seen[name]}")
        self.seen[name] = where

    def names(self, fields: Fields, key: str, known: list[str], kind: str) -> tuple[str, ...] | None:
        if key not in fields:
            return None
        for item in fields.items(key):
            if item.text not in known:
                hint = nearest(item.text, known) or f"known: {', '.join(known)}"
                self.report.error(f"unknown-{kind}", f"`{item.text}` in `{key}` of {fields.what} is no {kind} of `{self.plan.playbook.id}`", item.where, hint)
        return fields.texts(key)

    def choices(self, fields: Fields) -> dict[str, float]:
        found: dict[str, float] = {}
        for key, node in fields.mapping("choose"):
            value = self.number(node, key.text)
            if value is None:
                continue
            try:
                self.plan.choices({key.text: value})
            except ExpressionError as error:
                self.report.error("bad-choice", error.message, key.where, error.hint)
            else:
                found[key.text] = value
        return found

    def instant(self, fields: Fields, otherwise: dt.datetime) -> dt.datetime:
        node = fields.scalar("at")
        return otherwise if node is None else self.read_instant(node) or otherwise

    def read_instant(self, node: YamlNode) -> dt.datetime | None:
        text = node.text if isinstance(node, ScalarNode) else ""
        try:
            found = dt.datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.report.error("bad-date", f"`{text}` is no instant with a zone", node.where, "write it as in `2026-10-06T14:00:00Z`")
            return None
        return found

    # ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

    def values(self, fields: Fields, section: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, node in fields.mapping(section):
            name = self.plan.aliases.get(key.text, key.text)
            if name in found:
                self.report.error("name-twice", f"`{name}` is given twice", key.where, "leave one out")
            elif name in self.plan.inputs:
                found[name] = self.value(node, name)
            elif name in self.plan.feeds:
                found[name] = self.number(node, name) if FEEDS[name] else self.truth(node, name)
            elif name in self.plan.playbook.subject.keys:
                found[name] = self.text(node, name)
            else:
                known = [*self.plan.inputs, *self.plan.feeds]
                hint = nearest(name, known) or f"it reads {', '.join(known)}"
                self.report.error("unknown-input", f"`{self.plan.playbook.id}` reads no input `{name}`", key.where, hint)
        return found

    def value(self, node: YamlNode, name: str) -> Any:
        """One value, a reading, or a mapping from finer keys to these."""
        if not isinstance(node, MapNode):
            return self.single(node, name)
        if "value" in node:
            return self.reading(node, name)
        planned = self.plan.inputs[name]
        if planned.use.combine is None:
            hint = "give one number, or `{value: 0.27, n: 340}`"
            self.report.error("wrong-type", f"`{name}` is one value, not one for each of several keys", node.where, hint)
            return None
        return {
            key.text: self.value(item, name) if isinstance(item, MapNode) and item.get("value") is not None else self.single(item, name)
            for key, item in node.items
        }

    def reading(self, node: MapNode, name: str) -> Reading:
        fields = Fields(node, f"the reading of `{name}`", self.report)
        value = self.single(fields.raw("value") or ScalarNode("", node.at), name)
        loaded, valid = fields.scalar("loaded_at"), fields.scalar("valid_until")
        reading = Reading(
            value=value,
            period=fields.text("period") or None,
            loaded_at=self.read_instant(loaded) if loaded is not None else None,
            valid_until=self.read_instant(valid) if valid is not None else None,
            n=fields.integer("n"),
            members=fields.integer("members"),
        )
        fields.close()
        return reading

    def single(self, node: YamlNode, name: str) -> Any:
        metric = self.plan.inputs[name].metric
        if metric.text:
            return self.text(node, name)
        return self.truth(node, name) if metric.sustained is not None else self.number(node, name)

    def text(self, node: YamlNode, name: str) -> str | None:
        if not isinstance(node, ScalarNode):
            self.report.error("wrong-type", f"`{name}` is a text", node.where, _NOT_KNOWN)
            return None
        return None if not node.style and node.text in _NOTHING else node.text

    def truth(self, node: YamlNode, name: str) -> bool | None:
        if isinstance(node, ScalarNode) and not node.style and node.text in _NOTHING:
            return None
        if isinstance(node, ScalarNode) and node.text.casefold() in _YES_NO:
            return _YES_NO[node.text.casefold()]
        self.report.error("wrong-type", f"`{name}` is true or false, not `{_shown(node)}`", node.where, _NOT_KNOWN)
        return None

    def number(self, node: YamlNode, name: str) -> float | None:
        """A number as it is written in a playbook: `0.27`, `29%`, `+2pp`, `$40`; whole ones stay whole."""
        if isinstance(node, ScalarNode) and not node.style and node.text in _NOTHING:
            return None
        found: float | None = None
        if isinstance(node, ScalarNode):
            try:
                found = _literal(parse(node.text, currency=self.currency).tree)
            except ExpressionError:
                found = None
        if found is None:
            self.report.error("wrong-type", f"`{name}` is a number, not `{_shown(node)}`", node.where, f"as in `0.27`, `29%`, `$40`; {_NOT_KNOWN}")
            return None
        return found if isinstance(node, ScalarNode) and self.fits(node, name) else None

    def fits(self, node: ScalarNode, name: str) -> bool:
        """Whether the rules could compare a number, with the unit it is written in, with what it stands for."""
        unit = self.unit(name)
        if unit is None:
            return True
        issues = analyse(f"{name} == {node.text}", units={name: unit}, currency=self.currency).issues
        told = [issue for issue in issues if issue.severity is not Severity.NOTE]
        for issue in told:
            self.report.error(issue.code, issue.message, node.where, issue.hint)
        return not told

    def unit(self, name: str) -> Unit | None:
        """The unit a name was declared in, if it was."""
        if name in self.plan.playbook.parameters:
            return self.plan.playbook.parameters[name].unit
        if name in self.plan.inputs:
            return self.plan.inputs[name].metric.unit
        return parse_unit(FEEDS[name]) if FEEDS.get(name) else None


def _literal(tree: Node) -> float | None:
    """The number that a text is; none where it is more than a number, or one in a unit that a value does not carry."""
    if isinstance(tree, Negative):
        found = _literal(tree.operand)
        return None if found is None else -found
    if isinstance(tree, Number) and (tree.unit is None or tree.unit in (PERCENT, PP) or tree.unit.currency):
        return int(tree.exact) if tree.exact.denominator == 1 and abs(tree.exact) < 10**15 else tree.value
    return None


def _shown(node: YamlNode) -> str:
    return node.text if isinstance(node, ScalarNode) else node.raw or ("a list" if isinstance(node, SeqNode) else "a mapping")
