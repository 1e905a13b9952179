"""A ledger's charges and commitments as FOCUS tables, in two files that appear whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from offtake.adapters.focus.parsing import ContractTerm
from offtake.adapters.focus.writing import charges_csv, terms_csv
from offtake.adapters.ledger_sql import SqlLedger
from offtake.adapters.whole_files import write_whole
from offtake.bootstrap.broker import open_broker, open_kept
from offtake.broker.applying import UNITS
from offtake.broker.billing import OWN_TENANT, bills
from offtake.broker.counting import HOURS_PER_DAY
from offtake.broker.entries import Entry
from offtake.broker.eras import Era
from offtake.broker.events import AgreementAmended, LedgerOpened
from offtake.broker.library import Library, Rules
from offtake.broker.settling import commitments
from offtake.domain.errors import StorageFailure
from offtake.law.primitives import Meter
from offtake.law.windows import windows_in_days

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
    library = broker.desk.library
    written = state.last
    if written is None:
        raise StorageFailure("the ledger holds no entry")
    today = written.date()
    found = bills(library, state, _learned(kept, library), until or today)
    terms, without = contract_terms(found.eras, today)
    beside = out.with_name(f"{out.stem}.commitments{out.suffix or '.csv'}")
    _write(out, charges_csv(found.charges, OWN_TENANT))
    _write(beside, terms_csv(terms, written))
    broker.close()
    return FocusExport(len(found.charges), len(terms), out, beside, (*found.left_out, *without))


def _learned(kept: SqlLedger, library: Library) -> Iterator[Entry]:
    """The entries of a ledger, each after the estate that it names is in the library: a broker that began with a
    snapshot knows the last one alone."""
    for entry in kept.entries():
        for event in entry.events:
            if isinstance(event, LedgerOpened | AgreementAmended):
                document = kept.document(event.estate)
                if document is None:
                    raise StorageFailure(f"the ledger does not hold the estate {event.estate[:12]}")
                library.add_document(document)
        yield entry


def contract_terms(eras: Sequence[Era], today: date) -> tuple[tuple[ContractTerm, ...], tuple[str, ...]]:
    """The commitments of the laws that were in force as terms of FOCUS, and those that it has no words for.

    Each stands as the last law has it; one that the last law has no more is superseded.
    """
    terms: dict[str, ContractTerm] = {}
    without: list[str] = []
    named: set[str] = set()
    for place, era in enumerate(reversed(eras)):
        for meter in commitments(era.rules):
            if meter.id in named:
                continue
            named.add(meter.id)
            term = _term(era.rules, meter, today)
            if term is None:
                without.append(f"{meter.id}: a commitment in {meter.measure} by the {meter.window}")
            else:
                terms[meter.id] = replace(term, status="Superseded") if place else term
    return tuple(terms[id] for id in sorted(terms)), tuple(without)


def _term(rules: Rules, meter: Meter, today: date) -> ContractTerm | None:
    agreement = meter.origin.clause.partition(".")[0]
    signed = rules.estate.agreements[agreement].signed
    begins, ends = meter.scope.begins or signed, meter.scope.ends or rules.estate.horizon.ends
    interval = _INTERVALS.get(meter.window)
    lower = meter.lower or Decimal(0)
    if ends <= begins or interval is None:
        return None
    windows = windows_in_days(meter.window, begins, ends)
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
        commitment=meter.id,
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
        measure="accelerators" if meter.measure == "accelerators" else None,
        make_up=meter.make_up_windows,
        shortfall=meter.shortfall_price if meter.measure == "money" and meter.shortfall_price != 1 else None,
    )


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(f"`{path}` was not written: {error.strerror}") from None
