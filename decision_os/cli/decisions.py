"""Commands that decide and explain: `run`, `decide`, `explain`, `demo`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import click

from decision_os.batch import Written, read_folder, record_in, summary, to_plain, write_results
from decision_os.cli.console import Steps, say, say_json
from decision_os.cli.kept import read_records
from decision_os.cli.options import (
    Functions,
    at_option,
    backend_option,
    file_argument,
    format_option,
    functions_option,
    now,
    read_inputs,
    read_pairs,
    rules_argument,
)
from decision_os.demo import demo as run_demo
from decision_os.engine import Engine
from decision_os.errors import InputError, LedgerError, NotFoundError, nearest
from decision_os.ledger import Ledger
from decision_os.lifecycle import current
from decision_os.record import DecisionRecord

__all__ = ["decide", "demo", "explain", "run"]

_FOLDER: Final = click.Path(path_type=Path)
_DEMO_STEPS: Final = 14
"""Samples, rules, ten files, decisions, results."""

_FILES_BESIDE: Final = 3
"""Readings, loads and incidents are read beside the exports."""


@click.command()
@rules_argument
@click.option("--data", required=True, type=_FOLDER, help="The folder of exports, as each entity's `file` names them.")
@at_option
@click.option("--node", "nodes", multiple=True, metavar="NODE", help="Take only this decision; may be given several times.")
@click.option("--out", type=_FOLDER, help="Write quarantined rows, records, effects and the memo into this folder.")
@click.option(
    "--ledger", "ledger_file", type=click.Path(path_type=Path), help="Append the records to this ledger, each once; what is still watched in it is in cooldown."
)
@functions_option
@backend_option
@format_option("text", "json")
def run(  # one parameter for each option
    rules: Path,
    data: Path,
    at: dt.datetime | None,
    nodes: tuple[str, ...],
    out: Path | None,
    ledger_file: Path | None,
    functions: Functions,
    backend: str,
    style: str,
) -> None:
    """Decide everything in RULES on a folder of exports.

    Beside the exports the folder may hold readings.csv (metrics computed elsewhere: metric, dimensions, period, value, n, loaded_at,
    valid_until), loads.csv (source, loaded_at) and incidents.csv (id, severity, opened_at, resolved_at, title).
    """
    engine = Engine.load(rules, functions=functions)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # what cannot be written is said before the work, not after it
    if ledger_file is not None and not ledger_file.absolute().parent.is_dir():
        raise LedgerError(f"the ledger `{ledger_file}` cannot be written: `{ledger_file.parent}` is not a folder")
    under_way = current(Ledger(ledger_file)).open() if ledger_file is not None and ledger_file.exists() else ()
    files = sum(bool(entity.file) for entity in engine.book.entities.values()) + _FILES_BESIDE
    with Steps(files + 2) as started:
        given = read_folder(engine.book, data, backend, started=started)
        started("decisions")
        result = engine.run(
            sources=given.sources,
            metrics=given.metrics,
            loads=given.loads,
            incidents=given.incidents,
            open_decisions=under_way,
            at=now(at),
            nodes=nodes or None,
        )
        started("results")
        written = write_results(result, out) if out is not None else Written()
        kept = record_in(Ledger(ledger_file), result.records) if ledger_file is not None else None
    all_written = (*written.files, *([ledger_file] if ledger_file is not None else []))
    if style == "json":
        say_json(to_plain(result, given.notes, all_written))
        return
    say(summary(result, given.notes, written.quarantine))
    if kept is not None:
        say(f"\nLedger\n  {kept[0]} records appended, {kept[1]} were in it already")
    if all_written:
        say("\n".join(["\nWritten", *(f"  {path}" for path in all_written)]))


@click.command()
@rules_argument
@click.argument("node")
@click.option("--input", "pairs", multiple=True, metavar="NAME=VALUE", help="An input: a number (5%, +2pp, $40), true, false, null, or a text.")
@click.option("--inputs", "file", type=click.Path(path_type=Path), help="Inputs as a JSON object; where both name one, `--input` wins.")
@click.option("--choose", "choices", multiple=True, metavar="NAME=VALUE", help="An action parameter, such as list_price_step=8%.")
@at_option
@click.option("--subject", help="What the decision is about, such as a channel.")
@click.option("--period", help="The period it is about, such as 2026-09.")
@functions_option
@format_option("text", "json")
def decide(  # one parameter for each option
    rules: Path,
    node: str,
    pairs: tuple[str, ...],
    file: Path | None,
    choices: tuple[str, ...],
    at: dt.datetime | None,
    subject: str | None,
    period: str | None,
    functions: Functions,
    style: str,
) -> None:
    """Take one decision of RULES on inputs given here, and explain it.

    NODE is the decision, such as pricing.change. What is not given is unknown.
    """
    engine = Engine.load(rules, functions=functions)
    currency = engine.book.currency
    values: dict[str, Any] = read_inputs(file) if file is not None else {}
    values |= read_pairs(pairs, "--input", currency)
    record = engine.decide(node, values, at=now(at), subject=subject, period=period, choose=_chosen(choices, currency))
    if style == "json":
        click.echo(record.to_json(indent=2))
    else:
        say(record.explain())


def _chosen(choices: tuple[str, ...], currency: str) -> dict[str, float]:
    chosen: dict[str, float] = {}
    for name, value in read_pairs(choices, "--choose", currency).items():
        if not isinstance(value, float):
            raise InputError(f"`--choose {name}={value}` is not a number", name=name, hint="write a number, such as 8%")
        chosen[name] = value
    return chosen


@click.command()
@file_argument
@click.argument("which", metavar="[ID]", required=False)
@format_option("text", "json")
def explain(file: Path, which: str | None, style: str) -> None:
    """Explain a decision kept in FILE.

    FILE holds records as JSON Lines, one record as JSON, or a ledger; of a ledger, each decision as far as its events have brought it.
    ID is the beginning of a record's id, a subject, or a decision. Without it, or where several fit, they are listed.
    """
    records = list(read_records(file))
    if not records:
        raise NotFoundError(f"no record in `{file}`")
    chosen = [record for record in records if which is None or _fits(record, which)]
    if not chosen:
        known = {name for record in records for name in (record.subject, record.node, record.id)}
        raise NotFoundError(f"no record of `{which}` in `{file}` ({nearest(which or '', known) or f'`decision-os explain {file}` lists them'})")
    if len(chosen) == 1:
        if style == "json":
            click.echo(chosen[0].to_json(indent=2))
        else:
            say(chosen[0].explain())
    elif style == "json":
        say_json([record.log_entry() for record in chosen])
    else:
        say(
            "\n".join(
                [
                    *(f"{_short(record.id)}  {record}{f', {record.status.value}' if record.life else ''}" for record in chosen),
                    f"\n{len(chosen)} records: `decision-os explain {file} ID` explains one",
                ]
            )
        )


def _fits(record: DecisionRecord, which: str) -> bool:
    return which in (record.subject, record.node) or record.id.removeprefix("sha256:").startswith(which.removeprefix("sha256:"))


def _short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:12]


@click.command()
@click.option("--out", type=_FOLDER, default="demo-output", show_default=True, help="Where the exports and the results go.")
@backend_option
@click.option("--seed", type=int, default=20, show_default=True, help="The seed of the sample exports.")
def demo(out: Path, backend: str, seed: int) -> None:
    """Do the whole job on sample exports, and tell it.

    Contracts, metrics, four decisions, records, a ledger, a memo.
    """
    told: list[str] = []
    with Steps(_DEMO_STEPS) as started:
        run_demo(out, backend=backend, seed=seed, say=told.append, started=started)
    say("\n".join(told))
