"""A new user's mistakes, made against the library: each is answered with a message that names the place and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pytest

import decision_os as dos
from decision_os.batch import read_folder
from decision_os.exports import read_export
from tests.marts import AT, CHANNEL, cell
from tests.small_book import FILES, changed, write

DEALS = pl.DataFrame({"id": ["1"], "channel": ["Ads"], "amount": ["120"], "closed": ["2026-09-01"]})
SALES = pl.DataFrame([cell(120.0, channel="Ads")])


@attrs.frozen
class Desk:
    """Where a new user sits: a folder, and a small rule book that is fine."""

    folder: Path
    engine: dos.Engine

    def rules(self, **files: str) -> Path:
        """The small rule book with other files."""
        return write(self.folder / "changed", {**FILES, **{f"{name.replace('__', '/')}.yaml": text for name, text in files.items()}})

    def broken(self, old: str, new: str) -> Path:
        """The small rule book with one text changed."""
        return write(self.folder / "broken", {**FILES, **changed(old, new)})

    def file(self, name: str, text: str) -> Path:
        """A file with that text."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, dos.Engine.load(write(tmp_path / "rules", FILES)))


# What somebody does, the error it is answered with, and what its message has to say: the place, what is wrong, what to do instead.
MISTAKES: dict[str, tuple[Callable[[Desk], Any], type[dos.DecisionOSError], tuple[str, ...]]] = {
    "a misspelled metric in a rule": (
        lambda desk: dos.Engine.load(desk.broken("  deal_size: deal_size\n", "  deal_size: deal_sise\n")),
        dos.RuleBookError,
        ("budget.yaml:12:14", "`deal_sise`, which is no metric", "did you mean `deal_size`?"),
    ),
    "a misspelled name in a condition": (
        lambda desk: dos.Engine.load(desk.broken("when: deal_size ≥ size_min", "when: deal_sise ≥ size_min")),
        dos.RuleBookError,
        ("budget.yaml:22:11", "`deal_sise`", "did you mean `deal_size`?", "^^^^^^^^^"),
    ),
    "a misspelled metric in a mapping": (
        lambda desk: desk.engine.decide("budget", {"deal_sise": 3}),
        dos.InputError,
        ("`budget` reads no input `deal_sise`", "did you mean `deal_size`?"),
    ),
    "a misspelled metric in a run": (
        lambda desk: desk.engine.run(metrics={"deal_sise": SALES}, at=AT),
        dos.NotFoundError,
        ("no metric `deal_sise`", "did you mean `deal_size`?"),
    ),
    "a misspelled entity in a run": (
        lambda desk: desk.engine.run(sources={"deal": DEALS}, at=AT),
        dos.NotFoundError,
        ("`deal`, which is no entity", "did you mean `deals`?"),
    ),
    "a CSV without a column": (
        lambda desk: read_export(desk.file("deals.csv", "id,chanel,amount,closed\n1,Ads,120,2026-09-01\n"), list(DEALS.columns)),
        dos.DataError,
        ("deals.csv:1 has no column `channel`", "did you mean `chanel`?"),
    ),
    "a frame without a column": (
        lambda desk: desk.engine.run(sources={"deals": DEALS.rename({"channel": "chanel"})}, at=AT),
        dos.DataError,
        ("entity `deals`", "no column `channel`", "did you mean `chanel`?"),
    ),
    "a mart without a column": (
        lambda desk: desk.engine.run(metrics={"sales": SALES.rename({"channel": "chanel"})}, at=AT),
        dos.DataError,
        ("metric `sales`", "`chanel`", "did you mean `channel`?"),
    ),
    "an empty file": (
        lambda desk: read_export(desk.file("deals.csv", "")),
        dos.DataError,
        ("deals.csv` is empty: there is no header row and no data", "export it again"),
    ),
    "an empty frame": (
        lambda desk: desk.engine.run(sources={"deals": pl.DataFrame()}, at=AT),
        dos.DataError,
        ("entity `deals` have no column `id`", "there are no columns at all"),
    ),
    "a text where a number belongs, in a mapping": (
        lambda desk: desk.engine.decide("budget", {"sales": "lots"}),
        dos.InputError,
        ("`sales` is a number in USD, not 'lots'", "give None, where it is not known"),
    ),
    "a text where a number belongs, in a mart": (
        lambda desk: desk.engine.run(metrics={"sales": pl.DataFrame([cell("lots", channel="Ads")])}, at=AT),
        dos.DataError,
        ("metric `sales`, row 1", "`lots` is a text where a number belongs"),
    ),
    "a text where a number belongs, in a frame to decide": (
        lambda desk: desk.engine.decide_frame("budget", pl.DataFrame({"sales": ["lots"], "deal_size": [3.0], "slo_green": [True]})),
        dos.DataError,
        ("the column `sales` holds texts, where `sales` takes numbers", "convert it first"),
    ),
    "a text where a number belongs, in a rule": (
        lambda desk: dos.Engine.load(desk.broken('default: "8%"', "default: eight")),
        dos.RuleBookError,
        ("budget.yaml:17:40", "unknown name `eight`", "^^^^^"),
    ),
    "an expression with a syntax error": (
        lambda desk: dos.Engine.load(desk.broken("and sales > floor", "and and sales > floor")),
        dos.RuleBookError,
        ("budget.yaml:22:36", "a value is missing before `and`", "^^^"),
    ),
    "an expression with a syntax error, in Python": (
        lambda _: dos.compile("cac ≥ ≥ 3"),
        dos.ExpressionError,
        ("1:7 a value is missing before", "cac ≥ ≥ 3\n          ^"),
    ),
    "a rule folder that does not exist": (
        lambda desk: dos.Engine.load(desk.folder / "ruls"),
        dos.RuleBookError,
        ("ruls` does not exist", "`decision-os init` writes one to start from"),
    ),
    "a file for a rule folder": (
        lambda desk: dos.Engine.load(desk.folder / "rules" / "book.yaml"),
        dos.RuleBookError,
        ("book.yaml` is a file, not a folder",),
    ),
    "a rule folder without rules": (
        lambda desk: dos.Engine.load(write(desk.folder / "notes", {"notes.txt": "none"})),
        dos.RuleBookError,
        ("there is no rule file (`*.yaml`) in", "`decision-os init` writes some to start from"),
    ),
    "a data folder that does not exist": (
        lambda desk: read_folder(desk.engine.book, desk.folder / "data"),
        dos.NotFoundError,
        ("the data folder", "data` does not exist"),
    ),
    "a decision that does not exist": (
        lambda desk: desk.engine.decide("budgt", {}),
        dos.NotFoundError,
        ("no decision `budgt`", "did you mean `budget`?"),
    ),
    "a decision that does not exist, in a run": (
        lambda desk: desk.engine.run(metrics={"sales": SALES}, at=AT, nodes=["budgt"]),
        dos.NotFoundError,
        ("`budgt`", "did you mean `budget`?"),
    ),
    "a path where a frame belongs": (
        lambda desk: desk.engine.run(sources={"deals": "deals.csv"}, at=AT),
        dos.DataError,
        ("the rows of entity `deals` are a str, not a dataframe", "read a file with"),
    ),
    "a list of rows where a frame belongs": (
        lambda desk: desk.engine.decide_frame("budget", [{"sales": 3}]),
        dos.DataError,
        ("a list is no dataframe",),
    ),
    "a choice in percent points": (
        lambda desk: desk.engine.decide("budget", {"sales": 3}, choose={"shift": 8}),
        dos.InputError,
        ("`shift` = 8 is outside its range [5%, 10%]",),
    ),
    "a record that is none": (
        lambda _: dos.DecisionRecord.from_json("{}"),
        dos.RecordError,
        ("not a decision record", "decision-os/1"),
    ),
    "a ledger in a folder that does not exist": (
        lambda desk: dos.Ledger(desk.folder / "nowhere" / "ledger.jsonl").append(desk.engine.decide("budget", {}, at=AT)),
        dos.LedgerError,
        ("the folder", "nowhere` does not exist"),
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_with_its_place_and_what_to_do(desk: Desk, name: str) -> None:
    """A newcomer would see a traceback out of somebody else's library, or be told that something is wrong and not where."""
    make, error, words = MISTAKES[name]
    with pytest.raises(error) as answered:
        make(desk)
    message = str(answered.value)
    assert [] == [word for word in words if word not in message], message
    assert not isinstance(answered.value, dos.RuleBookError) or all(issue.code for issue in answered.value.issues)


def test_a_metric_that_nobody_supplies_is_named_and_decides_nothing(desk: Desk) -> None:
    """The decision would fail, or be taken without it; the reader has to learn which metric and what to do."""
    record = desk.engine.decide("budget", {"sales": 30, "slo_green": True}, at=AT)
    assert (dos.Outcome.UNDETERMINED, ("deal_size",)) == (record.outcome, record.unknowns)
    assert "deal_size is missing. To settle it: supply it." in record.explain()
    result = desk.engine.run(metrics={"sales": SALES}, loads={"crm": [AT]}, at=AT)
    (ran,) = result.records
    assert "nobody supplied it" in " ".join(ran.explain().split())
    nothing = desk.engine.run(at=AT)
    assert ((), ("budget: none of its inputs was supplied, nor the data they are computed from",)) == (nothing.records, nothing.skipped)


def test_no_permission_to_write_names_the_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A raw PermissionError would come up, or nothing at all and no record be kept."""
    record = desk.engine.decide("budget", {"sales": 30}, at=AT)

    def refuse(path: Path, *_: Any, **__: Any) -> Any:  # whoever runs these tests may be allowed to write everywhere
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(dos.LedgerError, match=r"no permission to write `.*ledger\.jsonl`"):
        dos.Ledger(desk.folder / "ledger.jsonl").append(record)


def test_every_mistake_of_a_rule_book_is_told_at_once(desk: Desk) -> None:
    """Somebody would mend one, run again, and find the next."""
    playbook = FILES["playbooks/budget.yaml"].replace("sales > floor", "sales >> floor").replace("owner: Finance", "owner: Finanse")
    with pytest.raises(dos.RuleBookError) as refused:
        dos.Engine.load(desk.rules(playbooks__budget=playbook, extra="metrics: {sales: {label: Again}}\n"))
    files = {Path(issue.where.file).name for issue in refused.value.issues}
    assert {"budget.yaml"} < files
    assert len(refused.value.issues) >= 3
    assert all(issue.where.line for issue in refused.value.issues)


def test_reading_a_frame_as_a_mapping_points_to_the_other_way(engine: dos.Engine) -> None:
    """A notebook user has a frame and calls `decide` on it: the answer has to be more than an attribute that a frame lacks."""
    with pytest.raises(dos.InputError, match="decide_frame"):
        engine.decide("channel.invest", pl.DataFrame([CHANNEL]))  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("how", ["decide", "run"])
def test_a_text_for_an_instant_is_answered(engine: dos.Engine, how: str) -> None:
    """`at="2026-10-06"` would fail with an attribute that a text lacks."""
    with pytest.raises(dos.InputError, match=r"`at`"):
        if how == "decide":
            engine.decide("channel.invest", CHANNEL, at="2026-10-06")  # type: ignore[arg-type]  # the mistake
        else:
            engine.run(at="2026-10-06")  # type: ignore[arg-type]  # the mistake


def test_one_node_without_a_list_is_answered(desk: Desk) -> None:
    """`nodes="budget"` would be taken letter by letter: no playbook `b`."""
    with pytest.raises(dos.InputError, match=r"`nodes` is a text"):
        desk.engine.run(metrics={"sales": SALES}, at=AT, nodes="budget")


def test_a_misspelled_source_in_the_load_log_is_named(desk: Desk) -> None:
    """Its loads would count for nobody, and the decision be blocked by a source that did load."""
    with pytest.raises(dos.NotFoundError, match=r"`crmm`.*did you mean `crm`"):
        desk.engine.run(metrics={"sales": SALES}, loads={"crmm": [AT]}, at=AT)
