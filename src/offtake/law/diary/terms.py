"""When clauses take effect and expire, by their dates or by events, and by when notice must be given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from offtake.domain.agreements import Agreement
from offtake.domain.clauses import AnyClause, Budget, Commitment, LaunchPriority
from offtake.law.compile.versions import Version, versions
from offtake.law.diary.entries import DAYS_PER_YEAR, HOURS_PER_DAY, Diarist, DiaryEntry, last_day
from offtake.law.primitives import Law, Meter, Origin
from offtake.law.procedures import before

Stake = tuple[Decimal, str | None, str]
LEVELS = ("accelerators", "power", "units", "token-rate")  # Measures that are priced by the hour.
_PER_YEAR = {"month": Decimal(12), "quarter": Decimal(4), "year": Decimal(1)}


def terms(diarist: Diarist) -> Iterator[DiaryEntry]:
    """What takes effect, is to be given notice of, and expires."""
    known_at = diarist.law.known_at
    for id, agreement in sorted(diarist.estate.agreements.items()):
        if known_at is not None and agreement.signed > known_at:
            continue
        for key, held in versions(id, agreement, known_at).items():
            for place, version in enumerate(held):
                if version.ends is None or version.begins < version.ends:
                    following = held[place + 1].begins if place + 1 < len(held) else None
                    yield from _of_version(diarist, agreement, f"{id}.{key}", version, following)


def _of_version(
    diarist: Diarist, agreement: Agreement, name: str, version: Version, following: date | None
) -> Iterator[DiaryEntry]:
    clause = version.clause
    origin = Origin(name, clause.document or version.document, clause.section)
    calendar = getattr(clause, "calendar", None)
    ends, why = _end(diarist, version)
    stake = _a_year(diarist.law, name, version.begins)
    verb = "replaces what stood before" if version.replaces else "takes effect"
    about = _about(clause)
    yield diarist.entry(
        f"{name}@{version.begins}",
        version.begins,
        "takes effect",
        name,
        f"{about} {verb}",
        agreement.between,
        stake=stake,
        origin=origin,
        calendar=calendar,
    )
    if ends is None:
        return
    if ends == following:
        why = ", and another version follows"
    if clause.notice is not None:
        yield diarist.entry(
            f"{name}@{version.begins}",
            before(clause.notice, ends, diarist.business_days(calendar)),
            "notice",
            name,
            f"last day for notice of {clause.notice.text} before {about} ends on {last_day(ends)}",
            agreement.between,
            stake=stake,
            origin=origin,
            calendar=calendar,
        )
    yield diarist.entry(
        f"{name}@{version.begins}",
        last_day(ends),
        "expiry",
        name,
        f"{about} holds for the last day{why}",
        agreement.between,
        stake=stake,
        origin=origin,
        calendar=calendar,
    )


def _end(diarist: Diarist, version: Version) -> tuple[date | None, str]:
    """The first day out, and the event that brings it, if one does."""
    clause = version.clause
    ends, why = version.ends, ""
    event = clause.until_event
    happened = diarist.position.event_on(event)
    if happened is not None and (ends is None or happened < ends):
        ends, why = happened, f", for {event} is supposed on {happened}"
    if isinstance(clause, LaunchPriority):
        launches = [
            launched
            for model, launched in sorted(diarist.law.launches.items())
            if (not clause.covers.models or model in clause.covers.models) and launched >= version.begins
        ]
        if launches and ends is None and len(launches) == 1:
            ends, why = launches[0] + timedelta(days=clause.days), f", {clause.days} days after the launch"
    return ends, why


def _about(clause: AnyClause) -> str:
    """A clause in a few words."""
    kind = {"first-refusal": "the right of first refusal", "latency": "the bound on latency"}.get(
        clause.kind, f"the {clause.kind.replace('-', ' ')}"
    )
    if isinstance(clause, Commitment):
        return f"{kind} of {clause.amount} {'in all' if clause.window == 'term' else f'a {clause.window}'}"
    if isinstance(clause, Budget) and clause.amount is not None:
        return f"{kind} of {clause.amount} {'in all' if clause.window == 'term' else f'a {clause.window}'}"
    return kind


def _a_year(law: Law, name: str, begins: date) -> Stake | None:
    """What a year of a commitment or budget is worth."""
    for meter in law.meters:
        if meter.origin.clause != name or meter.scope.begins != begins:
            continue
        per_year = _PER_YEAR.get(meter.window)
        price = meter.shortfall_price
        if meter.lower is not None and price is not None and per_year is not None:
            hours = HOURS_PER_DAY * DAYS_PER_YEAR if meter.measure in LEVELS else per_year
            return meter.lower * price * hours, meter.currency, "a year of it, at the price of falling short"
        if meter.upper is not None and meter.measure == "money" and per_year is not None:
            return meter.upper * per_year, meter.currency, "what it lets be spent in a year"
    return None


def said(meter: Meter) -> str:
    """A meter's lower bound in words."""
    unit = meter.currency if meter.measure == "money" else meter.measure
    return f"{meter.lower or Decimal(0):,f} {unit}"
