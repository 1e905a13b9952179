"""Simulations of deals put together: an estate, a trace, rules, and a ledger in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Final

from offtake.adapters.business_days import business_days_of
from offtake.adapters.job_traces import Reading, read_jobs
from offtake.adapters.ledger_memory import MemoryLedger, PlainSealer
from offtake.adapters.ledger_sql import open_ledger
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk, key_file
from offtake.bootstrap.responding import checked_rules
from offtake.broker.folding import rules_of
from offtake.broker.library import Library
from offtake.broker.policy import Policy
from offtake.broker.service import Broker
from offtake.broker.simulating.answer import Simulated
from offtake.broker.simulating.assumed import with_assumed
from offtake.broker.simulating.jobs import MAXIMUM_WINDOW_DAYS, Aggregation, Filing, Trace, filings
from offtake.broker.simulating.running import run
from offtake.broker.simulating.tallying import Setting, tallied
from offtake.broker.stated import price
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.primitives import Procedure

MORNING: Final = time(9, tzinfo=UTC)
OPENS: Final = time(8, tzinfo=UTC)
MAXIMUM_LEAD_DAYS: Final = 3660
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How a trace is to be simulated; see `offtake broker simulate --help`."""

    trace: Path
    rules: Path | None = None
    party: str | None = None
    window_days: int = 7
    lead_days: int = 28
    scale: str = "1"
    price_limit: str | None = None
    seed: int = 0
    first_day: date | None = None
    calendar: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    kinds: Mapping[str, str] = field(default_factory=dict[str, str])
    classes: tuple[str, ...] = ()
    keep: str | None = None


def without(estate: Estate, agreement: str) -> Estate:
    """An estate as if an agreement were not written. Raises InvalidInput if there is none of that name."""
    if agreement not in estate.agreements:
        raise InvalidInput(
            f"the estate has no agreement `{agreement}`",
            hint=f"its agreements are {', '.join(sorted(estate.agreements)) or 'none'}",
        )
    kept = {id: one for id, one in estate.agreements.items() if id != agreement}
    return estate.model_copy(update={"agreements": kept})


def simulate(estate: Estate, name: str, wanted: Wanted, progress: Progress) -> Simulated:
    """The deals that a trace leads to under an estate. Interrupted, the answer is of what was played until then.

    Raises InvalidInput for a trace, rules or options that cannot be used.
    """
    how = _aggregation(estate, wanted)
    trace = read_jobs(wanted.trace, _reading(estate, wanted), estate.horizon.begins)
    plan = filings(trace, how)
    library = Library(business_days_of)
    digest, _ = library.add(estate)
    rules = library.rules(digest, library.known_at(digest, date.max))
    stated = None if wanted.rules is None else checked_rules(wanted.rules, rules)
    procedures = _procedures(library, digest, estate)
    tenants = {one.need.party for one in plan}
    _known_parties(tenants, estate)
    responders, assumptions = with_assumed(stated, rules, procedures, tenants)
    end = datetime.combine(max(one.need.ends for one in plan), MORNING)
    broker = _broker(wanted)
    try:
        opened = datetime.combine(min(plan[0].at.date(), estate.horizon.begins), OPENS)
        broker.open(estate, rehearsed=True, by="simulation", key="open", at=opened)
        complete = run(broker, plan, responders, wanted.seed, end, progress)
        state = broker.state()
        setting = Setting(
            name=name,
            currency=estate.currency,
            trace=trace,
            plan=plan,
            window_days=wanted.window_days,
            seed=wanted.seed,
            assumptions=(*assumptions, *_remarks(estate, plan, wanted, trace)),
            business_day=business_days_of(wanted.calendar or _calendar(procedures)),
            complete=complete,
            until=end,
        )
        return tallied(broker.ledger.entries(), rules_of(broker.desk.library, state), state, setting)
    finally:
        broker.close()


def _aggregation(estate: Estate, wanted: Wanted) -> Aggregation:
    party = wanted.party or estate.plans_for
    if party is None:
        raise InvalidInput("nobody is named who needs the jobs' capacity", hint="name a party with --for")
    for value, most, option in (
        (wanted.window_days, MAXIMUM_WINDOW_DAYS, "--window"),
        (wanted.lead_days, MAXIMUM_LEAD_DAYS, "--lead"),
    ):
        if not (1 if option == "--window" else 0) <= value <= most:
            raise InvalidInput(f"{option} is a number of days up to {most:,}")
    try:
        scale = Decimal(wanted.scale)
    except ArithmeticError:
        scale = Decimal(0)
    if not scale.is_finite() or not 0 < scale <= 1_000_000:
        raise InvalidInput(
            f"`{wanted.scale}` is no factor", hint="write a number above 0, such as --scale 16"
        )
    limit, currency = (None, estate.currency)
    if wanted.price_limit is not None:
        limit, currency = price(wanted.price_limit, "accelerators")
    return Aggregation(wanted.window_days, wanted.lead_days, scale, party, currency, limit)


def _reading(estate: Estate, wanted: Wanted) -> Reading:
    for kind in wanted.kinds.values():
        if kind not in estate.accelerators:
            raise InvalidInput(
                f"the estate has no accelerator `{kind}`",
                hint=f"it has {', '.join(sorted(estate.accelerators)) or 'none'}",
            )
    return Reading(
        wanted.columns, wanted.kinds, tuple(estate.accelerators), frozenset(wanted.classes), wanted.first_day
    )


def _known_parties(tenants: set[str], estate: Estate) -> None:
    unknown = sorted(tenants - set(estate.parties)) if estate.parties else []
    if unknown:
        raise InvalidInput(
            f"the estate has no party `{unknown[0]}`", hint=f"parties are {', '.join(sorted(estate.parties))}"
        )


def _procedures(library: Library, digest: str, estate: Estate) -> dict[str, Procedure]:
    """The procedures of every law that comes to be in force, by id."""
    signed = {a.signed for a in estate.agreements.values()}
    signed |= {one.signed for a in estate.agreements.values() for one in a.amendments}
    found: dict[str, Procedure] = {}
    for day in sorted(signed):
        found |= {one.id: one for one in library.rules(digest, day).law.procedures}
    return found


def _calendar(procedures: Mapping[str, Procedure]) -> str | None:
    """The calendar of the first right that names one."""
    return next((one.calendar for one in procedures.values() if one.calendar is not None), None)


def _broker(wanted: Wanted) -> Broker:
    """A broker on a ledger in memory, or in a file that is kept. What would have been awarded without a clause is not
    asked at every award: two simulations side by side say it of the whole."""
    made = desk(Policy(maximum_counterfactuals=0))
    if wanted.keep is None:
        return Broker(made, MemoryLedger(), PlainSealer(), _no_clock)
    if "://" not in wanted.keep and Path(wanted.keep).exists():
        raise InvalidInput(f"`{wanted.keep}` is there already", hint="name a new file with --keep")
    return Broker(made, open_ledger(wanted.keep), sealer_at(key_file(wanted.keep)), _no_clock)


def _no_clock() -> datetime:
    raise AssertionError("a rehearsed ledger keeps the time of its commands")


def _remarks(estate: Estate, plan: tuple[Filing, ...], wanted: Wanted, trace: Trace) -> Iterator[str]:
    lead, window = _days(wanted.lead_days), _days(wanted.window_days)
    yield (
        f"needs are filed {lead} before they begin, for windows of {window} and as long as the trace's jobs ran: it is "
        "known beforehand what will be needed, and for how long"
    )
    last = plan[-1].at.date()
    for id, agreement in estate.agreements.items():
        if agreement.signed > last:
            yield f"{id} is signed on {agreement.signed}, after the last need was filed: it was never asked about"
    for kind, count in trace.any_kind:
        yield f"{count:,} jobs ask for {kind}, which the estate does not have: they count for any kind"


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """`name=other` by name. Raises InvalidInput for what is no pair."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, other = text.rpartition("=")
        if not equals or not name or not other:
            raise InvalidInput(f"`{text}` is no pair", hint=f"write {option} name=other")
        found[name.strip()] = other.strip()
    return found
