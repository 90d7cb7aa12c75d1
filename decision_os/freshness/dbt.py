"""dbt's freshness artifacts, `sources.json` and `freshness.json`: what they say about when each table was loaded.

An artifact is one look: for each table the newest `loaded_at` there was (`max_loaded_at`) when dbt asked (`snapshotted_at`). A folder of archived
ones is a load log; what happened between two looks it cannot show, and that counts as not loaded. Read are versions 1 to 3 of
[sources.json](https://docs.getdbt.com/reference/artifacts/sources-json) and
[freshness.json](https://docs.getdbt.com/reference/artifacts/freshness-json); whether dbt called a table late is not looked at.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from decision_os.errors import DataError, Issue, Severity
from decision_os.freshness.instants import count

__all__ = ["DbtTables", "by_source", "is_artifact", "read_dbt"]

_NAMED: Final = ("/sources/", "/freshness/")
"""What the schema addresses of the artifacts have in them."""

_OTHERS: Final = ("manifest.json", "semantic_manifest.json", "catalog.json", "run_results.json", "graph_summary.json")
"""What else dbt writes into its target folder: not worth parsing to find that out."""

_NEVER: Final = 1
"""dbt writes the first instant of the year 1 for a table without a row."""


@attrs.frozen
class DbtTables:
    """The load times of each table in microseconds since 1970, by dbt's `unique_id`; none for a table that is empty, or could not be looked at."""

    loads: Mapping[str, tuple[int, ...]] = attrs.field(hash=False)
    issues: tuple[Issue, ...] = ()


def is_artifact(data: object) -> bool:
    """Whether parsed JSON is one of the two artifacts.

    >>> is_artifact({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json"}, "results": []})
    True
    """
    metadata = data.get("metadata") if isinstance(data, Mapping) else None
    schema = metadata.get("dbt_schema_version") if isinstance(metadata, Mapping) else None
    return isinstance(schema, str) and any(part in schema for part in _NAMED)


def read_dbt(given: Mapping[str, Any] | str | Path) -> DbtTables:
    """Read a parsed artifact, the file of one, or a folder of archived ones with whatever names, at any depth.

    Raises `DataError` for what is no artifact, and for a folder without any. In a folder, a file that cannot be read is reported as
    `unreadable-artifact` and passed over: what it knew is missing from the log, and counts as not loaded.
    """
    issues: list[Issue] = []
    loads: dict[str, set[int]] = {}
    for where, data in _artifacts(given, issues):
        _add(data, where, loads, issues)
    return DbtTables({table: tuple(sorted(instants)) for table, instants in sorted(loads.items())}, tuple(dict.fromkeys(issues)))


def by_source(tables: Iterable[str], named: Mapping[str, Iterable[str]] | None) -> tuple[dict[str, dict[str, str | None]], tuple[str, ...]]:
    """Which tables make up each source: source → part → table, and the tables that are of none.

    `named` gives the names of each source's tables: a `unique_id`, dbt's name of the source (all its tables), `source.table`, or a model. A name
    that no artifact has is a part without a table, unless it is just the source's own: then dbt knows nothing of that source. Without `named`,
    every source is called as dbt calls it.

    >>> by_source(["source.shop.crm.deals", "source.shop.crm.notes"], {"salesforce": ["crm.deals"]})
    ({'salesforce': {'source.shop.crm.deals': 'source.shop.crm.deals'}}, ('source.shop.crm.notes',))
    """
    known = list(tables)
    if named is None:
        named = {names[0]: names[:1] for names in map(_names, known)}
    found: dict[str, dict[str, str | None]] = {}
    used: set[str] = set()
    for source, wanted in named.items():
        parts: dict[str, str | None] = {}
        for name in wanted:
            fits = [table for table in known if name.removeprefix("source:") in (table, *_names(table))]
            used.update(fits)
            if fits:
                parts.update({table: table for table in fits})
            elif name != source:
                parts[name] = None
        if parts:
            found[source] = parts
    return found, tuple(table for table in known if table not in used)


def _names(unique_id: str) -> tuple[str, ...]:
    """What a table may be called: `source.shop.crm.deals` is `crm` (with the other tables of it) or `crm.deals`, `model.shop.deals` is `deals`."""
    kind, _, rest = unique_id.partition(".")
    name = rest.partition(".")[2]
    return (name.partition(".")[0], name) if kind == "source" else (name,)


def _artifacts(given: Mapping[str, Any] | str | Path, issues: list[Issue]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(given, Mapping):
        yield "", given
        return
    path = Path(given)
    if not path.is_dir():
        yield str(path), _parsed(path)
        return
    count = 0
    for file in sorted(path.rglob("*.json")):
        if file.name in _OTHERS:
            continue
        try:
            data = _parsed(file)
        except DataError as error:
            issues.append(Issue("unreadable-artifact", f"{error}; passed over", severity=Severity.WARNING, hint="what it knew counts as not loaded"))
            continue
        if is_artifact(data):
            count += 1
            yield str(file), data
    if not count:
        raise DataError(f"`{path}` holds no `sources.json` or `freshness.json` of dbt; archive one with each `dbt source freshness`")


def _parsed(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or nested beyond reason
        raise DataError(f"`{path}` is not JSON: {error}") from None
    return data if isinstance(data, Mapping) else {}


def _add(data: Mapping[str, Any], where: str, loads: dict[str, set[int]], issues: list[Issue]) -> None:
    lead = f"{where}: " if where else ""
    results = data.get("results")
    if not is_artifact(data) or not isinstance(results, list):
        raise DataError(f"{lead}not a `sources.json` or `freshness.json` of dbt, which has `metadata.dbt_schema_version` and `results`")
    for number, result in enumerate(results, 1):
        table = result.get("unique_id") if isinstance(result, Mapping) else None
        if not isinstance(table, str):
            raise DataError(f"{lead}result {number} has no `unique_id`")
        instants = loads.setdefault(table, set())  # one that could not be looked at is a part of its source all the same
        if result.get("max_loaded_at") is None:
            said = str(result.get("error") or result.get("status") or "no `max_loaded_at`").strip().splitlines()[0]
            issues.append(Issue("dbt-failed-look", f"{lead}dbt could not look at `{table}`: {said}", severity=Severity.WARNING))
            continue
        loaded_at = _instant(result["max_loaded_at"], f"{lead}`max_loaded_at` of `{table}`")
        if loaded_at.year == _NEVER:
            continue
        seen = result.get("snapshotted_at")
        if seen is not None and loaded_at > _instant(seen, f"{lead}`snapshotted_at` of `{table}`"):
            message = f"{lead}`{table}` was loaded at {loaded_at.isoformat()}, after dbt looked at it; ignored"
            issues.append(Issue("future-load", message, severity=Severity.WARNING, hint="check the clock, or the zone, that writes its `loaded_at`"))
            continue
        instants.add(count(loaded_at))


def _instant(raw: object, what: str) -> dt.datetime:
    """An instant as dbt writes it: in UTC, whether it says so or not."""
    try:
        found = dt.datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        found = None
    if found is None:
        raise DataError(f"{what} is `{raw}`, not an instant such as `2026-09-14T06:00:00Z`")
    return found if found.utcoffset() is not None else found.replace(tzinfo=dt.UTC)
