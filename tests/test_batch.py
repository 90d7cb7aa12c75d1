"""From a folder of exports to a run, and from its result to files: what is read, what is said about it, and what is written."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from decision_os.batch import freshness, intended, needs, read_folder, read_loads, record_in, shifts, write_results
from decision_os.batch.summary import decisions
from decision_os.engine import Engine
from decision_os.engine.result import RunResult, Shift
from decision_os.errors import DataError, NotFoundError
from decision_os.ledger import Ledger
from decision_os.model import Column, Entity, Metric, RuleBook
from decision_os.record import DecisionRecord, Effect
from decision_os.reference import reference_rules

AT = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)

BOOK = RuleBook(
    id="T",
    version="1",
    zone="UTC",
    entities={
        "reps": Entity(
            id="reps",
            source="crm",
            file="reps.csv",
            key=("rep",),
            columns={"rep": Column(id="rep", source_name="Rep", type="text"), "team": Column(id="team", source_name="Team", type="text")},
        ),
        "deals": Entity(id="deals", source="crm", file="deals.csv", key=("id",), columns={"id": Column(id="id", source_name="ID", type="text")}),
    },
    metrics={
        "elasticity": Metric(id="elasticity", label="E", reading=True),
        "evidence": Metric(id="evidence", label="Evidence", reading=True, text=True),
    },
)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Write files by name into a folder, and give the folder."""

    def write(**texts: str) -> Path:
        for name, text in texts.items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return write


# --- intake -------------------------------------------------------------------------------------------------------------------------


def test_a_folder_becomes_what_a_run_takes(folder: Callable[..., Path]) -> None:
    """A file would be read under another entity's name, or a blank cell become a text."""
    given = read_folder(
        BOOK,
        folder(
            reps="Rep,Team,Extra\nAna,East,1\nBo,,2\n",
            readings="metric,period,value\nelasticity,2026-09,-0.6\nevidence,2026-09,https://example.com\n",
            loads="source,loaded_at\ncrm,2026-10-06T12:00:00Z\n",
            incidents="id,severity,opened_at,resolved_at,title\nI-1,SEV2,2026-10-01T00:00:00Z,,Queue\n",
        ),
    )
    assert {name: frame.rows() for name, frame in given.sources.items()} == {"reps": [("Ana", "East"), ("Bo", None)]}
    assert given.metrics["value"].to_list() == ["-0.6", "https://example.com"]
    assert given.loads == (("crm", "2026-10-06T12:00:00Z"),)
    assert given.incidents is not None
    assert (given.incidents[0]["severity"], given.incidents[0]["resolved_at"]) == ("SEV2", None)
    assert [path.name for path in given.files] == ["reps.csv", "readings.csv", "loads.csv", "incidents.csv"]


def test_the_backend_asked_for_is_the_one_used(folder: Callable[..., Path]) -> None:
    """Somebody with pandas alone would get a Polars frame."""
    frame = read_folder(BOOK, folder(reps="Rep,Team\nAna,East\n"), "pandas").sources["reps"]
    assert type(frame).__module__.startswith("pandas")


def test_what_is_absent_is_said(folder: Callable[..., Path]) -> None:
    """A forgotten export would look like an empty one."""
    given = read_folder(BOOK, folder(reps="Rep,Team\nAna,East\n"))
    assert (given.metrics, given.loads, given.incidents) == (None, None, None)
    assert [note.split(":")[0] for note in given.notes] == [f"{name}.csv is not there" for name in ("deals", "readings", "loads", "incidents")]


def test_lines_that_are_not_data_are_said_with_their_places(folder: Callable[..., Path]) -> None:
    """Rows would be dropped silently."""
    given = read_folder(BOOK, folder(reps="Team list\nRep,Team\nAna,East\nBo\nCy\nDi,West\nEd\n\nTotal,3\n"))
    kept_out = [note for note in given.notes if note.startswith("reps.csv")]
    assert "reps.csv: title row, not data: line 1" in kept_out
    assert "reps.csv: wrong number of fields, not data: lines 4–5, 7" in kept_out
    assert all("not data: line" in note for note in kept_out)


def test_every_step_is_announced(folder: Callable[..., Path]) -> None:
    """The progress bar would stand still over a large file, or name the wrong one."""
    begun: list[str] = []
    read_folder(BOOK, folder(reps="Rep,Team\nAna,East\n", deals="ID\n1\n"), started=begun.append)
    assert begun == ["reps.csv", "deals.csv"]


def test_all_that_is_wrong_is_said_at_once(folder: Callable[..., Path]) -> None:
    """A second broken file would stay hidden until the first is mended."""
    root = folder(
        reps="Rep\nAna\n",
        deals="",
        readings="metric,period,value\nelasticty,2026-09,1\nelasticity,2026-09,high\nevidence,2026-09,high\nelasticity,2026-08,\n",
    )
    with pytest.raises(DataError) as caught:
        read_folder(BOOK, root)
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(f"{root / 'reps.csv'}:1 has no column `Team`")
    assert lines[1].startswith(f"`{root / 'deals.csv'}` is empty")
    assert lines[2].startswith(f"{root / 'readings.csv'}:2 ")
    assert lines[2].endswith("(did you mean `elasticity`?)")
    assert lines[3].startswith(f"{root / 'readings.csv'}:3 the value of `elasticity` is `high`, a text where a number belongs")


@pytest.mark.parametrize("column", ["metric", "value"])
def test_readings_without_a_needed_column_are_refused(column: str, folder: Callable[..., Path]) -> None:
    """Readings without values would be taken for no readings."""
    text = "metric,period,value\nelasticity,2026-09,1\n".replace(column, "other", 1)
    with pytest.raises(DataError, match=f"has no column `{column}`"):
        read_folder(BOOK, folder(readings=text))


def test_a_file_for_a_folder_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    """A wrong path would look like decisions without data."""
    path = tmp_path / "file.csv"
    with pytest.raises(NotFoundError, match="does not exist"):
        read_folder(BOOK, tmp_path / "nowhere")
    with pytest.raises(NotFoundError, match=r"holds none of the files a run reads: reps\.csv, deals\.csv, readings\.csv"):
        read_folder(BOOK, tmp_path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(NotFoundError, match="is a file, not a folder"):
        read_folder(BOOK, path)


def test_a_load_log_is_read_in_its_order(folder: Callable[..., Path]) -> None:
    """The log of one source would be lost, or its times changed on the way."""
    root = folder(loads="source,loaded_at\nb,2026-10-06\na,\n")
    assert read_loads(root / "loads.csv") == (("b", "2026-10-06"), ("a", ""))


# --- summary ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The reference rules."""
    return Engine.load(reference_rules())


def channel(engine: Engine, subject: str, **inputs: object) -> DecisionRecord:
    """A decision on a channel, where everything is as usual but what is given."""
    usual = {
        "cac_per_sqo": 100.0,
        "cac_per_sqo_baseline": 100.0,
        "sql_rate": 0.1,
        "win_rate": 0.25,
        "win_rate_baseline": 0.25,
        "attribution_validity": 1.0,
        "attribution_validity_overall": 1.0,
        "channel_spend": 10_000.0,
        "slo_green": True,
    }
    return engine.decide("channel.invest", {**usual, **inputs}, at=AT, subject=subject, period="2026-09")


def row_of(text: str, subject: str) -> str:
    """The row of a subject, its continuation lines joined."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.strip().startswith(subject))
    end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith(" " * 12)), len(lines))
    return " ".join(line.strip() for line in lines[start:end])


def test_the_table_gives_each_outcome_its_reason(engine: Engine) -> None:
    """A reader of the table would not know why."""
    text = decisions(
        [
            channel(engine, "Ads", cac_per_sqo=130.0),
            channel(engine, "Mail"),
            channel(engine, "Fairs", slo_green=False),
            channel(engine, "Radio", cac_per_sqo=None),
        ]
    )
    assert text.startswith("  Channel investment (channel.invest), 2026-09\n    subject ")
    assert "ACT" in row_of(text, "Ads")
    assert "pause channel" in row_of(text, "Ads")
    assert row_of(text, "Ads").endswith(" pause: cac_per_sqo ≥ cac_per_sqo_baseline×pause_cac_ratio, $10 to spare")
    assert "not pause: cac_per_sqo ≥ cac_per_sqo_baseline×pause_cac_ratio, $20 short (and 1 more)" in row_of(text, "Mail")
    assert "not invest: cac_per_sqo ≤ cac_per_sqo_baseline×invest_cac_ratio, $10 short (and 1 more)" in row_of(text, "Mail")
    assert "SLO health green: " in row_of(text, "Fairs")
    assert "cac_per_sqo is missing" in row_of(text, "Radio")


def test_the_table_keeps_to_its_width(engine: Engine) -> None:
    """A long reason would run over the edge of a terminal."""
    text = decisions([channel(engine, "A channel with a rather long name", cac_per_sqo=None, win_rate=None, attribution_validity=None)])
    assert max(len(line) for line in text.splitlines()) <= 110


def test_what_is_needed_is_said_for_what_waits_and_for_nothing_else(engine: Engine) -> None:
    """An acting decision would seem to wait, or a waiting one would not say for what."""
    text = needs([channel(engine, "Ads", cac_per_sqo=130.0), channel(engine, "Radio", cac_per_sqo=None), channel(engine, "Fairs", slo_green=False)])
    assert text.splitlines()[:2] == ["  channel.invest · Radio: undetermined", "    - cac_per_sqo is missing: supply it"]
    assert "  channel.invest · Fairs: blocked\n    - SLO health green" in text
    assert "Ads" not in text


def test_the_same_effect_is_told_once() -> None:
    """Ten equal requests would fill the page."""
    asked = [Effect(kind="notify", target="owner", reason="look", key=str(number)) for number in range(3)]
    assert intended([*asked, Effect(kind="page", target="SRE", reason="now", key="x")]) == "  notify owner: look (×3)\n  page SRE: now"


def test_an_unfunded_shift_is_told() -> None:
    """Money that no decision frees would seem to be there."""
    text = shifts([Shift(node="channel.invest", lever="channel budget", unit="USD", freed=1000.0, wanted=1500.0)])
    assert text == "  channel budget (channel.invest): $1,500 wanted, $1,000 freed, net $500, unfunded"


def test_no_load_log_is_no_freshness() -> None:
    """A run without a load log would fail, or claim promises kept."""
    assert not freshness(None)


# --- outputs --------------------------------------------------------------------------------------------------------------------------


def test_results_are_written_and_an_old_quarantine_file_goes(engine: Engine, tmp_path: Path) -> None:
    """Rows repaired since would still be found in quarantine."""
    broken = "Rep,Team,Daily Capacity,Active\nAna,East,many,TRUE\n"
    whole = "Rep,Team,Daily Capacity,Active\nAna,East,20,TRUE\n"
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    for text, quarantined in ((broken, ["reps"]), (whole, [])):
        (data / "reps.csv").write_text(text, encoding="utf-8")
        result = engine.run(sources=read_folder(engine.book, data).sources, at=AT)
        written = write_results(result, out)
        assert quarantined == list(written.quarantine)
        assert quarantined == [path.stem for path in (out / "quarantine").iterdir()]
        assert all(path.exists() for path in written.files)


def test_records_and_effects_are_written_one_a_line(engine: Engine, tmp_path: Path) -> None:
    """A record or an effect would be lost, or could not be read back."""
    record = channel(engine, "Ads", cac_per_sqo=130.0)
    write_results(RunResult(at=AT, records=(record,), effects=record.effects), tmp_path)
    assert [record] == [DecisionRecord.from_json(line) for line in (tmp_path / "records.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [json.loads(line) for line in (tmp_path / "effects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [effect.key for effect in record.effects] == [line["key"] for line in lines]


def test_a_record_goes_into_a_ledger_once(engine: Engine, tmp_path: Path) -> None:
    """The same proposal would be made twice, or another one be taken for it."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ads, mail = channel(engine, "Ads"), channel(engine, "Mail")
    assert record_in(ledger, [ads]) == (1, 0)
    assert record_in(ledger, [ads, mail]) == (1, 1)
    assert [entry.at for entry in ledger] == [AT, AT]
    assert [record.subject for record in ledger.records()] == ["Ads", "Mail"]
