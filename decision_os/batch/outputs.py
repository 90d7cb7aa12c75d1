"""A run's result → files: quarantined rows as CSV, records and effects as JSON Lines, the memo as Markdown, records into a ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import narwhals.stable.v2 as nw

from decision_os.engine.result import RunResult
from decision_os.ledger import Ledger
from decision_os.readonly import read_only
from decision_os.record import DecisionRecord
from decision_os.render import memos

__all__ = ["EFFECTS", "MEMO", "RECORDS", "Written", "record_in", "write_results"]

RECORDS = "records.jsonl"
EFFECTS = "effects.jsonl"
MEMO = "memo.md"
_QUARANTINE = "quarantine"


@attrs.frozen(kw_only=True)
class Written:
    """The files written: `quarantine` has that of each entity with quarantined rows."""

    quarantine: Mapping[str, Path] = attrs.field(factory=dict, converter=read_only, hash=False)
    files: tuple[Path, ...] = ()


def write_results(result: RunResult, folder: str | Path) -> Written:
    """Write what a run came to into a folder, made where it is not there; files of the same names are replaced.

    `quarantine/<entity>.csv` holds the quarantined rows, with the tests they failed (an earlier run's file goes where there are none now);
    `records.jsonl` each record in full form; `effects.jsonl` what the caller is asked to do; `memo.md` the decision memos.

    Raises `OSError` where the folder cannot be written.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    quarantine: dict[str, Path] = {}
    for entity in result.checked:
        path = root / _QUARANTINE / f"{entity}.csv"
        if entity not in result.quarantine:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(exist_ok=True)
        nw.from_native(result.quarantine[entity]).lazy().collect().write_csv(path)
        quarantine[entity] = path
    texts = {
        RECORDS: "".join(f"{record.to_json()}\n" for record in result.records),
        EFFECTS: "".join(f"{json.dumps(attrs.asdict(effect), ensure_ascii=False)}\n" for effect in result.effects),
        MEMO: memos(result.records),
    }
    for name, text in texts.items():
        (root / name).write_text(text, encoding="utf-8", newline="\n")
    return Written(quarantine=quarantine, files=(*quarantine.values(), *(root / name for name in texts)))


def record_in(ledger: Ledger, records: Iterable[DecisionRecord]) -> tuple[int, int]:
    """Append the records a ledger does not hold yet; how many were appended, and how many it held already.

    The same decision on the same inputs has the same id, so a run that is repeated adds nothing. An entry's time is that of its decision.

    Raises `LedgerError` where the ledger is not intact, or cannot be written.
    """
    known = {str(entry.body.get("id")) for entry in ledger if entry.kind == "record"} if ledger.path.exists() else set()
    kept = list(records)
    new = [record for record in kept if record.id not in known]
    for record in new:
        ledger.append(record, at=record.timestamp)
    return len(new), len(kept) - len(new)
