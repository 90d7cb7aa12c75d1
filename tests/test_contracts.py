"""Rows against their contract: every row conserved, every failed test kept, on every engine alike."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision_os.contracts import BLOCKED, FAILED, QUARANTINED, ROW_ID, Block, Checked, check_entity, contract_hash
from decision_os.errors import DataError
from decision_os.expr import Expression
from decision_os.expr import compile as compiled
from decision_os.model import BreakAction, Column, Entity, RowTest

ENGINES: dict[str, Callable[[Mapping[str, list[Any]]], Any]] = {
    "polars": pl.DataFrame,
    "polars-lazy": pl.LazyFrame,
    "pandas": pd.DataFrame,
    "pyarrow": lambda data: pa.table(dict(data)),
}
QUARANTINE = BreakAction(text="quarantine_record", quarantine="")
STAGES = ("Prospecting", "Closed Won", "Closed Lost")


def over(text: str) -> Expression:
    """A condition over the columns of a row."""
    return compiled(text)


def row_test(name: str, kind: str, *columns: str, does: BreakAction = QUARANTINE, **more: Any) -> RowTest:
    """A row test, by its id and kind."""
    return RowTest(id=name, kind=kind, columns=columns, break_action=does, **more)


def entity(*tests: RowTest, key: tuple[str, ...] = ("id",), name: str = "deals", **kinds: str) -> Entity:
    """An entity whose columns have the names they have in the export."""
    kinds = kinds or {"id": "identifier", "account": "identifier", "owner": "text", "stage": "category", "amount": "money", "closed": "date"}
    columns = {column: Column(id=column, source_name=column, type=kind) for column, kind in kinds.items()}
    return Entity(id=name, source="crm", key=key, columns=columns, tests=tests)


def collected(frame: Any) -> Any:
    """A frame of any engine as an eager narwhals frame."""
    frame = nw.from_native(frame, pass_through=False)
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def column(frame: Any, name: str) -> list[Any]:
    """One column of a frame of any engine as Python's own values."""
    return [None if value is None or type(value).__name__ in ("NAType", "NaTType") else value for value in collected(frame)[name].to_list()]


def failures(checked: Checked) -> list[str]:
    """For each row the tests it fails."""
    return column(checked.every, FAILED)


def deals(**changes: list[Any]) -> dict[str, list[Any]]:
    """Three good rows, or other ones."""
    return {
        "id": ["a", "b", "c"],
        "account": ["A1", "A1", "A2"],
        "owner": ["Ana", "Bo", "Cy"],
        "stage": ["Prospecting", "Closed Won", "Closed Lost"],
        "amount": ["$1", "$2", "$3"],
        "closed": ["", "9/1/2026", "2026-09-02"],
        **changes,
    }


ACCOUNTS = check_entity(entity(name="accounts", id="identifier"), pl.DataFrame({"id": ["A1", "A2", None]}), zone="ET")


# --- the kinds of test ---


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("tests", "changes", "expected"),
    [
        pytest.param((), {}, ["", "", ""], id="nothing wrong"),
        pytest.param((), {"amount": ["lots", "--", "$3"], "closed": ["9/31/2026", None, ""]}, ["schema", "", ""], id="schema"),
        pytest.param(
            (row_test("schema", "schema", "closed"),),
            {"amount": ["lots", "$2", "$3"], "closed": ["never", "never", ""]},
            ["schema_of_the_rest,schema", "schema", ""],
            id="schema of some columns",
        ),
        pytest.param((row_test("stages", "enum", "stage", values=STAGES),), {"stage": ["closed won", None, "Closed Won "]}, ["stages", "", ""], id="enum"),
        pytest.param(
            (row_test("owned", "required", "owner", "closed"),),
            {"owner": [" ", "Bo", "Cy"], "closed": ["2026-09-01", "--", "2026-09-01"]},
            ["owned", "owned", ""],
            id="required",
        ),
        pytest.param((row_test("positive", "assert", assertion=over("amount >= 0")),), {"amount": ["-$1", None, "$0"]}, ["positive", "", ""], id="assert"),
        pytest.param((row_test("positive", "range", assertion=over("amount in [0, 2]")),), {"amount": ["$3", None, "$2"]}, ["positive", "", ""], id="range"),
        pytest.param((row_test("once", "unique"),), {"id": ["a", "b", "a"]}, ["once", "", "once"], id="unique"),
        pytest.param((row_test("once", "unique"),), {"id": ["a", None, None]}, ["", "", ""], id="missing keys are not doubled"),
        pytest.param((row_test("once", "unique"),), {"id": ["a", "A", "b"]}, ["", "", ""], id="case tells keys apart"),
        pytest.param((row_test("pair", "unique", "account", "owner"),), {"owner": ["Bo", "Bo", "Bo"]}, ["pair", "pair", ""], id="unique over two columns"),
    ],
)
def test_each_kind_fails_exactly_its_rows(engine: str, tests: tuple[RowTest, ...], changes: dict[str, list[Any]], expected: list[str]) -> None:
    """A wrong row would pass, a right one be quarantined, or an engine have its own opinion on missing values."""
    checked = check_entity(entity(*tests), ENGINES[engine](deals(**changes)), zone="ET")
    assert expected == failures(checked)
    assert [bool(tests) for tests in expected] == column(checked.every, QUARANTINED)
    assert (3, 3 - sum(map(bool, expected)), sum(map(bool, expected))) == (checked.rows_in, checked.rows_passed, checked.rows_quarantined)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reference_must_be_there(engine: str) -> None:
    """A deal of an account that nobody knows would count, or one without an account be taken for a dangling one."""
    accounts = check_entity(
        entity(row_test("no_b", "enum", "id", values=("A1",)), name="accounts", id="identifier"), ENGINES[engine]({"id": ["A1", "A2", None]}), zone="ET"
    )
    belongs = row_test("belongs", "reference", "account", entity="accounts")
    checked = check_entity(entity(belongs), ENGINES[engine](deals(account=["A2", "a2", None])), zone="ET", others={"accounts": accounts})
    assert ["", "belongs", ""] == failures(checked)  # A2 is quarantined, and there all the same
    assert ["a", "b", "c"] == column(checked.every, "id")


def test_a_reference_over_two_columns_and_into_itself() -> None:
    """A key of two parts would be looked up by one of them, or a row's own entity not be found."""
    lines = entity(key=("month", "account"), name="lines", month="month", account="identifier")
    others = {"lines": check_entity(lines, pl.LazyFrame({"month": ["2026-09", "2026-08"], "account": ["A1", "A2"]}), zone="ET")}
    pairs = entity(row_test("billed", "reference", "at", "of", entity="lines"), id="identifier", at="month", of="identifier")
    frame = pl.DataFrame({"id": ["x", "y", "z"], "at": ["2026-09", "2026-09", None], "of": ["A1", "A2", "A1"]})
    assert ["", "billed", ""] == failures(check_entity(pairs, frame, zone="ET", others=others))
    people = entity(row_test("known", "reference", "manager", entity="deals"), id="identifier", manager="identifier")
    assert ["", "", "known"] == failures(check_entity(people, pl.DataFrame({"id": ["a", "b", "c"], "manager": [None, "a", "x"]}), zone="ET"))


@pytest.mark.parametrize(
    ("test", "others", "message"),
    [
        (
            row_test("belongs", "reference", "account", entity="accounts"),
            {},
            "test `belongs` of entity `deals` looks into the entity `accounts`, whose rows were not given (check that entity first, and pass it in `others`)",
        ),
        (
            row_test("belongs", "reference", "amount", entity="accounts"),
            {"accounts": ACCOUNTS},
            "test `belongs` of entity `deals` looks into the entity `accounts`: `amount` is Float64 and its `id` is String (declare one type for both)",
        ),
        (
            row_test("belongs", "reference", "account", "owner", entity="accounts"),
            {"accounts": ACCOUNTS},
            "test `belongs` of entity `deals` looks into the entity `accounts` with 2 columns, and its key has 1: `id`",
        ),
        (row_test("odd", "oddity"), {}, "test `odd` of entity `deals` is of no known kind, or lacks what its kind needs (it is `oddity`)"),
        (row_test("odd", "assert"), {}, "test `odd` of entity `deals` is of no known kind, or lacks what its kind needs (it is `assert`)"),
    ],
)
def test_a_test_that_cannot_be_made_says_why(test: RowTest, others: dict[str, Checked], message: str) -> None:
    """A reference test would pass every row because there was nothing to look into."""
    with pytest.raises(DataError) as caught:
        check_entity(entity(test), pl.DataFrame(deals()), zone="ET", others=others)
    assert message == str(caught.value)


def test_two_engines_in_one_reference_are_refused() -> None:
    """The caller would meet an engine's own words about frames it cannot join."""
    belongs = entity(row_test("belongs", "reference", "account", entity="accounts"))
    with pytest.raises(DataError, match="looks into the entity `accounts`, whose rows are in polars, not in pandas"):
        check_entity(belongs, pd.DataFrame(deals()), zone="ET", others={"accounts": ACCOUNTS})


def test_values_declared_on_a_column_are_tested() -> None:
    """A column's declared values would be a comment that nothing holds to."""
    columns = {"id": Column(id="id", source_name="id", type="identifier"), "stage": Column(id="stage", source_name="stage", type="category", enum=STAGES)}
    frame = pl.DataFrame({"id": ["a", "b"], "stage": ["Won", None]})
    implied = Entity(id="deals", source="crm", key=("id",), columns=columns)
    assert ["enum", ""] == failures(check_entity(implied, frame, zone="ET"))
    named = Entity(id="deals", source="crm", key=("id",), columns=columns, tests=(row_test("stages", "enum", "stage"),))
    assert ["stages", ""] == failures(check_entity(named, frame, zone="ET"))


# --- what becomes of the rows ---


@pytest.mark.parametrize("engine", ENGINES)
def test_the_quarantine_holds_the_evidence(engine: str) -> None:
    """A quarantined row could not be traced to its place in the export, to the tests it failed, or to the cell that was wrong."""
    missing = BreakAction(text="quarantine.missing_owner_and_route_to_repair", quarantine="missing_owner", effects=("repair",))
    tested = entity(
        row_test("owned", "required", "owner", does=missing),
        row_test("named", "required", "id"),
        row_test("stages", "enum", "stage", values=STAGES),
        row_test("priced", "required", "amount"),
    )
    data = deals(owner=[None, "Bo", "Cy"], amount=["lots", "$2", "--"], closed=["9/31/2026", "", ""], id=["a", "b", None], stage=["Won", "Closed Won", None])
    frame = ENGINES[engine](data)
    checked = check_entity(tested, frame, zone="ET")
    rows = checked.quarantine
    assert type(frame) is type(rows)
    assert ["a", "line:3"] == column(rows, "row_id") == [column(checked.every, ROW_ID)[at] for at in (0, 2)]
    assert ["schema,owned,stages,priced", "named,priced"] == column(rows, "failed_tests")
    assert ["deals,missing_owner", "deals"] == column(rows, "quarantine")
    assert ["amount=lots; closed=9/31/2026", ""] == column(rows, "unreadable")
    assert [contract_hash(tested)] * 2 == column(rows, "contract_hash")
    assert [*tested.columns, "row_id", "failed_tests", "quarantine", "unreadable", "contract_hash"] == collected(rows).columns
    assert {"schema": 1, "enum": 0, "unique": 0} | {"owned": 1, "named": 1, "stages": 1, "priced": 2} == {"enum": 0} | dict(checked.counts)
    assert ["b"] == column(checked.passed, "id")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_blocking_test_marks_its_rows(engine: str) -> None:
    """One impossible line would block every key, or none."""
    block = BreakAction(text="block_publish_and_notify_owner", block=True, effects=("notify owner",))
    whole = BreakAction(text="block_publish", block=True, scope="metric")
    tested = entity(
        row_test("range", "range", does=block, assertion=over("amount >= 0")),
        row_test("named", "required", "id", does=whole),
        row_test("owned", "required", "owner"),
    )
    checked = check_entity(tested, ENGINES[engine](deals(amount=["-$1", "$2", None], owner=["Ana", None, "Cy"])), zone="ET")
    assert [True, False, False] == column(checked.every, BLOCKED)
    assert [True, True, False] == column(checked.every, QUARANTINED)
    assert (Block("range", "deals", 1, "key"),) == checked.blocks
    assert [("notify", "owner", "test `range` of `deals` fails for 1 of 3 rows")] == [(each.kind, each.target, each.reason) for each in checked.effects]


def test_a_row_that_only_raises_an_alarm_passes() -> None:
    """A test declared to notify alone would take rows out of the figures."""
    alarm = row_test("owned", "required", "owner", does=BreakAction(text="notify_owner_and_open_incident", effects=("notify owner", "incident")))
    checked = check_entity(entity(alarm), pl.DataFrame(deals(owner=[None, None, "Cy"])), zone="ET")
    assert (3, 0, ["owned", "owned", ""]) == (checked.rows_passed, checked.rows_quarantined, failures(checked))
    assert [("notify", "owner"), ("incident", "deals")] == [(effect.kind, effect.target) for effect in checked.effects]
    assert 2 == len({effect.key for effect in checked.effects})


def test_nothing_broken_sets_nothing_in_motion() -> None:
    """Owners would be paged for a test that every row passes."""
    paging = row_test("owned", "required", "owner", does=BreakAction(text="block_publish_and_page_owner", block=True, effects=("page owner",)))
    checked = check_entity(entity(paging), pl.DataFrame(deals()), zone="ET")
    assert ((), (), {"schema": 0, "unique": 0, "owned": 0}) == (checked.effects, checked.blocks, dict(checked.counts))


def test_the_same_rows_raise_the_same_alarm_once() -> None:
    """A run repeated would open a second incident, or a later one with more wrong rows none at all."""
    alarm = entity(row_test("owned", "required", "owner", does=BreakAction(text="open_incident", effects=("incident",))))
    keys = [
        check_entity(alarm, pl.DataFrame(deals(owner=owners)), zone="ET").effects[0].key for owners in ([None, "B", "C"], [None, "B", "C"], [None, None, "C"])
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_key_of_several_types_is_one_text(engine: str) -> None:
    """A row would have another id on another engine, and could not be found again."""
    lines = entity(key=("day", "of", "at"), day="date", of="integer", at="instant")
    data: dict[str, list[Any]] = {"day": ["9/1/2026", None], "of": ["7", "8"], "at": ["2026-09-01T10:00:00-04:00", "2026-09-01T10:00:00.25Z"]}
    assert ["2026-09-01|7|2026-09-01T14:00:00", "line:2"] == column(check_entity(lines, ENGINES[engine](data), zone="ET").every, ROW_ID)


@pytest.mark.parametrize("engine", ENGINES)
def test_no_rows_pass_and_none_are_lost(engine: str) -> None:
    """An empty export would stop the run, or count as something."""
    tested = entity(
        row_test("once", "unique"),
        row_test("owned", "required", "owner"),
        row_test("self", "reference", "account", entity="deals"),
        id="identifier",
        account="identifier",
        owner="text",
    )
    no_rows: dict[str, list[Any]] = {"id": [], "account": [], "owner": []}
    frame = ENGINES[engine](no_rows)
    checked = check_entity(tested, frame, zone="ET")
    assert (0, 0, 0, (), ()) == (checked.rows_in, checked.rows_passed, checked.rows_quarantined, checked.blocks, checked.effects)
    assert [] == failures(checked) == column(checked.quarantine, "row_id")
    assert {0} == set(checked.counts.values())


def test_a_lazy_frame_stays_lazy() -> None:
    """Rows would be pulled out of the engine before anybody asked for them."""
    checked = check_entity(entity(), pl.LazyFrame(deals()), zone="ET")
    assert isinstance(checked.quarantine, pl.LazyFrame)
    assert isinstance(checked.every, nw.LazyFrame)
    assert isinstance(checked.passed, nw.LazyFrame)


def test_the_contracts_hash_follows_its_meaning() -> None:
    """Quarantined rows could not be told apart by the contract they failed."""
    owned = row_test("owned", "required", "owner")
    assert contract_hash(entity(owned)) == contract_hash(entity(owned))
    others = [
        entity(),
        entity(row_test("owned", "required", "stage")),
        entity(owned, key=("account",)),
        entity(row_test("owned", "required", "owner", does=BreakAction(text="", block=True))),
    ]
    assert 5 == len({contract_hash(each) for each in [entity(owned), *others]})


# --- the law of conservation ---

ids = st.sampled_from(["a", "b", "c", "d", None, ""])
owners = st.sampled_from(["Ana", None, " "])
amounts = st.sampled_from(["$1", "-$1", "lots", "--", None])
stages = st.sampled_from([*STAGES, "Won?", None])
accounts = st.sampled_from(["A1", "A3", None])
rows_of_deals = st.lists(st.tuples(ids, owners, amounts, stages, accounts), max_size=12)


def by_hand(rows: list[tuple[Any, ...]]) -> list[str]:
    """The failed tests of each row, worked out row by row."""
    keys = Counter(row[0] for row in rows if row[0])
    found = []
    for key, owner, amount, stage, account in rows:
        failed = [
            ("schema", amount == "lots"),
            ("owned", owner in (None, " ")),
            ("positive", amount == "-$1"),
            ("stages", stage == "Won?"),
            ("once", bool(key) and keys[key] > 1),
            ("belongs", account == "A3"),
        ]
        found.append(",".join(name for name, fails in failed if fails))
    return found


@given(rows_of_deals, st.sampled_from(["polars", "polars-lazy", "pyarrow", "pandas"]))
@settings(max_examples=20, deadline=None)
def test_rows_in_are_rows_passed_and_rows_quarantined(rows: list[tuple[Any, ...]], engine: str) -> None:
    """A row would be lost, quarantined twice, or lack one of the tests it failed."""
    tested = entity(
        row_test("owned", "required", "owner"),
        row_test("positive", "assert", assertion=over("amount >= 0")),
        row_test("stages", "enum", "stage", values=STAGES),
        row_test("once", "unique"),
        row_test("belongs", "reference", "account", entity="accounts"),
        id="identifier",
        owner="text",
        amount="money",
        stage="category",
        account="identifier",
    )
    data = {name: [row[at] for row in rows] for at, name in enumerate(tested.columns)}
    others = {"accounts": check_entity(entity(name="accounts", id="identifier"), ENGINES[engine]({"id": ["A1", "A1", "A2"]}), zone="ET")}
    checked = check_entity(tested, ENGINES[engine](data), zone="ET", others=others)
    expected = by_hand(rows)
    assert expected == failures(checked)
    assert Counter(name for failed in expected for name in failed.split(",") if name) == Counter({name: n for name, n in checked.counts.items() if n})
    assert [failed for failed in expected if failed] == column(checked.quarantine, "failed_tests")
    assert len(rows) == checked.rows_in == checked.rows_passed + checked.rows_quarantined
    assert checked.rows_passed == len(column(checked.passed, ROW_ID))


def test_the_articles_missing_owners_are_kept_and_counted() -> None:
    """30 of 1,000 opportunities without an owner would vanish from sight, and the unassigned rate be 0."""
    tested = entity(row_test("missing_owner", "required", "owner"), id="identifier", owner="text", created="date")
    frame = pl.DataFrame(
        {
            "id": [f"{n}" for n in range(1000)],
            "owner": [None if n % 33 == 7 and n < 990 else "Ana" for n in range(1000)],
            "created": [dt.date(2026, 9, 1)] * 1000,
        }
    )
    checked = check_entity(tested, frame, zone="ET")
    assert (1000, 970, 30) == (checked.rows_in, checked.rows_passed, checked.rows_quarantined)
    assert 30 == sum(value is None for value in column(checked.every, "owner"))


def test_a_key_used_twice_fails_without_being_told_to() -> None:
    """A row delivered twice would be counted twice wherever nobody thought of a `unique` test."""
    checked = check_entity(entity(), pl.DataFrame(deals(id=["a", "b", "a"])), zone="ET")
    assert (1, 2, {"schema": 0, "unique": 2}) == (checked.rows_passed, checked.rows_quarantined, dict(checked.counts))
