"""FOCUS tables: actual prices, usage as readings of meters, commitments as clauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.focus.columns import (
    CONTRACT_COMMITMENT,
    COST_AND_USAGE,
    NEEDED_OF_CHARGES,
    NEEDED_OF_COMMITMENTS,
    OWN_OF_COMMITMENTS,
    dataset_of,
    version_of,
)
from offtake.adapters.focus.parsing import ContractTerm, charge_of, term_of
from offtake.adapters.importers.commitments import Commitments, month_of, shown
from offtake.adapters.importers.reading import Asked, Found, ensure
from offtake.adapters.tabular.cells import CellProblem
from offtake.adapters.tabular.rows import open_table
from offtake.domain.charges import Charge, Matched, is_about_ai
from offtake.domain.errors import InvalidInput
from offtake.law.billing import LEVELS, Billing, Count

MAXIMUM_PRICES: Final = 5000  # Prices paid that one import records.
MAXIMUM_COMPARED: Final = 2_000_000  # Rows that are compared with all before them.
_UNITS: Final = {"tokens": "tokens", "accelerator-hours": "accelerator-hours"}


def read_focus(asked: Asked) -> Found:
    """What a table of Cost and Usage, or of Contract Commitments, says; which one it is, its columns tell."""
    with open_table(asked.path, ()) as table:
        columns = table.columns
    found = Found()
    version = version_of(columns)
    found.notes.append(f"read as FOCUS {dataset_of(columns)} {version}")
    if dataset_of(columns) == "ContractCommitment":
        _read_terms(found, asked)
    else:
        _read_charges(found, asked)
    return found


def charges_in(asked: Asked) -> Iterator[tuple[str, int, Charge]]:
    """The charges of a table with file and row; rows that are none, or repeat an earlier one, are left out."""
    wanted = [column.id for column in COST_AND_USAGE]
    with open_table(
        asked.path, NEEDED_OF_CHARGES, wanted=lambda name: name in wanted or name.startswith("x_")
    ) as table:
        seen: set[int] = set()
        for row, cells in table.rows:
            key = hash(tuple(cells.values()))
            if key in seen:
                asked.tally.left_out(table.name, row, "the same as an earlier row")
                continue
            if len(seen) < MAXIMUM_COMPARED:
                seen.add(key)
            try:
                charge = charge_of(cells)
            except CellProblem as problem:
                asked.tally.left_out(table.name, row, problem.reason, problem.example)
                continue
            yield table.name, row, charge


def _read_terms(found: Found, asked: Asked) -> None:
    commitments = Commitments(found, asked)
    wanted = {*(column.id for column in CONTRACT_COMMITMENT), *OWN_OF_COMMITMENTS}
    seen: set[str] = set()
    with open_table(asked.path, NEEDED_OF_COMMITMENTS, wanted=lambda name: name in wanted) as table:
        for row, cells in table.rows:
            try:
                term = _new_term(cells, seen)
                changed = commitments.add_term(term)
            except CellProblem as problem:
                asked.tally.left_out(table.name, row, problem.reason, problem.example)
                continue
            if changed:
                asked.tally.changed(table.name, row, changed, term.commitment)
            else:
                asked.tally.used(table.name, row, "a commitment, as a clause")
    commitments.write()


def _new_term(cells: dict[str, str], seen: set[str]) -> ContractTerm:
    term = term_of(cells)
    if term.commitment in seen:
        raise CellProblem("the commitment stands in an earlier row", term.commitment)
    seen.add(term.commitment)
    return term


@dataclass
class _Paid:
    quantity: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)


@dataclass
class _Bill:
    """What a bill adds up to, by clause and month, and by what was priced and month."""

    counts: dict[tuple[str, str, str | None, date], Decimal] = field(
        default_factory=dict[tuple[str, str, str | None, date], Decimal]
    )
    paid: dict[tuple[str, Matched | None, str, str, str, date], _Paid] = field(
        default_factory=dict[tuple[str, Matched | None, str, str, str, date], _Paid]
    )

    def count(self, one: Count, charge: Charge) -> None:
        key = (one.clause, one.measure, one.currency, month_of(charge.day)[0])
        self.counts[key] = self.counts.get(key, Decimal(0)) + one.amount

    def pay(self, provider: str, matched: Matched | None, charge: Charge) -> None:
        key = (provider, matched, charge.sku, charge.unit or "", charge.currency, month_of(charge.day)[0])
        if key not in self.paid and len(self.paid) >= MAXIMUM_PRICES:
            raise InvalidInput(
                f"the file holds more than {MAXIMUM_PRICES:,} prices", hint="keep the rows of AI compute"
            )
        paid = self.paid.setdefault(key, _Paid())
        covered = charge.covered or charge.discount is not None
        paid.cost += (charge.effective or Decimal(0)) if covered else charge.billed
        paid.quantity += charge.quantity or Decimal(0)


def _read_charges(found: Found, asked: Asked) -> None:
    if asked.estate is None or asked.law is None:
        raise InvalidInput(
            "the estate has errors, so no bill can be read against it", hint="run `offtake check`"
        )
    billing = Billing(asked.estate, asked.law, asked.known.mapped)
    bill, commitments = _Bill(), Commitments(found, asked)
    for file, row, charge in charges_in(asked):
        why = _take(bill, commitments, billing, found, charge, asked)
        if why:
            asked.tally.used(file, row, "; ".join(why))
        elif charge.category in ("Tax", "Credit"):
            asked.tally.left_out(
                file, row, f"a {charge.category.lower()} is no price, and burns no commitment"
            )
        else:
            reason = billing.lacks_rate(charge, billing.matched(charge))
            reason = reason or "no compute for AI, and no clause of the estate counts it"
            asked.tally.left_out(file, row, reason, charge.service)
    commitments.write()
    _write_readings(found, bill, asked.path.name)
    _write_prices(found, bill, asked.path.name)


def _take(
    bill: _Bill,
    commitments: Commitments,
    billing: Billing,
    found: Found,
    charge: Charge,
    asked: Asked,
) -> list[str]:
    """Takes what a charge says; what that was, in words, and nothing if it says nothing of use."""
    why: list[str] = []
    matched = billing.matched(charge)
    for one in billing.counts(charge, matched):
        if one.measure in LEVELS:
            continue  # Hours of a level are no reading of it.
        bill.count(one, charge)
        why.append(f"counts on {one.clause}")
    if charge.discount is not None and charge.discount.id:
        why.append(commitments.add_charge(charge))
    about_ai = matched is not None or is_about_ai(charge)
    if about_ai and charge.category in ("Usage", "Purchase") and not charge.correction and charge.quantity:
        provider = billing.provider(charge, matched) or _provider(found, asked, charge)
        bill.pay(provider, matched, charge)
        why.append("a price paid")
    return why


def _provider(found: Found, asked: Asked, charge: Charge) -> str:
    return ensure(
        found,
        asked.known,
        "providers",
        charge.provider or "unnamed",
        {"name": charge.provider or None, "source": f"named in {asked.path.name}"},
    )


def _write_readings(found: Found, bill: _Bill, file: str) -> None:
    for (clause, measure, currency, month), amount in sorted(
        bill.counts.items(), key=lambda item: str(item[0])
    ):
        if amount < 0:
            found.notes.append(f"{clause} counts less than nothing in {month:%Y-%m}, and has no reading then")
            continue
        found.append(
            "readings",
            {
                "clause": clause,
                "from": month,
                "until": month_of(month)[1],
                "amount": f"{shown(amount)} {currency if measure == 'money' else _UNITS[measure]}",
                "source": file,
            },
        )


def _write_prices(found: Found, bill: _Bill, file: str) -> None:
    for key in sorted(bill.paid, key=str):
        provider, matched, sku, unit, currency, month = key
        paid = bill.paid[key]
        if paid.quantity <= 0 or paid.cost < 0:
            continue
        entry: dict[str, Plain] = {
            "provider": provider,
            "product": None if matched is None else matched.product,
            "model": None if matched is None else matched.model,
            "tokens": None if matched is None else matched.tokens,
            "sku": sku[:200] or None,
            "unit": unit or "unit not stated",
            "price": f"{shown(paid.cost / paid.quantity)} {currency}",
            "quantity": shown(paid.quantity),
            "from": month,
            "until": month_of(month)[1],
            "source": file,
        }
        found.append("paid", entry)
