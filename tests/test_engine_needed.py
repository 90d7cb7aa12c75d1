"""What an open decision still needs: held to brute force over a small rule book, for each hit policy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import decision_os as dos
import decision_os.engine.needed
from decision_os.expr.work import Work
from tests.small_book import FILES, write

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
NAMES = ("sales", "deals", "deal_size")
TESTS = {"sales": "sales > floor", "deals": "deals < 5", "deal_size": "deal_size > size_min"}
DOMAIN = (1.0, 1000.0)

HEAD = (
    FILES["playbooks/budget.yaml"]
    .replace("  sales: sales\npre", "  sales: sales\n  deals: deals_won\npre")
    .replace("actions:\n", "actions:\n  cut: {text: cut the budget}\n")
)


@st.composite
def branches(draw: st.DrawFn) -> str:
    """Up to three branches over three inputs, each input read once; two actions among them."""
    names = draw(st.permutations(NAMES))
    cuts = draw(st.sampled_from(((1, 2), (2,), (1,), ())))
    groups = [names[start:stop] for start, stop in zip((0, *cuts), (*cuts, 3), strict=True)]
    lines = []
    for number, group in enumerate(groups):
        when = f" {draw(st.sampled_from(('and', 'or')))} ".join(TESTS[name] for name in group)
        lines.append(f"  b{number}:\n    when: {when}\n    action: {draw(st.sampled_from(('raise', 'cut')))}\n")
    return "".join(lines)


def engine_of(folder: Path, policy: str, text: str) -> dos.Engine:
    """The small rule book with these branches."""
    start, stop = HEAD.index("branches:\n"), HEAD.index("actions:\n")
    book = f"{HEAD[:start]}hit_policy: {policy}\nbranches:\n{text}{HEAD[stop:]}"
    return dos.Engine.load(write(folder, {**FILES, "playbooks/budget.yaml": book}))


@pytest.mark.parametrize("policy", ["first", "unique", "collect"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=branches(), data=st.data())
def test_a_record_names_the_smallest_set_that_settles(tmp_path: Path, policy: str, text: str, data: st.DataObject) -> None:
    """Somebody would go and look for a number that cannot change the decision, or come back with all of them and still not have one."""
    engine = engine_of(tmp_path, policy, text)
    given_values = {name: data.draw(st.sampled_from((None, None, *DOMAIN)), label=name) for name in NAMES}
    given_values["slo_green"] = data.draw(st.sampled_from((True, True, False, None)), label="slo_green")
    unknown = tuple(name for name, value in given_values.items() if value is None)

    @cache
    def decided(values: tuple[Any, ...]) -> tuple[str, str | None]:
        record = engine.decide("budget", {**given_values, **dict(zip(unknown, values, strict=True))}, at=AT)
        return record.outcome.value, record.action

    def choices(name: str) -> tuple[Any, ...]:
        return (True, False) if name == "slo_green" else DOMAIN

    def settles(names: tuple[str, ...]) -> bool:
        for values in product(*map(choices, names)):
            known = dict(zip(names, values, strict=True))
            completions = product(*((known[name],) if name in known else (None, *choices(name)) for name in unknown))
            if len({decided(completion) for completion in completions}) > 1:
                return False
        return True

    record = engine.decide("budget", given_values, at=AT)
    found = record.evidence.residual
    smallest = next(size for size in range(len(unknown) + 1) if any(map(settles, combinations(unknown, size))))
    assert settles(tuple(name for name in unknown if name in found)), record.explain()
    assert smallest == len(found), record.explain()
    if record.outcome is not dos.Outcome.BLOCKED:
        assert set(record.unknowns) == set(found)
        frame = pl.DataFrame([given_values], schema={**dict.fromkeys(NAMES, pl.Float64), "slo_green": pl.Boolean})
        assert ",".join(record.unknowns) == engine.decide_frame("budget", frame)["unknowns"][0]


def test_a_branch_that_changes_nothing_is_in_nobodys_way(tmp_path: Path) -> None:
    """An unknown branch would be waited for that does what happens anyway."""
    text = "".join(
        f"  b{number}:\n    when: {TESTS[name]}\n    action: {action}\n"
        for number, (name, action) in enumerate((("sales", "cut"), ("deals", "raise"), ("deal_size", "raise")))
    )
    engine = engine_of(tmp_path, "first", text)
    record = engine.decide("budget", {"deal_size": 1000.0, "slo_green": True}, at=AT)
    assert ("undetermined", ("sales",), ("sales",)) == (record.outcome.value, record.unknowns, record.evidence.residual)
    assert "Known, sales would settle the decision, whatever it is." in record.explain()


def needed(record: dos.DecisionRecord) -> tuple[str, ...]:
    return record.evidence.residual


def test_what_stands_behind_a_shut_gate_is_needed_after_it(engine: dos.Engine) -> None:
    """A check would be opened, and the next gap found only then; or a check that is false would send somebody for numbers."""
    given_values: Mapping[str, Any] = {"cac_per_sqo": 80.0, "cac_per_sqo_baseline": 100.0, "sql_rate": 0.3, "sql_rate_baseline": 0.3, "win_rate_baseline": 0.27}
    unknown = engine.decide("channel.invest", {**given_values, "attribution_validity": 1.0}, at=AT)
    assert {"slo_green", "win_rate"} <= set(needed(unknown))
    assert "win_rate" not in unknown.unknowns
    shut = engine.decide("channel.invest", {**given_values, "slo_green": False}, at=AT)
    assert () == needed(shut)


def test_a_zero_divisor_is_settled_by_nothing(engine: dos.Engine) -> None:
    """Somebody would be sent for an input, and the division would still be by zero."""
    given_values = {"elasticity": -0.62, "list_price": 40.0, "cm_per_seat": -3.2, "payback": {"SMB": 0.0}, "slo_green": True, "open_sev2_incidents": 0}
    record = engine.decide("pricing.change", given_values, at=AT)
    assert ("undetermined", ()) == (record.outcome.value, needed(record))
    assert "No input that is still unknown would settle it." in record.explain()


@pytest.mark.parametrize("steps", [0, 3, 40])
def test_the_search_ends_with_its_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """A playbook with many inputs that stand in for one another would hold up whoever asks for the record; what is named still settles it."""
    text = "  b0:\n    when: (coalesce(sales, 3) > floor or is_missing(deals)) and coalesce(deal_size, 2) > size_min and deals < 5\n    action: raise\n"
    engine = engine_of(tmp_path, "first", text)
    spent: list[int] = []
    spend = Work.spend

    def counted(self: Work, taken: int) -> None:
        spent.append(taken)
        spend(self, taken)

    full = engine.decide("budget", {"slo_green": True}, at=AT).evidence.residual
    monkeypatch.setattr(decision_os.engine.needed, "STEPS", steps)
    monkeypatch.setattr(Work, "spend", counted)
    found = engine.decide("budget", {"slo_green": True}, at=AT).evidence.residual
    assert sum(spent) <= 2 * steps + 2
    assert set(full) <= set(found) <= {"sales", "deals", "deal_size"}
