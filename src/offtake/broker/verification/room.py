"""Whether grants fit: capacity on every day, and upper bounds on hours and money window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from offtake.broker.library import Pool
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Case, Held, flow
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.tally import fullest, windows_between
from offtake.domain.selection import Interval
from offtake.law.meters import burns
from offtake.law.primitives import Meter


def beyond_capacity(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """On no day more than a supply has, with everything else that is held added up."""
    rules = audit.rules
    others = [*audit.books.kept(rules, case.need.id), *leases]
    begins, ends = case.need.begins, case.need.ends
    for pool_id in dict.fromkeys(rules.pool(rules.supply(lease.supply)).id for lease in leases):
        pool = next(p for lease in leases if (p := rules.pool(rules.supply(lease.supply))).id == pool_id)
        if pool.steps is None:
            continue
        for day, used in used_of(audit, pool, others, begins, ends):
            limit = [amount for since, amount in pool.steps if since <= day]
            if used > (limit[-1] if limit else NOTHING):
                yield f"{pool_id} has {limit[-1] if limit else 0} {pool.measure} on {day}, and {used} are in use"
                return


def used_of(
    audit: Audit, pool: Pool, others: Sequence[Held], begins: date, ends: date
) -> Iterator[tuple[date, Decimal]]:
    """What leases and others use of a pool on each day of [begins, ends) on which that, or its limit, changes."""
    rules = audit.rules
    here = [one for one in others if rules.pool(rules.supply(one.supply)).id == pool.id]

    def besides(day: date) -> Decimal:
        return sum((one.amounts.get(pool.measure, NOTHING) for one in here if one.on(day)), NOTHING)

    more = {*(day for day, _ in pool.steps or ()), *(one.need.begins for one in here)}
    yield from fullest(audit.tally.pools[pool.id], besides, more, begins, ends)


def beyond_bounds(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """Upper bounds on hours and money, window by window, everything added up again."""
    rules = audit.rules
    for meter in rules.law.meters:
        if meter.upper is None or meter.measure in LEVEL_MEASURES:
            continue
        mine = [lease for lease in leases if burns(meter, rules.law, lease.action(rules))]
        for window, begins, ends in windows_of(meter, case, mine):
            before = audit.tally.counted.get((meter.id, window.begins), NOTHING)
            added = sum((flow(rules, lease, meter, begins, ends) for lease in mine), NOTHING)
            if added > 0 and before + added > meter.upper:
                total = before + added
                yield f"{meter.origin.clause} allows {meter.upper} from {window.begins}, and {total} are counted"
                return


def windows_of(meter: Meter, case: Case, mine: Sequence[Held]) -> Iterator[tuple[Interval, date, date]]:
    if not mine:
        return
    begins = max(case.need.begins, meter.scope.begins or date.min)
    ends = min(case.need.ends, meter.scope.ends or date.max)
    if begins < ends:
        for window in windows_between(meter, begins, ends):
            yield window, max(begins, window.begins), min(ends, window.ends or ends)
