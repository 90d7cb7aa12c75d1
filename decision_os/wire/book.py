"""A rules folder → a rule book, with every finding of every file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from decision_os.calendars import parse_cadence, zone_of
from decision_os.canonical import fingerprint
from decision_os.errors import DecisionOSError, InputError, Issue, UnitError, Where, nearest
from decision_os.expr import Readings
from decision_os.model import APPROVALS_HOLD, Freeze, Metric, Playbook, ReviewCadence, Role, RuleBook, Slo, Threshold
from decision_os.slo import BurnAlert, parse_slo
from decision_os.units import CURRENCIES, Unit, parse_unit
from decision_os.wire.data import read_break_action, read_entity, read_fact, read_source
from decision_os.wire.fields import Fields, Report
from decision_os.wire.functions import Handed, read_functions
from decision_os.wire.metrics import MetricHeads, read_metric
from decision_os.wire.nodes import LARGEST_FILE, NOWHERE, MapNode, Node, ScalarNode, SeqNode, read_nodes
from decision_os.wire.playbooks import LEVELS, expressions_of, read_playbook, read_thresholds, role_label
from decision_os.wire.scope import Scope

__all__ = ["Loaded", "is_cases", "read_book", "rule_files"]

_SECTIONS: Final = (
    "rule_book",
    "roles",
    "review_cadence",
    "freshness_slos",
    "sources",
    "entities",
    "facts",
    "functions",
    "thresholds",
    "metrics",
    "playbooks",
    "approvals_hold",
)
_SINGLE: Final = {"metric": "metrics", "playbook": "playbooks"}
_CASES: Final = "cases.yaml"
_ELSEWHERE: Final = frozenset(f"unknown-{kind}" for kind in ("cadence", "column", "entity", "fact", "metric", "name", "role", "slo", "source"))
"""What may stand in a file that could not be read: with one, these would bury the one mistake that matters."""


@attrs.frozen
class Loaded:
    """What reading a folder came to: the rule book as far as it could be read, and what is wrong with it."""

    book: RuleBook
    issues: tuple[Issue, ...]


def is_cases(path: Path) -> bool:
    """Whether a file holds cases beside the rules, by its name: `cases.yaml`, `pricing_cases.yaml`."""
    return path.name.endswith(_CASES)


def rule_files(folder: Path) -> tuple[Path, ...]:
    """The rule files below a folder, in a fixed order; `cases.yaml` and what begins with a dot are not among them."""
    found = [path for ending in ("*.yaml", "*.yml") for path in folder.rglob(ending)]
    return tuple(sorted(path for path in found if not is_cases(path) and not any(part.startswith(".") for part in path.relative_to(folder).parts)))


def read_book(folder: str | Path, functions: Handed | None = None) -> Loaded:
    """Read every rule file below a folder. Nothing is evaluated, and no finding stops the others from being found.

    `functions` are the Python functions that the rule book declares, by name. None: nobody was asked for them, and that they are lacking is a note.
    """
    root = Path(folder)
    report = Report()
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        report.error("no-rules", f"the rules folder `{root}` {what}", Where(str(root)), "`decision-os init` writes one to start from")
        return Loaded(RuleBook(id="", version="", zone="UTC"), tuple(report.issues))
    paths = rule_files(root)
    if not paths:
        report.error("no-rules", f"there is no rule file (`*.yaml`) in `{root}`", Where(str(root)), "`decision-os init` writes some to start from")
    sections = _sections(paths, report)
    book = _assemble(sections, str(root), report, functions)
    issues = [issue for issue in dict.fromkeys(report.issues) if not (report.lost and issue.code in _ELSEWHERE)]
    return Loaded(book, tuple(sorted(issues, key=lambda issue: issue.where)))


def _sections(paths: tuple[Path, ...], report: Report) -> dict[str, dict[str, tuple[ScalarNode, Node]]]:
    """Everything said in all files: section → name → (the key where it stands, the node)."""
    found: dict[str, dict[str, tuple[ScalarNode, Node]]] = {section: {} for section in _SECTIONS}
    for path in paths:
        text = _text(path, report)
        if text is None:
            report.lost = True
            continue
        root, issues = read_nodes(text, str(path))
        report.issues.extend(issues)
        if root is None and not issues:
            report.warning("empty-file", "an empty rule file", Where(str(path), 1, 1), "write its sections, or remove it")
            continue
        if root is None:
            report.lost = True
            continue
        if not isinstance(root, MapNode):
            if not isinstance(root, ScalarNode) or root.text:
                report.error("wrong-type", "a rule file is a mapping of sections", root.where)
            continue
        _add(root, found, report)
    return found


def _text(path: Path, report: Report) -> str | None:
    try:
        size = path.stat().st_size
        if size <= 4 * LARGEST_FILE:  # a character has four bytes at most; the reader counts characters
            return path.read_text(encoding="utf-8-sig")
        report.error("too-large", f"a rule file of {size:,} bytes; at most {LARGEST_FILE:,} characters are read", Where(str(path), 1, 1))
    except UnicodeDecodeError as error:
        report.error("bad-encoding", f"not UTF-8: byte {error.start}", Where(str(path), 1, 1), "save the file as UTF-8")
    except OSError as error:
        report.error("unreadable", f"cannot be read: {(error.strerror or 'unknown error').lower()}", Where(str(path)))
    return None


def _add(root: MapNode, found: dict[str, dict[str, tuple[ScalarNode, Node]]], report: Report) -> None:
    for single, section in _SINGLE.items():
        key = root.get(single)
        if isinstance(key, ScalarNode):
            given = root.get("id")
            named = given if isinstance(given, ScalarNode) and single == "metric" else key
            _put(found[section], named, root, section, report)
            return
    for key, value in root.items:
        if key.text not in _SECTIONS:
            hint = nearest(key.text, [*_SECTIONS, *_SINGLE]) or f"known: {', '.join(_SECTIONS)}"
            report.error("unknown-key", f"`{key.text}` is no section of a rule file", key.where, hint)
        elif not isinstance(value, MapNode):
            report.error("wrong-type", f"the section `{key.text}` is a mapping", value.where)
        elif key.text == "rule_book":
            _put(found["rule_book"], ScalarNode("rule_book", key.at), value, "rule_book", report)
        else:
            for name, node in value.items:
                _put(found[key.text], name, node, key.text, report)


def _put(names: dict[str, tuple[ScalarNode, Node]], key: ScalarNode, node: Node, section: str, report: Report) -> None:
    if key.text in names:
        report.error("duplicate-key", f"`{key.text}` stands in `{section}` a second time", key.where, f"first at {names[key.text][0].where}")
    else:
        names[key.text] = (key, node)


def _plain(node: Node) -> object:
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, SeqNode):
        return [_plain(item) for item in node.items]
    return {key: value.text if type(value) is ScalarNode else _plain(value) for key, (_, value) in node.pairs.items()}


def _assemble(sections: Mapping[str, dict[str, tuple[ScalarNode, Node]]], folder: str, report: Report, handed: Handed | None) -> RuleBook:
    content = fingerprint({section: {key: _plain(node) for key, (_, node) in names.items()} for section, names in sections.items() if names})
    head_node = sections["rule_book"].get("rule_book")
    if head_node is None and not report.lost and not any(issue.code == "no-rules" for issue in report.issues):
        report.error("missing-key", "no file has the section `rule_book`", Where(folder), "it gives id, version, zone and currency")
    head = Fields(head_node[1] if head_node else None, "the rule book", report)
    required = head_node is not None
    currency = _currency(head)
    zone = _zone(head)
    roles = {key: _role(key, node, report) for key, (_, node) in sections["roles"].items()}
    cadences = {key: cadence for key, (_, node) in sections["review_cadence"].items() if (cadence := _cadence(key, node, zone, report))}
    sources = {key: read_source(key, node, report) for key, (_, node) in sections["sources"].items()}
    slos = {key: slo for key, (_, node) in sections["freshness_slos"].items() if (slo := _slo(key, node, sources, report))}
    registered = read_functions(sections["functions"], handed, report, folder, others={section: sections[section] for section in ("thresholds", "metrics")})
    functions = {name: each.function for name, each in registered.items()}
    entities = {
        key: read_entity(key, node, sources, report, currency=currency, functions=functions, others=sections["entities"])
        for key, (_, node) in sections["entities"].items()
    }
    facts_read = {key: read_fact(key, node, entities, report, currency=currency, functions=functions) for key, (_, node) in sections["facts"].items()}
    readings = Readings()
    thresholds = _shared_thresholds(sections["thresholds"], Scope(units={}, functions=functions, currency=currency, readings=readings), report)
    heads = MetricHeads(
        units={key: _declared_unit(node) for key, (_, node) in sections["metrics"].items()},
        declared={key: found.where for key, (_, node) in sections["metrics"].items() if isinstance(node, MapNode) and (found := node.get("unit"))},
        labels={_declared_label(key, node): key for key, (_, node) in sections["metrics"].items()},
        facts={key: fact for key, (fact, _) in facts_read.items()},
        fact_units={key: units for key, (_, units) in facts_read.items()},
        entities=entities,
        sources=sources,
        roles=roles,
        thresholds=thresholds,
        functions=functions,
        currency=currency,
        readings=readings,
    )
    metrics = {key: attrs.evolve(read_metric(key, node, heads, report), hash=fingerprint(_plain(node))) for key, (_, node) in sections["metrics"].items()}
    playbooks: dict[str, Playbook] = {}
    used: set[str] = {name for metric in metrics.values() for name in _metric_uses(metric)}
    used |= {_periods(node) for _, node in sections["metrics"].values()}
    for key in tuple(sections["playbooks"]):
        _, node = sections["playbooks"].pop(key)  # not needed once it is read, and all of them together are most of a large rule book
        playbooks[key], shared = read_playbook(key, node, heads, report, cadences=sections["review_cadence"], slos=sections["freshness_slos"])
        used |= shared
    for name, threshold in thresholds.items():
        if report.surely_unused(name, used):
            report.error("unused-threshold", f"the shared threshold `{name}` is declared and never used", threshold.where)
    book = RuleBook(
        id=head.text("id", required=required),
        version=head.text("version", required=required),
        zone=zone,
        currency=currency,
        fiscal_year_start=head.integer("fiscal_year_start", 1, low=1, high=12) or 1,
        decision_catalog_ref=head.text("decision_catalog_ref"),
        metric_layer_ref=head.text("metric_layer_ref"),
        holidays=head.date_list("holidays"),
        freeze=_freeze(head, roles),
        roles=roles,
        review_cadence=cadences,
        slos=slos,
        sources=sources,
        entities=entities,
        facts={key: fact for key, (fact, _) in facts_read.items()},
        thresholds=thresholds,
        functions=registered,
        metrics=metrics,
        playbooks=playbooks,
        approvals_hold=_approvals_hold(sections["approvals_hold"], report),
        hash=content,
        folder=folder,
    )
    head.close()
    _report_uncalled(book, report)
    return book


def _report_uncalled(book: RuleBook, report: Report) -> None:
    """Warn of functions that are declared and that no expression calls."""
    expressions = [threshold.value for threshold in book.thresholds.values()]
    for metric in book.metrics.values():
        expressions += [found for found in (metric.formula, metric.sustained.condition if metric.sustained else None) if found is not None]
        expressions += [test.assertion for test in metric.qa_tests]
    for playbook in book.playbooks.values():
        expressions += [*expressions_of(playbook), *(threshold.value for threshold in playbook.thresholds.values())]
    called = {name for expression in expressions for name in expression.calls}
    for name, each in book.functions.items():
        if report.surely_unused(name, called):
            report.warning("unused-function", f"no expression calls the function `{name}`", each.where)


def _currency(head: Fields) -> str:
    node = head.scalar("currency")
    if node is None:
        return "USD"
    if node.text not in CURRENCIES:
        hint = nearest(node.text, CURRENCIES) or "write its code of ISO 4217, as in `USD`, `EUR`"
        head.report.error("unknown-currency", f"`{node.text}` is no currency", node.where, hint)
        return "USD"
    return node.text


def _zone(head: Fields) -> str:
    node = head.scalar("zone", required="currency" in head or "id" in head)
    if node is None:
        return "UTC"
    try:
        zone_of(node.text)
    except (DecisionOSError, LookupError, ValueError) as error:
        head.report.error("unknown-zone", f"`{node.text}` is no time zone", node.where, getattr(error, "hint", "") or "as in `America/New_York`")
        return "UTC"
    return node.text


def _role(name: str, node: Node, report: Report) -> Role:
    fields = Fields(node, f"role `{name}`", report)
    role = Role(id=name, label=fields.text("label", name), aliases=fields.texts("aliases"), where=fields.where)
    fields.close()
    return role


def _cadence(name: str, node: Node, zone: str, report: Report) -> ReviewCadence | None:
    fields = Fields(node, f"review cadence `{name}`", report)
    when = fields.parsed("when", lambda text: parse_cadence(text, zone), required=True)
    agenda = fields.texts("agenda")
    fields.close()
    return ReviewCadence(id=name, when=when, agenda=agenda, where=fields.where) if when is not None else None


def _slo(name: str, node: Node, sources: Mapping[str, object], report: Report) -> Slo | None:
    fields = Fields(node, f"freshness SLO `{name}`", report)
    window = fields.duration("window", above_zero=True)
    windows = fields.durations("burn_windows")
    if "burn_windows" in fields and not fields.items("burn_windows"):
        report.error("wrong-type", f"`burn_windows` of {fields.what} names no window", fields.key_where("burn_windows"), "leave it out for the usual ones")
    alerts = tuple(alert for key, value in fields.mapping("alerts") if (alert := _alert(key.text, value, name, report)))
    objective = fields.parsed("objective", lambda text: parse_slo(text, name=name, **({"window": window} if window else {})), required=True)
    for item in fields.items("covers"):
        if item.text not in sources:
            report.error("unknown-source", f"freshness SLO `{name}` covers `{item.text}`, which is no source", item.where, nearest(item.text, sources))
    covers = fields.texts("covers", required=True)
    fields.close()
    if objective is None:
        return None
    objective = attrs.evolve(objective, alerts=alerts, burn_windows=windows or objective.burn_windows)
    return Slo(id=name, objective=objective, covers=covers, where=fields.where)


def _alert(name: str, node: Node, slo: str, report: Report) -> BurnAlert | None:
    fields = Fields(node, f"alert `{name}` of freshness SLO `{slo}`", report)
    burn, over = fields.exact("burn", required=True), fields.duration("over", required=True)
    and_over = fields.duration("and_over")
    then = read_break_action(fields, "then")
    if then.text and (then.block or then.quarantine is not None):
        hint = "join any of page_owner, notify_owner, open_incident by `_and_`"
        report.error("bad-break-action", f"{fields.what} can tell somebody, not withhold data", fields.key_where("then"), hint)
    fields.close()
    if burn is None or over is None:
        return None
    try:
        return BurnAlert(name=name, burn=burn, over=over, and_over=over / 12 if and_over is None else and_over, effects=then.effects)
    except InputError as error:
        report.error("wrong-type", error.message, fields.key_where(error.name), error.hint)
        return None


def _freeze(head: Fields, roles: Mapping[str, Role]) -> Freeze:
    if "freeze" not in head:
        return Freeze()
    fields = Fields(head.raw("freeze"), "`freeze` of the rule book", head.report)
    risk = fields.words("risk", LEVELS) if "risk" in fields else Freeze().risk
    overrides = tuple(role_label(item, roles, fields) for item in fields.items("overrides"))
    fields.close()
    return Freeze(risk=risk, overrides=overrides)


def _approvals_hold(section: Mapping[str, tuple[ScalarNode, Node]], report: Report) -> dict[str, dict[str, str]]:
    """How long approvals hold, by reversibility and risk; what is not said is as it is by default."""
    held = {reversibility: dict(by_risk) for reversibility, by_risk in APPROVALS_HOLD.items()}
    for reversibility, (key, node) in section.items():
        if reversibility not in held:
            report.error("unknown-word", f"`{reversibility}` is no reversibility", key.where, nearest(reversibility, held) or f"one of {', '.join(held)}")
            continue
        fields = Fields(node, f"`approvals_hold` of {reversibility} reversibility", report)
        for risk in held[reversibility]:
            found = fields.duration(risk)
            if found == dt.timedelta(0):
                report.error("wrong-type", f"an approval that holds `{fields.text(risk)}` is none", fields.where, "give a duration above zero")
            elif found is not None:
                held[reversibility][risk] = fields.text(risk)
        fields.close()
    return held


def _shared_thresholds(named: Mapping[str, tuple[ScalarNode, Node]], scope: Scope, report: Report) -> dict[str, Threshold]:
    section = MapNode({"thresholds": (ScalarNode("thresholds", NOWHERE), MapNode(named, NOWHERE))}, NOWHERE)
    return read_thresholds(Fields(section, "the rule book", report), scope)


def _declared_unit(node: Node) -> Unit | None:
    """The unit a metric declares, as far as it can be read; the reader of the metric reports what cannot."""
    found = node.get("unit") if isinstance(node, MapNode) else None
    try:
        return parse_unit(found.text) if isinstance(found, ScalarNode) else None
    except UnitError:
        return None


def _declared_label(name: str, node: Node) -> str:
    for key in ("label", "metric"):
        found = node.get(key) if isinstance(node, MapNode) else None
        if isinstance(found, ScalarNode):
            return found.text
    return name


def _metric_uses(metric: Metric) -> set[str]:
    expressions = [metric.formula, metric.sustained.condition if metric.sustained else None, *(test.assertion for test in metric.qa_tests)]
    return {name for expression in expressions if expression is not None for name in expression.uses}


def _periods(node: Node) -> str:
    """The text a sustained metric gives for its number of periods: it may be the name of a shared threshold."""
    sustained = node.get("sustained") if isinstance(node, MapNode) else None
    periods = sustained.get("periods") if isinstance(sustained, MapNode) else None
    return periods.text if isinstance(periods, ScalarNode) else ""
