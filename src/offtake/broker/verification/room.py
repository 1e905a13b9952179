"""Whether grants fit: capacity on every day, and upper bounds on hours and money window by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Case, Held, flow
from offtake.broker.verification.inspection import Audit
from offtake.domain.selection import Interval
from offtake.law.meters import burns
from offtake.law.primitives import Meter
from offtake.law.windows import windows_over


def beyond_capacity(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """On no day more than a supply has, with everything else that is held added up."""
    rules = audit.rules
    others = [*audit.books.leases.values(), *audit.books.kept(rules, case.need.id), *leases]
    for pool_id in dict.fromkeys(rules.pool(rules.supply(lease.supply)).id for lease in leases):
        pool = next(p for lease in leases if (p := rules.pool(rules.supply(lease.supply))).id == pool_id)
        if pool.steps is None:
            continue
        here = [one for one in others if rules.pool(rules.supply(one.supply)).id == pool_id]
        begins, ends = case.need.begins, case.need.ends
        days = {begins, *(day for day, _ in pool.steps), *(one.need.begins for one in here)}
        for day in sorted(day for day in days if begins <= day < ends):
            limit = [amount for since, amount in pool.steps if since <= day]
            used = sum((one.amounts.get(pool.measure, NOTHING) for one in here if one.on(day)), NOTHING)
            if used > (limit[-1] if limit else NOTHING):
                yield f"{pool_id} has {limit[-1] if limit else 0} {pool.measure} on {day}, and {used} are in use"
                return


def beyond_bounds(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """Upper bounds on hours and money, window by window, everything added up again."""
    rules = audit.rules
    for meter in rules.law.meters:
        if meter.upper is None or meter.measure in LEVEL_MEASURES:
            continue
        mine = [lease for lease in leases if burns(meter, rules.law, lease.action(rules))]
        for window, begins, ends in windows_of(meter, case, mine):
            before = audit.books.counted(rules, meter, window.begins, window.ends or date.max)
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


def windows_between(meter: Meter, begins: date, ends: date) -> Iterator[Interval]:
    """The windows of a meter that share a day with [begins, ends); of a term there is one, from its first day on."""
    if meter.window == "term":
        yield Interval(meter.scope.begins or date.min, meter.scope.ends)
    else:
        yield from windows_over(meter.window, begins, ends)
