"""`part_of`: no circles, and nothing that is counted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.domain.checks.findings import Finding, Path, error, warning
from offtake.domain.currencies import Rates, rates_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, Estate
from offtake.domain.quantities import Figure, QuantityError, parse_dated

_TOLERANCE: Final = Decimal("1.005")  # Rounded announcements may overshoot their whole by half a percent.

_SECTIONS: Final = ("programmes", "sites", "funds", "agreements")
_Member = tuple[str, str]  # A section and an id.


def check_accounts(estate: Estate) -> Iterator[Finding]:
    """Circles of `part_of`, and parts that sum to more than their whole."""
    yield from _circles(estate)
    yield from _power(estate)
    try:
        rates = rates_of(estate)
    except InvalidInput:
        return  # The rates themselves are refused by another check.
    yield from _money(estate, rates)
    yield from _two_wholes(estate)


def _circles(estate: Estate) -> Iterator[Finding]:
    parents: dict[_Member, _Member] = {}
    for section in _SECTIONS:
        for id, entry in getattr(estate, section).items():
            whole = None if entry.part_of is None else _whole(estate, (section, id), entry.part_of)
            if whole is not None:
                parents[section, id] = whole
    told: set[_Member] = set()
    for start in parents:
        chain = [start]
        while (above := parents.get(chain[-1])) is not None and above not in chain:
            chain.append(above)
        if parents.get(chain[-1]) == start and start not in told:
            told.update(chain)
            circle = " → ".join(id for _, id in (*chain, start))
            yield error("part-of-circle", (*start, "part_of"), f"`{start[1]}` is a part of itself: {circle}")


def _whole(estate: Estate, part: _Member, name: str) -> _Member | None:
    """What a `part_of` names: a programme before a site, fund or agreement of the same id; itself only if
    nothing else."""
    named = [(section, name) for section in _SECTIONS if name in getattr(estate, section)]
    others = [member for member in named if member != part]
    return next(iter(others or named), None)


def _power(estate: Estate) -> Iterator[Finding]:
    parts: dict[str, list[tuple[str, Decimal]]] = {}
    for id in estate.sites:
        for whole, mw in _site_parts(estate, id).items():
            parts.setdefault(whole, []).append((id, mw))
    for id, programme in estate.programmes.items():
        if programme.part_of is not None and programme.power is not None:
            parts.setdefault(programme.part_of, []).append((id, programme.power.amount))
    for whole, members in parts.items():
        programme = estate.programmes.get(whole)
        limit = programme.power.amount if programme is not None and programme.power is not None else None
        path: Path = ("programmes", whole, "power")
        if whole in estate.sites:
            limit, path = _site_mw(estate, whole), ("sites", whole, "power")
        total = sum((mw for _, mw in members), Decimal(0))
        if limit is not None and total > limit * _TOLERANCE:
            listing = ", ".join(f"{id} {_short(mw)} MW" for id, mw in members)
            message = f"its parts sum to {_short(total)} MW, more than its {_short(limit)} MW: {listing}"
            yield warning("counted-twice", path, message)


def _site_parts(estate: Estate, id: str) -> dict[str, Decimal]:
    """The power of a site by what it is part of: what each step adds is the step's part, else the site's."""
    site, found, reached = estate.sites[id], dict[str, Decimal](), Decimal(0)
    try:
        steps = [(step, parse_dated(str(step.value), "power")) for step in site.power]
    except QuantityError:
        return {}
    for step, read in sorted(steps, key=lambda one: one[0].begins or one[1].begins or date.min):
        added, reached = read.figure.amount - reached, max(reached, read.figure.amount)
        whole = step.part_of or site.part_of
        if whole is not None and added > 0:
            found[whole] = found.get(whole, Decimal(0)) + added
    return found


def _site_mw(estate: Estate, id: str) -> Decimal | None:
    """The most power that a site is to have; None if that cannot be read."""
    try:
        return max(
            (parse_dated(str(step.value), "power").figure.amount for step in estate.sites[id].power),
            default=None,
        )
    except QuantityError:
        return None


def _money(estate: Estate, rates: Rates) -> Iterator[Finding]:
    """Funds, values of agreements and programmes' money are three things: each is summed on its own."""
    wholes: dict[str, tuple[Path, Figure | None]] = {}
    for id, programme in estate.programmes.items():
        wholes[id] = (("programmes", id, "money"), programme.money)
    for id, fund in estate.funds.items():
        wholes[id] = (("funds", id, "amount"), fund.amount)
    for id, agreement in estate.agreements.items():
        wholes[id] = (("agreements", id, "value"), agreement.value)
    for what, parts in _money_parts(estate).items():
        for whole, members in parts.items():
            path, limit = wholes.get(whole, ((), None))
            amounts = [_converted(estate, rates, amount) for _, amount in members]
            most = None if limit is None else _converted(estate, rates, limit)
            known = [amount for amount in amounts if amount is not None]
            if most is not None and len(known) == len(amounts) and sum(known) > most * _TOLERANCE:
                total = f"{_short(sum(known, Decimal(0)))} {estate.currency}"
                listing = ", ".join(f"{id} {figure}" for id, figure in members)
                yield warning(
                    "counted-twice", path, f"its {what} sum to {total}, more than its {limit}: {listing}"
                )


def _money_parts(estate: Estate) -> dict[str, dict[str, list[tuple[str, Figure]]]]:
    found: dict[str, dict[str, list[tuple[str, Figure]]]] = {"funds": {}, "agreements": {}, "programmes": {}}
    for id, fund in estate.funds.items():
        if fund.part_of is not None:
            found["funds"].setdefault(fund.part_of, []).append((id, fund.amount))
    for id, agreement in estate.agreements.items():
        if agreement.part_of is not None and agreement.value is not None:
            found["agreements"].setdefault(agreement.part_of, []).append((id, agreement.value))
    for id, programme in estate.programmes.items():
        if programme.part_of is not None and programme.money is not None:
            found["programmes"].setdefault(programme.part_of, []).append((id, programme.money))
    return found


def _converted(estate: Estate, rates: Rates, figure: Figure) -> Decimal | None:
    currency = figure.currency or estate.currency
    rate = rates.rate(currency, estate.currency, estate.horizon.begins)
    return None if rate is None else figure.amount * rate


def _two_wholes(estate: Estate) -> Iterator[Finding]:
    """A lease at a site of the estate whose `part_of` is another than the site's."""
    for id, product in estate.products.items():
        if not isinstance(product, AcceleratorHours) or product.site is None or product.part_of is None:
            continue
        site = estate.sites.get(product.site)
        if site is not None and site.part_of is not None and site.part_of != product.part_of:
            message = (
                f"the site `{product.site}` is part of `{site.part_of}`, its lease of `{product.part_of}`"
            )
            yield warning("counted-twice", ("products", id, "part_of"), message)


def _short(amount: Decimal) -> str:
    return f"{amount.normalize():,f}" if amount else "0"
