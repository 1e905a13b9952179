"""A ledger's charges and commitments as FOCUS tables, in two files that appear whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from offtake.adapters.focus.parsing import ContractTerm
from offtake.adapters.focus.writing import charges_csv, terms_csv
from offtake.adapters.whole_files import write_whole
from offtake.bootstrap.broker import open_broker, open_kept
from offtake.broker.billing import OWN_TENANT, UNITS, bills
from offtake.broker.counting import HOURS_PER_DAY
from offtake.broker.door import in_force
from offtake.broker.library import Rules
from offtake.broker.settling import commitments
from offtake.domain.errors import StorageFailure
from offtake.law.primitives import Meter
from offtake.law.windows import windows_over

_INTERVALS: Final = {"month": "Monthly", "quarter": "Quarterly", "year": "Annual", "term": "Full Period"}


@dataclass(frozen=True)
class FocusExport:
    """What was written where, and in words what was left out."""

    charges: int
    terms: int
    usage: Path
    commitments: Path
    left_out: tuple[str, ...]


def export_focus(ledger: str, out: Path, until: date | None) -> FocusExport:
    """Writes Cost and Usage until a day (the last record's, if None) to `out`, and the commitments beside it."""
    kept = open_kept(ledger)
    broker = open_broker(ledger)
    state = broker.state()
    rules = in_force(broker, state)
    today = state.last.date() if state.last is not None else date.min
    found = bills(rules, state, kept.entries(), until or today)
    terms, without = contract_terms(rules, today)
    beside = out.with_name(f"{out.stem}.commitments{out.suffix or '.csv'}")
    written = state.last
    if written is None:
        raise StorageFailure("the ledger holds no entry")
    _write(out, charges_csv(found.charges, OWN_TENANT))
    _write(beside, terms_csv(terms, written))
    broker.close()
    return FocusExport(len(found.charges), len(terms), out, beside, (*found.left_out, *without))


def contract_terms(rules: Rules, today: date) -> tuple[tuple[ContractTerm, ...], tuple[str, ...]]:
    """The commitments of a law as terms of FOCUS, and those that it has no words for."""
    terms: list[ContractTerm] = []
    without: list[str] = []
    for meter in commitments(rules):
        term = _term(rules, meter, today)
        if term is None:
            without.append(f"{meter.origin.clause}: a commitment in {meter.measure} by the {meter.window}")
        else:
            terms.append(term)
    return tuple(terms), tuple(without)


def _term(rules: Rules, meter: Meter, today: date) -> ContractTerm | None:
    agreement = meter.origin.clause.partition(".")[0]
    signed = rules.estate.agreements[agreement].signed
    begins, ends = meter.scope.begins or signed, meter.scope.ends or rules.estate.horizon.ends
    interval = _INTERVALS.get(meter.window)
    lower = meter.lower or Decimal(0)
    if ends <= begins or interval is None:
        return None
    windows = 1 if meter.window == "term" else sum(1 for _ in windows_over(meter.window, begins, ends))
    status = "Pending" if today < begins else "Expired" if today >= ends else "Active"
    cost = quantity = unit = None
    if meter.measure == "money":
        cost = lower * windows
    elif meter.measure in ("accelerators", "units"):
        quantity, unit = lower * HOURS_PER_DAY * (ends - begins).days, UNITS[meter.measure]
    elif meter.measure == "accelerator-hours":
        quantity, unit = lower * windows, UNITS["accelerators"]
    elif meter.measure == "tokens":
        quantity, unit = lower * windows, "Tokens"
    else:
        return None
    if quantity is not None and meter.shortfall_price is not None:
        cost = quantity * meter.shortfall_price
    return ContractTerm(
        contract=agreement,
        commitment=meter.origin.clause,
        category="Spend" if meter.measure == "money" else "Usage",
        type="take or pay",
        begins=begins,
        ends=ends,
        contract_begins=signed,
        provider=meter.payee or meter.origin.clause,
        currency=meter.currency,
        cost=cost,
        quantity=quantity,
        unit=unit,
        description=meter.origin.quote or f"commitment {meter.origin.clause}",
        interval=interval,
        model="Continuous" if meter.perishable and interval != "Full Period" else "Discontinuous",
        status=status,
        applicability='{"IsComplexScope": true}',
    )


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(f"`{path}` was not written: {error.strerror}") from None
