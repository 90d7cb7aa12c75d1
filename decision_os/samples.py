"""Writes sample exports as Salesforce, HubSpot, Google Ads and finance write them, with stories and warts planted: seeded, byte for byte.

Counts are planned and dealt out, not drawn, so that every story holds for every seed; the seed decides names, days and who is who.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Final, NamedTuple

__all__ = ["SAMPLE_AT", "STORIES", "write_exports"]

SAMPLE_AT: Final = dt.datetime(2026, 10, 6, 14, tzinfo=dt.UTC)
"""The instant the samples are decided at: a Tuesday, 10:00 in New York."""

STORIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "channel Google Ads": "in 2026-09 CAC/SQO is 0.8 of its baseline and the win rate 4pp above its own: invest",
        "channel Webinar": "in 2026-09 CAC/SQO is 1.05 of its baseline: between the zones, hold",
        "channel Content Syndication": "in 2026-09 CAC/SQO is 1.35 of its baseline: pause",
        "channel Partner": "cheap and winning, but about 97 % of its attribution is verified (of all channels over 99.5 %): pause",
        "channel LinkedIn": "9 opportunities decided in 2026-09, 3 of them won: too few to say",
        "segment SaaS 200-999": "from 2026-08 on a win rate at least 7pp above all, and payback better by over a month: add",
        "segment Retail 50-199": "win rate about 8pp below all in 2026-08 and 2026-09, payback no better",
        "segment Public Sector": "churn of 4.1 % in 2026-09, where the others are at 0.9 to 1.4 %",
        "payback cohort": "Public Sector by Partner, acquired in 2026-07: revenue equals cost of service in every month, so CM is 0",
        "pricing": "elasticity -0.62, list price $40, revenue about $36 and CM about $28 a seat and month, gross margin about 0.78",
        "routing": "2026-W40: 97 % routed within two minutes, 0.3 % unassigned, the candidate's Gini 0.15, 7 of 2,000 shadow routes differ",
        "idle representative": "one active representative got no lead from either rule set and counts in the Gini",
        "disqualification": "98.3 % of disqualified contacts have a reason, and at least 98 % in each segment and month",
        "missing owner": "exactly 3 % of the opportunities have no owner",
        "stage outside the enum": "three opportunities are in stage `closed won` or `Closed - Won?`",
        "identifier used twice": "one Opportunity ID stands on two rows that differ",
        "identifiers that differ in case": "hundreds of Opportunity IDs differ from another only in the case of a letter",
        "impossible date": "one Created Date is 9/31/2026",
        "negative amount": "one Amount is USD -4,200.00",
        "mixed forms": "American dates among ISO dates, `$1,234.00` among `USD 1,234.00`, `--` for blank, a byte order mark",
        "titles, totals, footers": "title rows above the Google Ads header and total rows below it; a footer below the opportunities",
        "late load": "one gap of 28 hours between loads of hubspot: its freshness is still within the objective",
        "incidents": "one SEV2, resolved, and one SEV3, open",
    }
)
"""What is planted in the sample exports, by name."""

# --- the plan -------------------------------------------------------------------------------------------------------------------


class _Channel(NamedTuple):
    """A channel's plan: decided opportunities a month, how many of them are won, dollars per SQO; the last two are of the story month."""

    name: str
    decided: int
    won: int
    cost_per_sqo: int
    story_won: int
    story_cost: float


class _Segment(NamedTuple):
    """A segment's plan: its share, seats per account, what it adds to the win rate, churn; the last two are from 2026-08 on."""

    name: str
    share: float
    seats: int
    lift: float
    churn: float
    story_seats: int
    story_lift: float


_ADS: Final = "Google Ads"
_PARTNER: Final = "Partner"
_FEW: Final = "LinkedIn"
_PUBLIC: Final = "Public Sector"

_CHANNELS: Final = (
    _Channel(_ADS, 150, 39, 2500, 45, 0.80),
    _Channel("Webinar", 100, 27, 2600, 27, 1.05),
    _Channel("Content Syndication", 80, 18, 2200, 18, 1.35),
    _Channel(_PARTNER, 34, 10, 2900, 12, 0.85),
    _Channel(_FEW, 9, 3, 3200, 3, 0.85),
)
_SEGMENTS: Final = (
    _Segment("SaaS 50-199", 0.22, 30, 0.0, 0.012, 30, 0.0),
    _Segment("SaaS 200-999", 0.21, 48, 0.02, 0.009, 68, 0.095),
    _Segment("Retail 50-199", 0.20, 29, -0.03, 0.014, 29, -0.08),
    _Segment("Manufacturing 200-999", 0.20, 52, 0.0, 0.010, 52, 0.0),
    _Segment(_PUBLIC, 0.17, 34, 0.0, 0.041, 34, 0.0),
)
_MONTHS: Final = ("2026-04", "2026-05", "2026-06", "2026-07", "2026-08", "2026-09")
_STORY_MONTH: Final = "2026-09"
_STORY_FROM: Final = "2026-08"
_FIRST_DAY: Final = dt.date(2026, 4, 1)
_LAST_DAY: Final = dt.date(2026, 10, 5)
_PLANNED_TO: Final = "2026-11"
"""Opportunities are planned until they close, and cut at the last day: that is what leaves some open."""
_MARGIN_FREE: Final = (_PUBLIC, _PARTNER, "2026-07")
_SHARE_WITHOUT_OWNER: Final = 3  # of 100
_SEAT_PRICES: Final = (3500, 3550, 3600, 3650, 3700)  # cents a month: list price less a discount
_ROUTED_A_WEEK: Final = 2000
_IDLE: Final = "Priya Nair"
_EASTERN: Final = dt.timezone(dt.timedelta(hours=-4))

_OWNERS: Final = (
    *("Maria Alvarez", "Tom Becker", "Aisha Khan", "Luke O'Brien", "Wei Chen"),
    *("Sofia Rossi", "Dan Miller", "Ngozi Eze", "Zoë Laurent"),
)
_REPS: Final = (
    *("Alex Kim", "Bea Novak", "Carlos Diaz", "Dana Levi", "Erik Holm", "Fatima Zahra", "Grace Park", "Hugo Martin"),
    *("Ines Costa", "Jamal Reed", "Kira Sato", "Liam Walsh", "Mona Farouk", "Nina Petrova", "Omar Haddad", _IDLE),
)
_FORMER_REPS: Final = ("Rob Finch", "Tara Singh")


def _month(day: dt.date) -> str:
    return f"{day:%Y-%m}"


def _next_month(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"


def _months(first: str, last: str) -> list[str]:
    months = [first]
    while months[-1] < last:
        months.append(_next_month(months[-1]))
    return months


def _days(month: str) -> list[dt.date]:
    first = dt.date.fromisoformat(f"{month}-01")
    after = dt.date.fromisoformat(f"{_next_month(month)}-01")
    return [first + dt.timedelta(each) for each in range((after - first).days)]


def _share_out(total: int, weights: Sequence[float], *, carry: list[float] | None = None, caps: Sequence[int] | None = None) -> list[int]:
    """Whole parts of `total` in proportion to `weights`, by largest remainder. `carry` keeps the rounding for the next call."""
    owed = carry if carry is not None else [0.0] * len(weights)
    limits = caps if caps is not None else [total] * len(weights)
    due = [total * weight / sum(weights) + owed[at] for at, weight in enumerate(weights)]
    parts = [min(max(0, int(each)), limit) for each, limit in zip(due, limits, strict=True)]
    while sum(parts) != total:
        step = 1 if sum(parts) < total else -1
        able = [at for at, part in enumerate(parts) if 0 <= part + step <= limits[at]]
        best = max(able, key=lambda at: (due[at] - parts[at]) * step)
        parts[best] += step
    owed[:] = [each - part for each, part in zip(due, parts, strict=True)]
    return parts


def _text(header: Sequence[str], rows: Iterable[Sequence[object]], line_end: str = "\n") -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_end)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _dollars(cents: int) -> str:
    return f"{cents / 100:,.2f}"


# --- opportunities --------------------------------------------------------------------------------------------------------------


class _Opportunity(NamedTuple):
    """An opportunity as it really went, before an export gets hold of it."""

    key: str
    account: str
    channel: str
    segment: str
    seats: int
    won: bool
    created: dt.date
    sql: dt.date
    sqo: dt.date
    close: dt.date

    @property
    def decided(self) -> bool:
        return self.close <= _LAST_DAY

    @property
    def reached_sqo(self) -> bool:
        return self.sqo <= _LAST_DAY


_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _salesforce_id(prefix: str, number: int) -> str:
    """15 characters, case-sensitive, as Salesforce counts them: base 62 behind a prefix."""
    tail = ""
    while number:
        number, digit = divmod(number, len(_LETTERS))
        tail = _LETTERS[digit] + tail
    return prefix + "5f00000" + tail.rjust(15 - len(prefix) - 7, "A")


def _with_suffix(key: str) -> str:
    """The 18-character form: three letters that say which of the 15 are capitals, five at a time."""
    bits = [sum(1 << at for at, letter in enumerate(key[start : start + 5]) if letter.isupper()) for start in (0, 5, 10)]
    return key + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[each] for each in bits)


def _seats(segment: _Segment, month: str, rng: Random) -> int:
    return (segment.story_seats if month >= _STORY_FROM else segment.seats) + rng.randrange(-2, 3)


def _planned_deals(rng: Random, scale: float) -> list[_Opportunity]:
    """Every opportunity that exists on the last day: each channel's and each segment's share of wins is met month by month."""
    deals: list[_Opportunity] = []
    for month in _months(_MONTHS[0], _PLANNED_TO):
        days = _days(month)
        count_carry, won_carry = [0.0] * len(_SEGMENTS), [0.0] * len(_SEGMENTS)
        for channel in _CHANNELS:
            factor = 1.0 if channel.name == _FEW else scale
            count = max(1, round(channel.decided * factor))
            won = round((channel.story_won if month >= _STORY_MONTH else channel.won) * factor)
            counts = _share_out(count, [segment.share for segment in _SEGMENTS], carry=count_carry)
            lifts = [segment.story_lift if month >= _STORY_FROM else segment.lift for segment in _SEGMENTS]
            hopes = [each * max(0.01, won / count + lift) for each, lift in zip(counts, lifts, strict=True)]
            wins = _share_out(min(won, count), hopes, carry=won_carry, caps=counts)
            wins_in_all = sum(wins)
            winners = [segment for segment, each in zip(_SEGMENTS, wins, strict=True) for _ in range(each)]
            losers = [segment for segment, all_, each in zip(_SEGMENTS, counts, wins, strict=True) for _ in range(all_ - each)]
            rng.shuffle(winners)
            rng.shuffle(losers)
            turn = rng.randrange(9)
            for at in range(count):
                # Wins lie evenly over the month: the baseline cuts a month in two, and must not catch more of them than it should.
                is_won = (at + 1) * wins_in_all // count > at * wins_in_all // count
                segment = (winners if is_won else losers).pop()
                close = days[min(len(days) - 1, int((at + rng.random()) / count * len(days)))]
                sqo = close - dt.timedelta(8 + (4 * at + turn) % 9)  # 8 to 16 days in turn: a month has as many SQOs as the last
                sql = sqo - dt.timedelta(rng.randrange(3, 9))
                created = sql - dt.timedelta(rng.randrange(2, 7))
                seats = _seats(segment, month, rng)
                if created <= _LAST_DAY:
                    number = len(deals)
                    key, account = _salesforce_id("006", 510_000_017 + 61 * number), _salesforce_id("001", 730_000_011 + 53 * number)
                    deals.append(_Opportunity(key, _with_suffix(account), channel.name, segment.name, seats, is_won, created, sql, sqo, close))
    return deals


_COLUMNS: Final = (
    *("Opportunity ID", "Account ID", "Account Name", "Opportunity Owner", "Stage", "Amount", "Seats", "Lead Source", "Segment"),
    *("Created Date", "SQL Date", "SQO Date", "Close Date", "Attribution Status"),
)
_FIRST_WORDS: Final = ("Northwind", "Blue Harbor", "Kestrel", "Müller", "Summit", "Oakline", "Café Rio", "Vantage", "Iron Gate", "Lumen")
_LAST_WORDS: Final = ("Systems", "Logistics", "Foods", "Labs", "Works", "Group", "Partners", "Supply", "Health", "Retail")
_ENDINGS: Final = ("", ", Inc.", " LLC", " GmbH", ", S.A.", " Ltd")


def _american(day: dt.date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _stage(deal: _Opportunity) -> str:
    if deal.decided:
        return "Closed Won" if deal.won else "Closed Lost"
    if deal.reached_sqo:
        return "Negotiation" if deal.close - _LAST_DAY <= dt.timedelta(7) else "Proposal"
    return "Qualified" if deal.sql <= _LAST_DAY else "Prospecting"


def _opportunity_row(deal: _Opportunity, rng: Random) -> dict[str, str]:
    cents = deal.seats * rng.choice(_SEAT_PRICES) * 12
    iso = rng.random() < 0.06  # typed in by an integration, not by a person

    def shown(day: dt.date) -> str:
        if day > _LAST_DAY:
            return ""
        return day.isoformat() if iso else _american(day)

    amount = f"USD {_dollars(cents)}" if rng.random() < 0.4 else f"${_dollars(cents)}"
    name = f"{rng.choice(_FIRST_WORDS)} {rng.choice(_LAST_WORDS)}{rng.choice(_ENDINGS)}"
    stage = _stage(deal)
    without_amount = stage == "Prospecting" or (stage == "Qualified" and rng.random() < 0.5)
    return dict(
        zip(
            _COLUMNS,
            (
                *(deal.key, deal.account, name, rng.choice(_OWNERS), stage, "" if without_amount else amount, str(deal.seats)),
                *(deal.channel, deal.segment, shown(deal.created), shown(deal.sql), shown(deal.sqo), shown(deal.close), "Verified"),
            ),
            strict=True,
        )
    )


def _plant_unverified(deals: Sequence[_Opportunity], rows: Sequence[dict[str, str]]) -> None:
    """About 3 % of Partner, each within one month from created to close, so that the share is low by whichever date one counts."""
    for month in _MONTHS:
        ours = [at for at, deal in enumerate(deals) if deal.channel == _PARTNER and _month(deal.close) == month]
        within = [at for at in ours if _month(deals[at].created) == month and deals[at].decided]
        for at in within[-max(1, round(0.03 * len(ours))) :]:
            rows[at]["Attribution Status"] = "Unverified"
    other = next(at for at, deal in enumerate(deals) if deal.channel == _ADS and _month(deal.close) == "2026-05")
    rows[other]["Attribution Status"] = "Unverified"


def _plant_mistakes(deals: Sequence[_Opportunity], rows: list[dict[str, str]], rng: Random) -> None:
    """The warts that a contract test must catch; no story counts a row they touch, so the stories hold before and after quarantine."""
    april = [at for at, deal in enumerate(deals) if _month(deal.close) == "2026-04" and deal.channel not in (_PARTNER, _FEW)]
    won = [at for at in april if deals[at].won]
    lost = [at for at in april if not deals[at].won]
    for at, stage in zip(won[::20], ("closed won", "Closed - Won?", "closed won"), strict=False):
        rows[at]["Stage"] = stage
    rows[lost[3]]["Amount"] = "USD -4,200.00"
    early = [at for at, deal in enumerate(deals) if not deal.reached_sqo]
    rows[early[0]]["Created Date"] = "9/31/2026"
    twin = dict(rows[early[1]])
    twin.update({"Stage": "Prospecting", "Amount": "$99,000.00", "Opportunity Owner": rng.choice(_OWNERS), "Seats": "7"})
    rows.append(twin)


def _plant_missing_owners(deals: Sequence[_Opportunity], rows: Sequence[dict[str, str]], rng: Random) -> None:
    """Most are new and not yet handed out, a third were lost before 2026-07 without anybody; `rows` are a multiple of 100."""
    wanted = len(rows) * _SHARE_WITHOUT_OWNER // 100
    lost = [at for at, deal in enumerate(deals) if not deal.won and _month(deal.close) < "2026-07" and deal.channel not in (_PARTNER, _FEW)]
    new = [at for at, deal in enumerate(deals) if not deal.reached_sqo][2:]
    for at in (*rng.sample(lost, wanted // 3), *rng.sample(new, wanted - wanted // 3)):
        rows[at]["Opportunity Owner"] = ""


def _fill_up(deals: list[_Opportunity], rng: Random) -> None:
    """New opportunities of the last day (a list came in) until, with the twin to come, the rows are a multiple of 100."""
    while (len(deals) + 1) % 100:
        model = deals[rng.randrange(len(deals))]
        number = len(deals)
        deals.append(
            model._replace(
                key=_salesforce_id("006", 510_000_017 + 61 * number),
                account=_with_suffix(_salesforce_id("001", 730_000_011 + 53 * number)),
                channel="Webinar",
                won=False,
                created=_LAST_DAY,
                sql=_LAST_DAY + dt.timedelta(5),
                sqo=_LAST_DAY + dt.timedelta(10),
                close=_LAST_DAY + dt.timedelta(22),
            )
        )


def _opportunities(deals: Sequence[_Opportunity], rng: Random) -> str:
    rows = [_opportunity_row(deal, rng) for deal in deals]
    _plant_unverified(deals, rows)
    _plant_mistakes(deals, rows, rng)
    _plant_missing_owners(deals, rows, rng)
    rng.shuffle(rows)
    footer = (
        "",
        '"Opportunities, all, for Decision Review"',
        '"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."',
        '"Confidential Information - Do Not Distribute"',
        '"Generated By:  Maria Alvarez  10/6/2026 6:02 AM"',
    )
    return _text(_COLUMNS, [list(row.values()) for row in rows]) + "\n".join(footer) + "\n"


# --- contacts -------------------------------------------------------------------------------------------------------------------

_REASONS: Final = ("Student", "Competitor", "No budget", "Too small", "Wrong region")
_STAGES: Final = {"Disqualified": 59, "SQL": 20, "Opportunity": 14, "Customer": 8, "MQL": 34, "Lead": 45, "Subscriber": 15}
"""Of the contacts of one segment in one month."""
_SALES_READY: Final = ("SQL", "Opportunity", "Customer")


def _contacts(rng: Random, scale: float) -> str:
    rows: list[tuple[dt.datetime, list[str]]] = []
    end = dt.datetime(_LAST_DAY.year, _LAST_DAY.month, _LAST_DAY.day, 23, 59)  # no zone: HubSpot writes the portal's local time
    for month in _months(_MONTHS[0], _month(_LAST_DAY)):
        days = [day for day in _days(month) if day <= _LAST_DAY]
        planned = sum(_STAGES.values()) if month in _MONTHS else 30
        for segment in _SEGMENTS:
            counts = _share_out(max(1, round(planned * scale)), list(_STAGES.values()))
            stages = [stage for stage, count in zip(_STAGES, counts, strict=True) for _ in range(count)]
            without_reason = counts[0] // 59  # 1.7 %: coverage stays above 98 % in each segment and month
            for at, stage in enumerate(stages):
                day = days[rng.randrange(len(days))]
                created = dt.datetime(day.year, day.month, day.day, rng.randrange(6, 22), rng.randrange(60))
                became = min(end, created + dt.timedelta(minutes=rng.randrange(600, 17_000)))
                reason = rng.choice(_REASONS) if stage == "Disqualified" and at >= without_reason else ""
                source = rng.choices(_CHANNELS, [channel.decided for channel in _CHANNELS])[0].name
                owner = "" if rng.random() < 0.04 else rng.choice(_OWNERS)
                sales_ready = f"{became:%Y-%m-%d %H:%M}" if stage in _SALES_READY else ""
                rows.append((created, [source, stage, reason, segment.name, owner, sales_ready]))
    rows.sort(key=lambda row: row[0])
    header = (
        *("Record ID", "Email", "Create Date", "Original Source", "Lifecycle Stage", "Disqualification Reason", "Segment"),
        *("Contact owner", "Became SQL Date"),
    )
    lines = []
    for at, (created, rest) in enumerate(rows):
        address = hashlib.sha256(f"contact {at} {rng.random()}".encode()).hexdigest()[:16]
        lines.append([str(30_100_000_001 + 7 * at), f"{address}@example.com", f"{created:%Y-%m-%d %H:%M}", *rest])
    return "\N{ZERO WIDTH NO-BREAK SPACE}" + _text(header, lines, line_end="\r\n")


# --- spend ----------------------------------------------------------------------------------------------------------------------

_CAMPAIGNS: Final = (
    ("US | Search | Brand", "Search", 0.2),
    ("US | Search | Non-brand, competitors", "Search", 0.4),
    ("PMax | SaaS", "Performance Max", 0.3),
    ("Display | Remarketing", "Display", 0.1),
)


def _daily_spend(deals: Sequence[_Opportunity], channel: _Channel, rng: Random) -> dict[dt.date, int]:
    """Cents per day, such that each month's sum over its SQOs is the planned cost of one."""
    spend: dict[dt.date, int] = {}
    for month in _months(_MONTHS[0], _month(_LAST_DAY)):
        days = [day for day in _days(month) if day <= _LAST_DAY]
        count = sum(1 for deal in deals if deal.channel == channel.name and days[0] <= deal.sqo <= days[-1])
        factor = channel.story_cost if month >= _STORY_MONTH else 1.0
        weights = [(0.7 if day.isoweekday() > 5 else 1.12) * rng.uniform(0.92, 1.08) for day in days]
        spend.update(zip(days, _share_out(round(count * channel.cost_per_sqo * factor * 100), weights), strict=True))
    return spend


def _google_ads(spend: Mapping[dt.date, int], rng: Random) -> str:
    rows: list[list[str]] = []
    totals = [0, 0, 0]
    for day, cents in spend.items():
        shares = [share if name != "Display | Remarketing" or day.isoweekday() <= 5 else 0.0 for name, _, share in _CAMPAIGNS]
        for (name, kind, _), cost in zip(_CAMPAIGNS, _share_out(cents, shares), strict=True):
            clicks = cost // rng.randrange(350, 620)
            conversions = clicks * rng.randrange(2, 6) // 100
            totals = [total + each for total, each in zip(totals, (cost, clicks, conversions), strict=True)]
            shown = [_dollars(cost), f"{clicks:,}", f"{conversions}.00"] if cost else ["--", "--", "--"]
            rows.append([day.isoformat(), name, kind, *shown])
    for label in ("Total: Campaigns", "Total: Account"):
        rows.append([label, "--", "--", _dollars(totals[0]), f"{totals[1]:,}", f"{totals[2]:,}.00"])
    title = 'Campaign performance\n"April 1, 2026 - October 5, 2026"\n'
    return title + _text(("Day", "Campaign", "Campaign type", "Cost", "Clicks", "Conversions"), rows)


def _channel_spend(spend: Mapping[str, Mapping[dt.date, int]]) -> str:
    rows = [(day.isoformat(), name, _dollars(cents)) for name, daily in spend.items() for day, cents in daily.items()]
    rows.sort(key=lambda row: row[0])
    return _text(("Day", "Channel", "Spend (USD)"), rows)


# --- billing --------------------------------------------------------------------------------------------------------------------


def _billing(deals: Sequence[_Opportunity], rng: Random, scale: float) -> str:
    """Paying accounts: what was won in the months, and older ones."""
    accounts = [(each.account, _month(each.close), each.segment, each.channel, each.seats) for each in deals if each.won and each.decided]
    older = _months("2025-05", "2026-03")
    for number in range(round(380 * scale)):
        segment = rng.choices(_SEGMENTS, [each.share for each in _SEGMENTS])[0]
        channel = rng.choices(_CHANNELS, [each.won for each in _CHANNELS])[0].name
        month = older[rng.randrange(len(older))]
        key = _with_suffix(_salesforce_id("001", 400_000_003 + 47 * number))
        accounts.append((key, month, segment.name, channel, _seats(segment, month, rng)))
    rows: list[list[str]] = []
    for key, acquired, segment_name, channel, seats in accounts:
        revenue = seats * rng.choice(_SEAT_PRICES)
        cost = round(revenue * rng.uniform(0.215, 0.225))
        if (segment_name, channel, acquired) == _MARGIN_FREE:
            cost = revenue
        for month in _MONTHS:
            if month >= acquired:
                rows.append([key, month, acquired, segment_name, channel, str(seats), f"${_dollars(revenue)}", f"${_dollars(cost)}"])
    rows.sort(key=lambda row: (row[1], row[0]))
    return _text(("Account ID", "Month", "Acquired Month", "Segment", "Channel", "Seats", "Revenue", "Cost of Service"), rows)


# --- routing --------------------------------------------------------------------------------------------------------------------


def _routing_log(rng: Random, scale: float) -> str:
    """Five weeks, each with the same shares: 3 % late or unassigned, 0.3 % unassigned, 0.35 % routed otherwise by the candidate."""
    busy = [rep for rep in _REPS if rep != _IDLE]
    weights = [1 + 0.051 * at for at in range(len(busy))]  # with the idle one, a Gini of 0.15
    count = max(100, round(_ROUTED_A_WEEK * scale))
    unassigned, late = round(count * 0.003), round(count * 0.03)
    monday = dt.datetime(2026, 8, 31, tzinfo=_EASTERN)
    rows: list[list[str]] = []
    for week in range(5):
        reps = [rep for rep, each in zip(busy, _share_out(count, weights), strict=True) for _ in range(each)]
        rng.shuffle(reps)
        fates = ["unassigned"] * unassigned + ["late"] * (late - unassigned) + ["other"] + ["prompt"] * (count - late - 1)
        rng.shuffle(fates)
        start = monday + dt.timedelta(weeks=week)
        seconds = sorted(rng.randrange(7 * 86_400) for _ in range(count))
        for second, rep, fate in zip(seconds, reps, fates, strict=True):
            received = start + dt.timedelta(seconds=second)
            routed = received + dt.timedelta(seconds=rng.randrange(130, 1800) if fate == "late" else rng.randrange(4, 110))
            candidate = busy[(busy.index(rep) + 1) % len(busy)] if fate == "other" else rep
            given = ["", ""] if fate == "unassigned" else [routed.isoformat(), rep]
            rows.append([f"L-{500_001 + len(rows)}", received.isoformat(), *given, candidate, "routing_v2"])
    return _text(("Lead ID", "Received At", "Routed At", "Rep", "Candidate Rep", "Rule Set"), rows)


def _capacities() -> dict[str, int]:
    return {rep: (20, 25, 30)[at % 3] for at, rep in enumerate(_REPS)}


def _representatives() -> str:
    rows: list[tuple[str, str, int, str]] = [
        (rep, ("Inbound East", "Inbound West")[at % 2], capacity, "TRUE") for at, (rep, capacity) in enumerate(_capacities().items())
    ]
    rows += [(rep, "Inbound East", 25, "FALSE") for rep in _FORMER_REPS]
    return _text(("Rep", "Team", "Daily Capacity", "Active"), rows)


# --- what is computed elsewhere, and how fresh everything is ---------------------------------------------------------------------

_LOADED_EVERY: Final = {  # source: hours between loads, minutes since the last one
    "salesforce": (4, 95),
    "hubspot": (4, 140),
    "google_ads": (12, 410),
    "finance": (12, 300),
    "billing": (12, 480),
    "routing": (2, 25),
    "readings": (6, 120),
    "forecasts": (2, 50),
}


def _readings() -> str:
    loaded_at = SAMPLE_AT - dt.timedelta(minutes=_LOADED_EVERY["readings"][1])
    rows: list[tuple[str, str, str, object, object, str]] = []
    for month, elasticity, n, drift in (("2026-08", -0.58, 410, 0.001), ("2026-09", -0.62, 420, 0.0)):
        rows.append(("elasticity", "", month, elasticity, n, "2026-12-31T23:59:59+00:00"))
        rows.append(("list_price", "", month, 40, "", ""))
        rows.append(("routing_capacity", "", month, 30 * sum(_capacities().values()), "", ""))
        for at, segment in enumerate(_SEGMENTS):
            rows.append(("churn_rate", segment.name, month, round(segment.churn + drift, 4), 140 + 11 * at, ""))
    for week, share in enumerate((0.9991, 0.9993, 0.9989, 0.9990, 0.9987), start=36):
        rows.append(("availability", "", f"2026-W{week}", share, 7 * 24 * 60, ""))
    header = ("metric", "segment", "channel", "period", "value", "n", "loaded_at", "valid_until")
    return _text(header, [[metric, segment, "", *rest, loaded_at.isoformat(), until] for metric, segment, *rest, until in rows])


def _loads(rng: Random) -> str:
    rows: list[tuple[str, str]] = []
    late_from = dt.datetime(2026, 9, 12, tzinfo=dt.UTC)
    for source, (hours, minutes) in _LOADED_EVERY.items():
        for step in range(40 * 24 // hours):
            at = SAMPLE_AT - dt.timedelta(minutes=minutes) - dt.timedelta(hours=hours * step)
            at += dt.timedelta(seconds=rng.randrange(-240, 240) if step else 0)
            if source != "hubspot" or not late_from <= at < late_from + dt.timedelta(hours=24):
                rows.append((source, at.isoformat()))
    rows.sort(key=lambda row: row[1])
    return _text(("source", "loaded_at"), rows)


def _incidents() -> str:
    rows = (
        ("INC-1041", "SEV2", "2026-09-17T08:12:00+00:00", "2026-09-17T11:40:00+00:00", "Routing queue backed up after a CRM schema change"),
        ("INC-1057", "SEV3", "2026-10-04T15:05:00+00:00", "", "HubSpot form sync retries more than usual"),
    )
    return _text(("id", "severity", "opened_at", "resolved_at", "title"), rows)


def write_exports(folder: Path, *, seed: int = 20, scale: float = 1.0) -> tuple[Path, ...]:
    """Write the sample exports into a folder, made where it is not there; the paths written, in the order of the main job.

    The same seed and scale give the same bytes. `scale` multiplies the rows; the stories (`STORIES`) hold from 1 on, and the channel
    with too few opportunities keeps its few.

    Raises `ValueError` for a scale outside 0.01 to 1,000, `OSError` where the folder cannot be written.

    >>> import tempfile
    >>> [path.name for path in write_exports(Path(tempfile.mkdtemp()), scale=0.1)][:3]
    ['salesforce_opportunities.csv', 'hubspot_contacts.csv', 'google_ads_campaigns.csv']
    """
    if not 0.01 <= scale <= 1000:
        raise ValueError(f"a scale of {scale} is not between 0.01 and 1000")

    def dice(part: str) -> Random:
        return Random(f"{seed} {part}")  # one stream per part: a change to one file leaves the others as they were

    deals = _planned_deals(dice("deals"), scale)
    _fill_up(deals, dice("fill"))
    spend = {channel.name: _daily_spend(deals, channel, dice(f"spend {channel.name}")) for channel in _CHANNELS}
    ads = spend.pop(_ADS)
    contents: dict[str, Callable[[], str]] = {
        "salesforce_opportunities.csv": lambda: _opportunities(deals, dice("opportunities")),
        "hubspot_contacts.csv": lambda: _contacts(dice("contacts"), scale),
        "google_ads_campaigns.csv": lambda: _google_ads(ads, dice("campaigns")),
        "channel_spend.csv": lambda: _channel_spend(spend),
        "billing.csv": lambda: _billing(deals, dice("billing"), scale),
        "routing_log.csv": lambda: _routing_log(dice("routing"), scale),
        "reps.csv": _representatives,
        "readings.csv": _readings,
        "loads.csv": lambda: _loads(dice("loads")),
        "incidents.csv": _incidents,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in contents.items():
        path = folder / name
        path.write_bytes(text().encode())
        written.append(path)
    return tuple(written)
