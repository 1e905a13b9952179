"""Commitments that FOCUS tables state, as agreements with clauses; what no clause can say is named as unmodelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.focus.parsing import ContractTerm
from offtake.adapters.importers.reading import Asked, Found, ensure, slug
from offtake.adapters.tabular.cells import CellProblem
from offtake.domain.charges import Charge, Discount, measure_of
from offtake.domain.clauses import Window
from offtake.domain.errors import InvalidInput
from offtake.law.windows import windows_in_days

MAXIMUM_COMMITMENTS: Final = 2000
_WINDOWS: Final[dict[str, Window]] = {
    "Monthly": "month",
    "Quarterly": "quarter",
    "Annual": "year",
    "Full Period": "term",
}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_OVER: Final = frozenset({"Proposed", "Canceled", "Superseded"})
_DIGITS: Final = 12
_SHORTEST_TERM: Final = 27  # Days; a purchase for less says when it was made, not how long it holds.
_PRICES: Final = {
    "tokens": ("per million tokens", Decimal(10**6)),
    "accelerator-hours": ("/accelerator-hour", Decimal(1)),
    "accelerators": ("/accelerator-hour", Decimal(1)),
    "units": ("/unit-hour", Decimal(1)),
}
_AMOUNTS: Final = {
    "tokens": "tokens",
    "accelerator-hours": "accelerator-hours",
    "accelerators": "accelerators",
    "units": "units",
}


def shown(amount: Decimal) -> str:
    """An amount with at most twelve digits that count, without an exponent."""
    if not amount:
        return "0"
    places = max(0, _DIGITS - 1 - amount.adjusted())
    return f"{round(amount, min(places, 30)).normalize():f}"


def month_of(day: date) -> tuple[date, date]:
    """The first day of a day's month, and of the next."""
    following = day.year * 12 + day.month
    return day.replace(day=1), date(following // 12, following % 12 + 1, 1)


def _months(begins: date, ends: date) -> int:
    return (ends.year - begins.year) * 12 + ends.month - begins.month


@dataclass
class _Agreement:
    provider: str
    signed: date
    clauses: dict[str, dict[str, Plain]] = field(default_factory=dict[str, dict[str, Plain]])
    unmodelled: list[str] = field(default_factory=list[str])


@dataclass
class _Bought:
    """What a bill says of one commitment discount."""

    provider: str
    discount: Discount
    currency: str
    purchases: list[Charge] = field(default_factory=list[Charge])
    used: dict[date, Decimal] = field(default_factory=dict[date, Decimal])
    first: date = date.max


@dataclass
class Commitments:
    """Gathers commitments of a table and writes them as agreements when the table is read."""

    found: Found
    asked: Asked
    agreements: dict[str, _Agreement] = field(default_factory=dict[str, _Agreement])
    bought: dict[str, _Bought] = field(default_factory=dict[str, _Bought])

    def add_term(self, term: ContractTerm) -> str | None:
        """Adds a row of Contract Commitment; what was changed in it, if anything. Raises CellProblem if it says
        nothing for an estate."""
        if term.status in _OVER:
            raise CellProblem(f"the commitment is {term.status}", term.commitment)
        if term.provider is None and self.asked.provider is None:
            raise CellProblem(
                "no provider is named (FOCUS 1.3 has no column for it); give --provider", term.commitment
            )
        agreement = self._agreement(term.provider or "", term.contract, term.contract_begins)
        clause, problem, changed = _term_clause(term)
        if clause is None:
            agreement.unmodelled.append(f"commitment {term.commitment}: {problem}")
            return f"named as unmodelled: {problem}"
        if term.applicability and "Inclusions" in term.applicability:
            agreement.unmodelled.append(
                f"commitment {term.commitment} applies to a part of the provider's charges"
            )
        self._put(agreement, term.commitment, clause)
        return changed

    def add_charge(self, charge: Charge) -> str:
        """Adds a charge that buys, uses or leaves a commitment discount; what it does, in words."""
        discount = charge.discount
        if discount is None:
            return ""
        if discount.id not in self.bought and len(self.bought) >= MAXIMUM_COMMITMENTS:
            raise InvalidInput(f"the file holds more than {MAXIMUM_COMMITMENTS:,} commitment discounts")
        one = self.bought.setdefault(discount.id, _Bought(charge.provider, discount, charge.currency))
        one.first = min(one.first, charge.day)
        if charge.category == "Purchase":
            if len(one.purchases) < MAXIMUM_COMMITMENTS:
                one.purchases.append(charge)
            return "buys a commitment"
        if discount.status == "Unused":
            return "leaves a part of a commitment unused"
        month = month_of(charge.day)[0]
        amount = charge.effective if discount.category == "Spend" else discount.quantity
        one.used[month] = one.used.get(month, Decimal(0)) + (amount or Decimal(0))
        return "uses a commitment"

    def write(self) -> None:
        """Writes the agreements, and readings of the discounts that became clauses."""
        for id, one in sorted(self.bought.items()):
            agreement = self._agreement(one.provider, "discounts", one.first)
            agreement.signed = min(agreement.signed, one.first)
            clause, problem = _discount_clause(one)
            if clause is None:
                kind = one.discount.type or "commitment discount"
                agreement.unmodelled.append(f"{kind} {id}: {problem}")
                continue
            key = self._put(agreement, id, clause)
            self._readings(agreement, key, one, str(clause["measure"]))
        for id, agreement in sorted(self.agreements.items()):
            self._write(id, agreement)

    def _readings(self, agreement: _Agreement, key: str, one: _Bought, measure: str) -> None:
        id = next(id for id, other in self.agreements.items() if other is agreement)
        counted = measure_of(one.discount.unit)
        factor = Decimal(1) if measure == "money" or counted is None else counted[1]
        unit = one.currency if measure == "money" else _AMOUNTS[measure]
        if measure in ("units", "accelerators"):
            return  # A level is not what adds up over a month.
        for month, amount in sorted(one.used.items()):
            self.found.append(
                "readings",
                {
                    "clause": f"{id}.{key}",
                    "from": month,
                    "until": month_of(month)[1],
                    "amount": f"{shown(amount * factor)} {unit}",
                    "source": self.asked.path.name,
                },
            )

    def _agreement(self, provider_name: str, contract: str, signed: date) -> _Agreement:
        provider = self.asked.known.find("providers", self.asked.provider, provider_name) or ensure(
            self.found,
            self.asked.known,
            "providers",
            self.asked.provider or provider_name or "unnamed",
            {"name": provider_name or None, "source": f"named in {self.asked.path.name}"},
        )
        id = slug(f"{provider}-{contract.rsplit('/', 1)[-1]}") or provider
        if id not in self.agreements and len(self.agreements) >= MAXIMUM_COMMITMENTS:
            raise InvalidInput(f"the file holds more than {MAXIMUM_COMMITMENTS:,} contracts")
        return self.agreements.setdefault(id, _Agreement(provider, signed))

    def _put(self, agreement: _Agreement, commitment: str, clause: dict[str, Plain]) -> str:
        base = slug(commitment.rsplit("/", 1)[-1]) or "commitment"
        key = base
        for n in range(2, MAXIMUM_COMMITMENTS):
            if key not in agreement.clauses:
                break
            key = f"{base[:58]}-{n}"
        payer = self.asked.known.party()
        if payer is None:
            raise InvalidInput("the estate does not say whose it is", hint="write `for: PARTY` into it")
        agreement.clauses[key] = {
            "kind": "commitment",
            "section": commitment[:200],
            "payer": payer,
            "payee": self._seller(agreement.provider),
            **clause,
            "covers": {"providers": (agreement.provider,)},
        }
        return key

    def _seller(self, provider: str) -> str:
        entry = self.asked.known.section("providers").get(provider)
        party = entry.get("party") if isinstance(entry, dict) else None
        return party if isinstance(party, str) else provider

    def _write(self, id: str, agreement: _Agreement) -> None:
        payer = self.asked.known.party()
        if payer is None or self.asked.known.has("agreements", id):
            self.found.notes.append(
                f"the agreement `{id}` is stated by the estate itself, or by nobody's plan"
            )
            return
        self.found.add(
            "agreements",
            id,
            {
                "between": (payer, self._seller(agreement.provider)),
                "signed": agreement.signed,
                "document": f"FOCUS, {self.asked.path.name}",
                "clauses": {key: agreement.clauses[key] for key in sorted(agreement.clauses)} or None,
                "unmodelled": tuple(agreement.unmodelled) or None,
                "source": self.asked.path.name,
            },
        )


def _term_clause(term: ContractTerm) -> tuple[dict[str, Plain] | None, str, str | None]:
    """The clause's own keys; or why there is none; and what was changed."""
    window = _WINDOWS.get(term.interval or "Full Period")
    if window is None:
        return None, f"it is measured {term.interval}, which no window of a clause is", None
    windows = windows_in_days(window, term.begins, term.ends)
    changed = None if windows == 1 else "the term's amount is divided by its windows"
    clause: dict[str, Plain] = {
        "window": window,
        "style": "perishable" if term.model == "Continuous" else "cumulative",
        "from": term.begins,
        "until": term.ends,
        "note": (term.description or term.type)[:300],
        **({"make_up": term.make_up} if term.make_up else {}),
    }
    if term.category == "Spend":
        if term.cost is None or term.currency is None or term.cost <= 0:
            return None, "it states no cost", None
        amount = f"{shown(term.cost / windows)} {term.currency}"
        if term.shortfall is not None:
            clause["shortfall"] = f"{shown(term.shortfall * 100)}%"
        return {"measure": "money", "amount": amount, **clause}, "", changed
    volume, problem = _volume(
        term.quantity,
        term.unit,
        term.cost,
        term.currency,
        (term.ends - term.begins).days,
        windows,
        held=term.measure == "accelerators",
    )
    return (None, problem, None) if volume is None else ({**volume, **clause}, "", changed)


def _volume(
    quantity: Decimal | None,
    unit: str | None,
    cost: Decimal | None,
    currency: str | None,
    days: int,
    windows: Decimal,
    *,
    held: bool = False,
) -> tuple[dict[str, Plain] | None, str]:
    """Measure, amount and price of falling short of a volume; or why it cannot be said. Unit-hours become units that
    are held throughout, and so do accelerator-hours if they are `held`."""
    counted = measure_of(unit)
    if quantity is None or counted is None or quantity <= 0:
        return None, f"its unit is `{unit or 'not stated'}`, which no clause counts"
    if cost is None or currency is None or cost <= 0:
        return None, "it states no cost, so none of falling short"
    measure, factor = counted
    total, hours = quantity * factor, Decimal(24 * max(days, 1))
    if measure == "unit-hours":
        measure, total = "units", total / hours
    elif measure == "accelerator-hours" and held:
        measure, total = "accelerators", total / hours
    if measure not in _PRICES:
        return None, f"its unit is `{unit}`, which no clause counts"
    level = measure in ("units", "accelerators")
    each = cost / (total * hours if level else total)
    word, per = _PRICES[measure]
    gap = " " if word.startswith("per") else ""
    return {
        "measure": measure,
        "amount": f"{shown(total if level else total / windows)} {_AMOUNTS[measure]}",
        "shortfall": f"{shown(each * per)} {currency}{gap}{word}",
    }, ""


def _discount_clause(one: _Bought) -> tuple[dict[str, Plain] | None, str]:
    """The clause's own keys of a discount that a bill shows as bought; or why there is none."""
    if not one.purchases:
        return None, "what was bought, and for how long, is not in this file"
    first = min(one.purchases, key=lambda charge: charge.begins)
    begins = first.day
    ends = max(charge.ends for charge in one.purchases).date()
    days = (first.ends.date() - begins).days
    if days < _SHORTEST_TERM:
        return None, "its purchase does not say how long it holds"
    months = _months(begins, first.ends.date())
    window = next((name for name, length in _MONTHS.items() if length == months and begins.day == 1), "term")
    if first.once:
        window = "term"
    clause: dict[str, Plain] = {
        "window": window,
        "style": "cumulative" if one.discount.category == "Spend" else "perishable",
        "from": begins,
        "until": ends,
        "note": (one.discount.type or first.description or "commitment discount")[:300],
    }
    bought = first.discount.quantity if first.discount is not None else None
    if one.discount.category == "Spend":
        amount = bought or first.billed
        if amount <= 0:
            return None, "its purchase states no amount"
        return {"measure": "money", "amount": f"{shown(amount)} {one.currency}", **clause}, ""
    unit = first.discount.unit if first.discount is not None else None
    volume, problem = _volume(bought, unit, first.billed, one.currency, days, Decimal(1))
    return (None, problem) if volume is None else ({**volume, **clause}, "")
