"""The main job on the sample exports, told as it goes: raw exports, contracts, metrics, four decisions, records, a ledger, a memo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from decision_os import story
from decision_os.batch import Written, decisions, freshness, intended, needs, quality, read_folder, record_in, shifts, write_results
from decision_os.engine import Engine
from decision_os.engine.result import RunResult
from decision_os.errors import LedgerError
from decision_os.ledger import Ledger
from decision_os.record import Outcome
from decision_os.reference import reference_rules
from decision_os.samples import SAMPLE_AT, write_exports

__all__ = ["demo"]

_EXPLAINED: Final = "pricing.change"
LEDGER: Final = "ledger.jsonl"


def _nothing(_: str) -> None:
    """Tell nobody."""


def demo(
    folder: str | Path = "demo-output",
    *,
    backend: str = "polars",
    seed: int = 20,
    say: Callable[[str], None] = print,
    started: Callable[[str], None] = _nothing,
) -> RunResult:
    """Write sample exports into a folder, decide on them by the reference rule book, and say what came of it.

    `backend` is the dataframe engine (`polars`, `pandas`), `seed` that of the samples; `say` is given each part of the account,
    `started` the name of each step before it is taken. The same seed gives the same account. Into `folder` go `exports/`, `quarantine/`,
    `records.jsonl`, `effects.jsonl`, `memo.md` and `ledger.jsonl`; done again, the ledger gains nothing.

    Raises `OSError` where the folder cannot be written, `DataError` for a backend that is not there, `LedgerError` where the ledger found
    in the folder, or written into it, does not verify.
    """
    root = Path(folder)
    ledger = Ledger(root / LEDGER)
    if ledger.path.exists():
        _verified(ledger)
    started("sample exports")
    exports = write_exports(root / "exports", seed=seed)
    say(f"{len(exports)} sample exports (seed {seed}), as Salesforce, HubSpot, Google Ads and Finance write them: {root / 'exports'}")
    started("rules")
    engine = Engine.load(reference_rules())
    book = engine.book
    say(
        f"The reference rule book {book.id} {book.version} has {len(book.playbooks)} decisions, {len(book.metrics)} metrics and "
        f"{sum(len(entity.tests) for entity in book.entities.values())} contract tests over {len(book.entities)} kinds of rows"
    )
    given = read_folder(book, root / "exports", backend, started=started)
    started("decisions")
    result = engine.run(sources=given.sources, metrics=given.metrics, loads=given.loads, incidents=given.incidents, at=SAMPLE_AT)
    started("results")
    written = write_results(result, root)
    for title, body in (
        ("Data: every row passes its contract, or is quarantined", quality(result, given.notes, written.quarantine)),
        ("Freshness: what was promised, and what was kept", freshness(result.freshness)),
        (f"Decisions at {SAMPLE_AT:%Y-%m-%d %H:%M} UTC: {_counted(result)}", decisions(result.records)),
        ("Still needed: an unknown never fires a decision, and says what would settle it", needs(result.records)),
        ("One decision, explained", _explained(result)),
        ("Intended effects: for the caller to do", intended(result.effects)),
        ("Net shift of budgets", shifts(result.shifts)),
        ("Ledger", _in_ledger(ledger, result)),
        ("The life of one decision (persons and observations are made up; ledger, flag file and memo are real)", _life(ledger, result, root)),
        ("Written", _listed(written, root)),
    ):
        if body:
            say(f"\n{title}\n{body}")
    return result


def _counted(result: RunResult) -> str:
    counts = Counter(record.outcome for record in result.records)
    return ", ".join(f"{counts[outcome]} {outcome.value}" for outcome in Outcome)


def _explained(result: RunResult) -> str:
    return "\n".join(f"  {line}".rstrip() for line in result.record(_EXPLAINED).explain().splitlines())


def _in_ledger(ledger: Ledger, result: RunResult) -> str:
    new, known = record_in(ledger, result.records)
    already = f", {known} were in it already" if known else ""
    return f"  {new} records appended{already}; verified: {_verified(ledger)} entries, each bound to the one before it by its hash"


def _life(ledger: Ledger, result: RunResult, root: Path) -> str:
    record, _ = story.live(result.record(_EXPLAINED), ledger, root)
    told = f"  {record}\n{story.tell(record)}\n  told with its approvals, watch and reversal in {root / story.MEMO}"
    return f"{told}\n  verified again: {_verified(ledger)} entries, the events of this life included"


def _verified(ledger: Ledger) -> int:
    """How many entries a ledger has, all of them intact."""
    found = ledger.verify()
    if not found.ok:
        raise LedgerError("\n".join([f"`{ledger.path}` does not verify", *(str(problem) for problem in found.problems)]))
    return found.entries


def _listed(written: Written, root: Path) -> str:
    return "\n".join(f"  {path}" for path in (root / "exports", *written.files, root / LEDGER, root / story.FLAGS, root / story.MEMO))
