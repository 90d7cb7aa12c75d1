"""Objectives that can never be met, alerts that can never fire, samples too small: each said at load, and none said of what is fine."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import attrs
import pytest

import decision_os as dos
from decision_os.errors import Severity
from decision_os.freshness import LoadLog, report
from tests.small_book import changed, findings, write

DAY = dt.timedelta(days=1)
NOW = dt.datetime(2026, 9, 14, 12, tzinfo=dt.UTC)

CODES = ("never-met", "no-budget", "short-window", "always-stale", "alert-never-fires", "alert-always-fires", "late-alert", "cannot-miss-one")


def said(folder: Path, slo: str, source: str = "") -> list[str]:
    """The codes of what is said about the small rule book with that objective and source."""
    files = changed('metric_age: {objective: "P(MetricAge<24h)≥0.98", covers: [crm]}', f"metric_age: {{{slo}, covers: [crm]}}")
    files["book.yaml"] = files["book.yaml"].replace("  crm: {label: CRM, owner: finance}", f"  crm: {{label: CRM, owner: finance{source}}}")
    found = [line.split()[1] for line in findings(write(folder, files), Severity.WARNING, Severity.NOTE, Severity.ERROR)]
    return [code for code in found if code in CODES]


@pytest.mark.parametrize(
    ("slo", "source", "codes"),
    [
        ('objective: "P(MetricAge<24h)≥0.98"', "", []),
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 12h", []),
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 24h", ["cannot-miss-one"]),
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 24h29m", ["cannot-miss-one"]),  # fresh for 98.02 % of the time
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 24h30m", ["never-met"]),  # for 97.96 %
        ('objective: "P(MetricAge<33h)≥0.98"', ", loaded_every: 24h", ["cannot-miss-one"]),
        ('objective: "P(MetricAge<33h36m)≥0.98"', ", loaded_every: 24h", []),  # a missed load costs just the budget
        ('objective: "P(MetricAge<24h)≥1"', "", ["no-budget"]),
        ('objective: "P(MetricAge<24h)≥0.98", window: 12h', "", ["short-window"]),
        ('objective: "P(MetricAge<24h)≥0.98", window: 24h', "", []),
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 7d, max_age: 6d", ["never-met", "always-stale"]),
        ('objective: "P(MetricAge<24h)≥0.98", alerts: {a: {burn: 50, over: 1h}}', "", []),
        ('objective: "P(MetricAge<24h)≥0.98", alerts: {a: {burn: 50.01, over: 1h}}', "", ["alert-never-fires"]),
        ('objective: "P(MetricAge<24h)≥0.98", alerts: {a: {burn: 10, over: 3d}}', "", []),  # just all of the budget
        ('objective: "P(MetricAge<24h)≥0.98", alerts: {a: {burn: 10.1, over: 3d}}', "", ["late-alert"]),
        ('objective: "P(MetricAge<24h)≥0.5", alerts: {a: {burn: 1, over: 3d}}', ", loaded_every: 36h", []),
        ('objective: "P(MetricAge<24h)≥0.5", alerts: {a: {burn: 0.5, over: 3d}}', ", loaded_every: 36h", ["alert-always-fires"]),
    ],
)
def test_what_cannot_come_out_as_meant_is_said_and_nothing_else(tmp_path: Path, slo: str, source: str, codes: list[str]) -> None:
    """A rule book would wait for an alert that never comes, or block every decision for a promise nobody can keep."""
    assert sorted(codes) == sorted(said(tmp_path, slo, source))


@pytest.mark.parametrize(("every", "met"), [(dt.timedelta(hours=24, minutes=29), True), (dt.timedelta(hours=24, minutes=30), False)])
def test_never_met_is_what_the_integral_says_of_a_source_loaded_on_time(every: dt.timedelta, met: bool) -> None:
    """The lint would count another share than the report: over many whole rounds the two have to agree."""
    slo = dos.Engine.load(dos.reference_rules()).book.slos["metric_age"].objective
    loads = [NOW - round_ * every for round_ in range(3_000)]
    log = LoadLog.of({"crm": loads})

    [status] = report([attrs.evolve(slo, window=2_000 * every)], log, NOW).statuses
    assert met == status.met


def test_the_smallest_n_a_contract_lets_through_is_held_against_what_is_asked(tmp_path: Path) -> None:
    """At thirty cases 99.5 % would be asked of a share that goes down by more than 3 points with each miss."""
    files = changed("    measure: {fact: won, aggregate: count}", "    measure: {fact: won, aggregate: share, condition: amount > $10}\n    min_n: 30")
    files["metrics.yaml"] = (
        files["metrics.yaml"].replace("unit: count\n", "unit: share\n", 1).replace("sales / deals_won", "sales").replace("unit: USD/count", "unit: USD")
    )
    files["playbooks/budget.yaml"] = (
        files["playbooks/budget.yaml"]
        .replace("  sales: sales\n", "  sales: sales\n  big: deals_won\n", 1)
        .replace("and sales > floor", "and sales > floor and 98% <= big")
    )
    found = [line for line in findings(write(tmp_path, files), Severity.ERROR, Severity.NOTE) if "small-sample" in line]
    assert 1 == len(found)
    assert "cannot miss one at n = 30: 29 of 30 is 96.7%; it takes n = 50, and metric `deals_won` lets n = 30 through (write `min_n: 50`" in found[0]


@pytest.mark.parametrize(
    ("slo", "source", "told"),
    [
        (
            'objective: "P(MetricAge<24h)≥0.98", alerts: {a: {burn: 2, over: 6h, then: page_nobody}}',
            "",
            "unknown-role alert `a` of freshness SLO `metric_age` names `nobody`",
        ),
        ('objective: "P(MetricAge<24h)≥0.98", burn_windows: []', "", "wrong-type `burn_windows` of freshness SLO `metric_age` names no window"),
        ('objective: "P(MetricAge<24h)≥0.98", window: 0h', "", "wrong-type `window` of freshness SLO `metric_age` is no time at all"),
        ('objective: "P(MetricAge<24h)≥0.98"', ", loaded_every: 0h", "wrong-type `loaded_every` of source `crm` is no time at all"),
        ('objective: "P(MetricAge<24h)≥0.98"', ", max_age: 0h", "wrong-type `max_age` of source `crm` is no time at all"),
    ],
    ids=["nobody to page", "no window", "window of nothing", "loaded all the time", "never young enough"],
)
def test_what_no_promise_can_say_is_an_error_at_its_place(tmp_path: Path, slo: str, source: str, told: str) -> None:
    """A page would go to nobody, and a window or an age of nothing count for what is usual."""
    files = changed('metric_age: {objective: "P(MetricAge<24h)≥0.98", covers: [crm]}', f"metric_age: {{{slo}, covers: [crm]}}")
    files["book.yaml"] = files["book.yaml"].replace("  crm: {label: CRM, owner: finance}", f"  crm: {{label: CRM, owner: finance{source}}}")
    found = findings(write(tmp_path, files), Severity.ERROR)
    assert [True] == [line.startswith("book.yaml:") and told in line for line in found]
