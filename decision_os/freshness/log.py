"""The load log: when each source was loaded, from whatever a caller has; how old that leaves it; and what makes a value stale."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from decision_os.calendars import instant_of, zone_of
from decision_os.errors import DataError, Issue, Severity
from decision_os.freshness.dbt import by_source, is_artifact, read_dbt
from decision_os.freshness.instants import MICROSECOND, count, instant, moment
from decision_os.slo import spell_duration
from decision_os.values import Reason, Unknown, settle

__all__ = ["LoadLog", "apart", "stale"]

_WHOLE = ""
"""The part of a source that is loaded as a whole."""

_COLUMNS = ("source", "loaded_at")


@attrs.frozen
class LoadLog:
    """When each source was loaded. Made by `LoadLog.of`; `issues` says what was odd about the entries, and harmless.

    A source may be loaded in parts, such as the tables of a CRM: it is then as old as its oldest part. `one | other` is a log of both.
    """

    _loads: Mapping[str, Mapping[str, tuple[int, ...]]] = attrs.field(factory=dict, hash=False)
    """Source → part → its loads, sorted."""
    issues: tuple[Issue, ...] = ()

    @classmethod
    def of(cls, loads: Any, zone: str | None = None, *, dbt: Mapping[str, Iterable[str]] | None = None) -> LoadLog:
        """A log from what a caller has:

        - pairs of source and instant, or a mapping of source to one instant, to several, or to a mapping of its parts to these
        - a frame of any engine with the columns `source` and `loaded_at`, and `part` where sources have parts
        - dbt's `sources.json` or `freshness.json`: parsed, its path, or a folder of archived ones. `dbt` names the tables of each source as
          `source.table`, `source` (all of it), a model or a `unique_id`; without it sources are called as dbt calls them. Tables that are of
          no source are passed over

        An instant is an aware datetime, an ISO 8601 text, or what pandas and NumPy use for one. Entries may come in any order
        (reported as `load-out-of-order`, unless the whole log is newest first), and the same instant twice counts once. A source
        with no instants is a source never loaded.

        An instant without a zone raises `DataError`, unless `zone` says which clock wrote the log; local times that the change of
        daylight saving skips or repeats are refused even then, and so is what is no instant, no frame with these columns, no artifact of dbt.
        Raises `NotFoundError` for a `zone` that is none.

        >>> log = LoadLog.of([("crm", "2026-09-14T06:00:00Z"), ("crm", "2026-09-13T06:00:00Z")])
        >>> print(log.age("crm", dt.datetime(2026, 9, 14, 10, 30, tzinfo=dt.UTC)), log.issues[0].code)
        4:30:00 load-out-of-order
        """
        if isinstance(loads, LoadLog):
            return loads
        for source, tables in (dbt or {}).items():
            if isinstance(tables, str):
                raise DataError(f"the tables of `{source}` are one text, not a list (write `dbt={{{source!r}: [{tables!r}]}}`)")
        if isinstance(loads, str | Path) or is_artifact(loads):
            return cls._of_dbt(loads, dbt)
        if isinstance(loads, Mapping) and "results" in loads and isinstance(loads["results"], list):
            raise DataError("the load log looks like an artifact of dbt without its `metadata`, which says what it is (give the file as dbt wrote it)")
        entries: dict[str, dict[str, list[int]]] = {}
        clock = zone_of(zone) if zone is not None else None
        for source, part, raw in _entries(loads):
            parts = entries.setdefault(source, {})
            if part is not None:
                instants = parts.setdefault(part, [])
                if raw is not _NONE:
                    instants.append(_entry(source, raw, clock))
        issues = tuple(issue for source, parts in sorted(entries.items()) for instants in parts.values() for issue in _disorder(source, instants))
        return cls({source: {part: tuple(sorted(set(each))) for part, each in sorted(parts.items())} for source, parts in sorted(entries.items())}, issues)

    @classmethod
    def _of_dbt(cls, given: Any, dbt: Mapping[str, Iterable[str]] | None) -> LoadLog:
        found = read_dbt(given)
        sources, unused = by_source(found.loads, dbt)
        absent = [(source, part) for source, parts in sources.items() for part, table in parts.items() if table is None]
        issues = list(found.issues)
        if unused:
            shown = ", ".join(f"`{table}`" for table in unused[:3]) + (f" and {len(unused) - 3} more" if len(unused) > 3 else "")
            issues.append(Issue("unused-table", f"tables of dbt that are of no source: {shown}", severity=Severity.NOTE))
        for source, part in absent:
            message = f"dbt says nothing about `{part}` of `{source}`: it counts as never loaded"
            issues.append(Issue("unknown-table", message, severity=Severity.WARNING, hint="give it `freshness` in dbt, or check its name"))
        loads = {source: {part: found.loads[table] if table else () for part, table in sorted(parts.items())} for source, parts in sorted(sources.items())}
        return cls(loads, tuple(issues))

    def __or__(self, other: LoadLog) -> LoadLog:
        """A log of what either knows; the loads of a part that both know are united."""
        if not isinstance(other, LoadLog):
            return NotImplemented
        united: dict[str, Mapping[str, tuple[int, ...]]] = {}
        for source in sorted({*self._loads, *other._loads}):
            one, two = self._loads.get(source, {}), other._loads.get(source, {})
            united[source] = {part: tuple(sorted({*one.get(part, ()), *two.get(part, ())})) for part in sorted({*one, *two})}
        return LoadLog(united, (*self.issues, *other.issues))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources the log names, sorted."""
        return tuple(self._loads)

    def loads(self, source: str) -> tuple[dt.datetime, ...]:
        """The load times of a source in UTC, those of all its parts, oldest first; none for a source the log does not name."""
        return tuple(map(instant, sorted({load for loads in self._loads.get(source, {}).values() for load in loads})))

    def parts(self, source: str) -> Mapping[str, tuple[int, ...]]:
        """The loads of each part of a source in microseconds since 1970, sorted; a source loaded as a whole has one part without a name."""
        return self._loads.get(source, {})

    def latest(self, source: str, at: dt.datetime) -> dt.datetime | None:
        """The latest load at or before an aware instant, in UTC, or None; of several parts, that of the oldest.

        Raises `InputError` for an instant without a zone.
        """
        return self.oldest(source, at)[1]

    def oldest(self, source: str, at: dt.datetime) -> tuple[str, dt.datetime | None]:
        """The part that was loaded longest ago at an aware instant (none: never), and when; no name for a source loaded as a whole."""
        end = moment(at, "at")
        found: tuple[str, int | None] | None = None
        for part, loads in self._loads.get(source, {}).items():
            upto = bisect_right(loads, end)
            latest = loads[upto - 1] if upto else None
            if found is None or latest is None or (found[1] is not None and latest < found[1]):
                found = part, latest
            if latest is None:
                break
        part, latest = found or (_WHOLE, None)
        return part, instant(latest) if latest is not None else None

    def age(self, source: str, at: dt.datetime) -> dt.timedelta | None:
        """The time since the latest load at or before an aware instant; None where there was none."""
        latest = self.latest(source, at)
        return None if latest is None else at - latest

    def stale(self, source: str, at: dt.datetime, max_age: dt.timedelta) -> Unknown | None:
        """Why a value from this source cannot be used at `at`, or None: see `stale`."""
        return stale(self.latest(source, at), at, max_age)


_NONE = object()
"""Instead of an instant: the source, or the part, is there and was never loaded."""


def _entries(loads: Any) -> Iterator[tuple[str, str | None, object]]:
    """Source, part and instant of each entry, as they come; a part of None says that the source is there, and nothing more."""
    if isinstance(loads, Mapping):
        for source, several in loads.items():
            yield source, None, _NONE
            for part, each in several.items() if isinstance(several, Mapping) else ((_WHOLE, several),):
                yield source, part, _NONE
                one = isinstance(each, str | dt.date) or not isinstance(each, Iterable)
                for raw in (each,) if one else each:
                    yield source, part, raw
    elif hasattr(type(loads), "columns"):
        yield from _rows(loads)
    else:
        if not isinstance(loads, Iterable):
            raise DataError(f"the load log is a {type(loads).__name__}; give pairs of source and instant, a mapping, a frame, or what dbt wrote")
        for number, entry in enumerate(loads, 1):
            if isinstance(entry, str) or not isinstance(entry, Iterable):
                raise DataError(f"entry {number} of the load log is `{entry!r}`, not a pair of source and instant")
            source, raw = _pair(tuple(entry), number)
            yield source, _WHOLE, raw


def _pair(entry: tuple[Any, ...], number: int) -> tuple[str, object]:
    if len(entry) != len(_COLUMNS):
        raise DataError(f"entry {number} of the load log has {len(entry)} items; write it as a pair of source and instant")
    if not isinstance(entry[0], str) or not entry[0]:
        raise DataError(f"entry {number} of the load log has the source {entry[0]!r}; name it by a text")
    return entry[0], entry[1]


def _rows(given: Any) -> Iterator[tuple[str, str | None, object]]:
    """The entries of a frame: few enough to be collected."""
    import narwhals.stable.v2 as nw  # noqa: PLC0415  # the dataframe layer, when it is used

    try:
        frame: Any = nw.from_native(given)
    except TypeError:
        raise DataError(f"the load log is a {type(given).__name__}; give pairs of source and instant, or a dataframe") from None
    names = frame.collect_schema().names()
    for column in _COLUMNS:
        if column not in names:
            raise DataError(f"the load log has no column `{column}`; its columns are {', '.join(f'`{name}`' for name in names)}")
    wanted = [*_COLUMNS, *(["part"] if "part" in names else [])]
    for row in frame.select(*wanted).lazy().collect().iter_rows(named=True):
        if not isinstance(row["source"], str) or not row["source"]:
            raise DataError(f"the load log has a row whose `source` is {row['source']!r}; name the source that was loaded")
        yield row["source"], _part(row.get("part")), row["loaded_at"]


def _part(raw: object) -> str:
    """The part that a cell names; an empty one is the whole source. What pandas makes of a gap is a float: whole numbers come back from it as they were."""
    if raw is None or raw != raw or type(raw).__name__ in ("NAType", "NaTType"):  # noqa: PLR0124 - NaN is what does not equal itself
        return _WHOLE
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)


def _entry(source: str, raw: object, zone: ZoneInfo | None) -> int:
    """One entry of a log in microseconds since 1970."""
    missing = type(raw).__name__ == "NaTType"  # which calls itself a datetime
    if hasattr(raw, "to_pydatetime") and not missing:
        raw = raw.to_pydatetime(warn=False)  # pandas counts nanoseconds; microseconds are what counts here
    shown = f"`{raw}`" if isinstance(raw, str | dt.date) else f"`{raw!r}`"
    where = f"load time {shown} of `{source}`"
    value = raw if isinstance(raw, dt.datetime) and not missing else _read(raw, where)
    if value.utcoffset() is None:
        if zone is None:
            raise DataError(f"{where} has no zone; write the offset (`2026-09-14T06:00:00-04:00`) or name the zone of the log")
        try:
            value = instant_of(value, zone)
        except DataError as error:
            raise DataError(f"load time of `{source}`: {error}") from None
    return count(value)


def _read(raw: object, where: str) -> dt.datetime:
    text = raw.strip() if isinstance(raw, str) else ""
    try:
        value = dt.datetime.fromisoformat(text) if text else settle(raw)
    except ValueError:  # not ISO 8601; or, of another type, nothing a rule can read (an InputError is a ValueError too)
        raise DataError(f"{where} is not an instant; write it as in `2026-09-14T06:00:00Z`") from None
    if isinstance(value, Unknown):
        raise DataError(f"{where} is not an instant but missing; leave the entry out, or give `[]` for a source that was never loaded")
    if not isinstance(value, dt.datetime) or (text and ":" not in text and "T" not in text.upper()):
        raise DataError(f"{where} is not an instant; write the time of day too, as in `2026-09-14T06:00:00Z`")
    return value


def _disorder(source: str, instants: list[int]) -> Iterable[Issue]:
    late = [later for earlier, later in pairwise(instants) if later < earlier]
    newest_first = len(late) == len(instants) - 1
    if late and not (newest_first and len(late) > 1):
        first = instant(late[0]).isoformat()
        message = f"loads of `{source}` out of order: {len(late)} of {len(instants)}, the first {first}; put in order"
        yield Issue("load-out-of-order", message, severity=Severity.NOTE)


def stale(loaded_at: dt.datetime | None, at: dt.datetime, max_age: dt.timedelta) -> Unknown | None:
    """Why data loaded then cannot be used at `at`, as an `Unknown` that is stale; None where it can be. Exactly `max_age` old can.

    Data never loaded, and data that claims to be loaded after `at`, have no age that could be trusted: both are stale. Raises
    `InputError` for an instant without a zone.

    >>> at = dt.datetime(2026, 9, 14, 12, 0, tzinfo=dt.UTC)
    >>> print(stale(at - dt.timedelta(hours=31), at, dt.timedelta(hours=24)))
    unknown (stale: loaded 31h ago, at most 24h allowed)
    """
    if loaded_at is None:
        return Unknown.because(Reason.STALE, detail="never loaded")
    age = (moment(at, "at") - moment(loaded_at, "loaded_at")) * MICROSECOND
    if age < dt.timedelta(0):
        return Unknown.because(Reason.STALE, detail=f"loaded {apart(-age, dt.timedelta(0))} after the time of the decision")
    if age > max_age:
        return Unknown.because(Reason.STALE, detail=f"loaded {apart(age, max_age)} ago, at most {spell_duration(max_age)} allowed")
    return None


def apart(duration: dt.timedelta, bound: dt.timedelta) -> str:
    """A duration as short as it can be said without looking like the bound that it passed."""
    short = spell_duration(duration)
    return short if short != spell_duration(bound) else spell_duration(duration, parts=9)
