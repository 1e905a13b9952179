"""Two plans side by side: what moved, what it cost, and by whom. Pure, from the plans' tables alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from typing import Final, TypeVar

from offtake.domain.comparisons import (
    UNMET,
    Comparison,
    MovedAccount,
    MovedCapacity,
    MovedClause,
    MovedMoney,
    MovedService,
    MovedUnmet,
    MovedYear,
    compared_plan,
)
from offtake.domain.errors import InvalidInput
from offtake.domain.handoffs import CapacityPlan
from offtake.planner.cover import cover_of, runs_done

Key = TypeVar("Key", bound=Hashable)
DAYS_A_YEAR: Final = 365.25
LEAST: Final = 1e-6  # Of a quantity: plans' tables carry six digits.
LEAST_SHARE: Final = 5e-5  # Of a workload: less than a hundredth of a point is no move.


def compared(
    first: CapacityPlan,
    second: CapacityPlan,
    names: tuple[str, str],
    clauses: Sequence[MovedClause] = (),
) -> Comparison:
    """Two plans side by side. Raises InvalidInput if they are in different currencies, or were redacted."""
    if first.currency != second.currency:
        raise InvalidInput(
            f"one plan is in {first.currency} and the other in {second.currency}",
            hint="plan both in one currency, with rates under `currencies:`",
        )
    if first.redacted or second.redacted:
        raise InvalidInput(
            "a plan without its prices or parties cannot be compared", hint="compare it as it was made"
        )
    both = (first, second)
    return Comparison(
        currency=first.currency,
        first=compared_plan(names[0], first, cover_of(first), runs_done(first)),
        second=compared_plan(names[1], second, cover_of(second), runs_done(second)),
        money=_money(both),
        accounts=_accounts(both),
        years=_years(both),
        capacity=_capacity(both),
        service=_service(both),
        unmet=_unmet(both),
        clauses=tuple(clauses),
        remarks=_remarks(both),
        says=first.says,
    )


def _pairs(
    both: tuple[CapacityPlan, CapacityPlan], sums: Callable[[CapacityPlan], dict[Key, int]]
) -> list[tuple[Key, int, int]]:
    """Each key of either with both amounts, where they differ, the largest change first."""
    one, other = sums(both[0]), sums(both[1])
    keys = dict.fromkeys((*one, *other))
    found = [(key, one.get(key, 0), other.get(key, 0)) for key in keys]
    moved = [row for row in found if row[1] != row[2]]
    return sorted(moved, key=lambda row: (-abs(row[2] - row[1]), str(row[0])))


def discount_factors(plan: CapacityPlan) -> dict[str, float]:
    """By period: what a unit of money in its middle is worth at the plan's start."""
    found: dict[str, float] = {}
    for period in plan.periods:
        middle = (period.begins - plan.begins).days + (period.ends - period.begins).days / 2
        found[period.label] = (1 + plan.discount_per_year) ** (-middle / DAYS_A_YEAR)
    return found


def _sign(payer: str, payee: str, party: str) -> int:
    return (payer == party) - (payee == party)


def _money(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedMoney, ...]:
    rows = [
        MovedMoney(payee=key[0], kind=key[1], first_cents=one, second_cents=other)
        for key, one, other in _pairs(both, _discounted)
    ]
    unmet = [plan.unmet_worth_cents for plan in both]
    if unmet[0] != unmet[1]:
        rows.append(MovedMoney(payee="", kind=UNMET, first_cents=unmet[0], second_cents=unmet[1]))
    return tuple(sorted(rows, key=lambda row: -abs(row.second_cents - row.first_cents)))


def _discounted(plan: CapacityPlan) -> dict[tuple[str, str], int]:
    factors = discount_factors(plan)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    for row in plan.spend:
        sign = _sign(row.payer, row.payee, plan.party)
        if sign:
            other = row.payee if sign > 0 else row.payer
            kind = row.kind if sign > 0 or row.kind == "salvage" else f"{row.kind} received"
            sums[other, kind] += sign * row.amount_cents * factors[row.period]
    return {key: round(amount) for key, amount in sums.items()}


def _accounts(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedAccount, ...]:
    def sums(plan: CapacityPlan) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for row in plan.spend:
            if row.kind != "salvage":
                found[row.payer, row.payee] += row.amount_cents
        return found

    return tuple(
        MovedAccount(payer=key[0], payee=key[1], first_cents=one, second_cents=other)
        for key, one, other in _pairs(both, sums)
    )


def _years(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedYear, ...]:
    sums: list[dict[int, int]] = [defaultdict(int), defaultdict(int)]
    for plan, found in zip(both, sums, strict=True):
        for row in plan.spend:
            if row.kind != "salvage":
                found[row.year] += _sign(row.payer, row.payee, plan.party) * row.amount_cents
    years = sorted({*sums[0], *sums[1]})
    return tuple(
        MovedYear(year=year, first_cents=sums[0].get(year, 0), second_cents=sums[1].get(year, 0))
        for year in years
    )


class _Standing:
    """Capacity of one supply in one plan."""

    def __init__(self, unit: str = "") -> None:
        self.unit, self.most, self.power_mw = unit, 0.0, 0.0
        self.adds_from: date | None = None


def _standing(plan: CapacityPlan) -> dict[str, _Standing]:
    begins = {period.label: period.begins for period in plan.periods}
    found: dict[str, _Standing] = {}
    for row in plan.capacity:
        if row.unit == "tokens/s":
            continue
        one = found.setdefault(row.supply, _Standing(row.unit))
        one.most = max(one.most, row.contracted + row.added)
        one.power_mw = max(one.power_mw, row.power_mw)
        if row.added > LEAST * max(one.most, 1.0) and one.adds_from is None:
            one.adds_from = begins[row.period]
    return found


def _capacity(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedCapacity, ...]:
    one, other = (_standing(plan) for plan in both)
    rows: list[MovedCapacity] = []
    for supply in dict.fromkeys((*one, *other)):
        a, b = one.get(supply), other.get(supply)
        unit = (a or b or _Standing()).unit
        a, b = a or _Standing(unit), b or _Standing(unit)
        if abs(a.most - b.most) <= LEAST * max(a.most, b.most, 1.0) and a.adds_from == b.adds_from:
            continue
        rows.append(
            MovedCapacity(
                supply=supply,
                unit=unit,
                first_most=a.most,
                second_most=b.most,
                first_power_mw=a.power_mw,
                second_power_mw=b.power_mw,
                first_adds_from=a.adds_from,
                second_adds_from=b.adds_from,
            )
        )
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                -abs(row.second_power_mw - row.first_power_mw),
                -abs(row.second_most - row.first_most),
                row.supply,
            ),
        )
    )


def _service(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedService, ...]:
    one, other = (_shares(plan) for plan in both)
    rows = [
        MovedService(
            workload=w, provider=p, first_share=one.get((w, p), 0.0), second_share=other.get((w, p), 0.0)
        )
        for w, p in dict.fromkeys((*one, *other))
    ]
    moved = [row for row in rows if abs(row.second_share - row.first_share) >= LEAST_SHARE]
    return tuple(
        sorted(moved, key=lambda row: (-abs(row.second_share - row.first_share), row.workload, row.provider))
    )


def _shares(plan: CapacityPlan) -> dict[tuple[str, str], float]:
    """By workload and provider: the share of the workload's tokens, or of a run's work, that it serves."""
    days = {period.label: (period.ends - period.begins).days for period in plan.periods}
    tokens: dict[tuple[str, str], float] = defaultdict(float)
    asked: dict[str, float] = defaultdict(float)
    for row in plan.served:
        amount = row.tokens_per_s * days[row.period]
        tokens[row.workload, row.provider or row.supply] += amount
        asked[row.workload] += amount
    for left in plan.unmet:
        if left.period is not None:
            asked[left.workload] += left.tokens_per_s * days[left.period]
    shares = {key: amount / asked[key[0]] for key, amount in tokens.items() if asked[key[0]] > 0}
    for run in plan.training:
        place = run.supply.split("/", 1)[0]
        shares[run.workload, place] = shares.get((run.workload, place), 0.0) + run.share
    return shares


def _unmet(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[MovedUnmet, ...]:
    def sums(plan: CapacityPlan) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = defaultdict(int)
        for row in plan.unmet:
            found[row.workload, row.why] += row.worth_cents
        return found

    return tuple(
        MovedUnmet(workload=key[0], why=key[1], first_cents=one, second_cents=other)
        for key, one, other in _pairs(both, sums)
    )


def _remarks(both: tuple[CapacityPlan, CapacityPlan]) -> tuple[str, ...]:
    """What makes the two differ other than in what they plan."""
    one, other = both
    found: list[str] = []
    if one.party != other.party:
        found.append(f"The first makes least what {one.party} pays, the second what {other.party} pays.")
    if (one.begins, one.ends) != (other.begins, other.ends):
        found.append(
            f"The first runs from {one.begins} until {one.ends}, the second from {other.begins} until {other.ends}."
        )
    if one.discount_per_year != other.discount_per_year:
        rates = (f"{plan.discount_per_year:.2%}" for plan in both)
        found.append("They are discounted at {} and at {} a year.".format(*rates))
    if one.end_value != other.end_value:
        found.append(
            f"What is left at the end counts as {one.end_value} in the first, {other.end_value} in the second."
        )
    return tuple(found)


def sentence_of(found: Comparison, money: Callable[[int], str]) -> str:
    """What the second costs more or less than the first, to whom it goes, and what becomes of the need."""
    one, other, change = found.first, found.second, found.change_cents
    if one.party != other.party:
        text = f"{one.name} costs {one.party} {money(one.cost_cents)}, {other.name} costs {other.party} "
        text += money(other.cost_cents)
    elif not change:
        text = f"{other.name} costs {other.party} as much as {one.name}, {money(one.cost_cents)}"
    else:
        word = "more" if change > 0 else "less"
        text = f"{other.name} costs {other.party} {money(abs(change))} {word} than {one.name}"
        parts = _parts(found, money)
        text += f": {' and '.join(parts)}" if parts else ""
    points = (other.cover - one.cover) * 100
    if abs(points) >= 0.005:  # What would read as a change.
        text += (
            f"; the share of the need served {'rises' if points > 0 else 'falls'} by {abs(points):.2f} points"
        )
        text += f" to {other.cover * 100:.2f} %"
    if not text.partition(" ")[0].isalpha():  # A file's name or path begins as it is written.
        return f"{text}."
    return f"{text[:1].upper()}{text[1:]}."


def _parts(found: Comparison, money: Callable[[int], str]) -> list[str]:
    """The two largest moves by payee, as `USD 3 billion more to oracle`."""
    sums: dict[str, int] = defaultdict(int)
    for row in found.money:
        sums[row.payee] += row.second_cents - row.first_cents
    largest = sorted(sums, key=lambda payee: (-abs(sums[payee]), payee))[:2]
    return [
        f"{money(abs(sums[payee]))} {'more' if sums[payee] > 0 else 'less'} {f'to {payee}' if payee else f'of {UNMET}'}"
        for payee in largest
        if sums[payee]
    ]
