"""A ledger's charges and commitments as FOCUS tables are read back as they were, and add up to the postings."""

import csv
import io
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokered import Rehearsal, agreed, market
from offtake.adapters.focus.columns import OWN_OF_COMMITMENTS, columns_of, dataset_of, version_of
from offtake.adapters.focus.parsing import charge_of, term_of
from offtake.adapters.focus.writing import charges_csv, terms_csv
from offtake.bootstrap.focus_export import contract_terms, export_focus
from offtake.broker.billing import OWN_TENANT, Bills, bills

CLAUSES: dict[str, dict[str, Any]] = {
    "spend": {
        "kind": "commitment",
        "payer": "lab",
        "payee": "b",
        "measure": "money",
        "amount": "5000000 USD",
        "window": "year",
        "style": "cumulative",
        "covers": {"providers": ["b"]},
    },
    "hours": {
        "kind": "commitment",
        "payer": "lab",
        "payee": "b",
        "measure": "accelerator-hours",
        "amount": "100000 accelerator-hours",
        "window": "month",
        "style": "cumulative",
        "shortfall": "0.5 USD/accelerator-hour",
        "covers": {"providers": ["b"]},
    },
}
AFTER = date(2030, 1, 1)


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    """Two leases at prices that do not divide, one of them given back early."""
    rehearsal = Rehearsal(tmp_path, market(agreements=agreed(**CLAUSES)))
    for n, (quantity, price) in enumerate((("7", "1.2345678"), ("90", "0.3333333"))):
        rehearsal.need(f"n{n}", quantity)
        rehearsal.bid("b", quantity, price, need=f"n{n}", release_share=Decimal(0))
        rehearsal.awarded(f"n{n}")
    rehearsal.release("n1-1", date(2027, 5, 17))
    return rehearsal


def _bills(rehearsal: Rehearsal, until: date = AFTER) -> Bills:
    state = rehearsal.state
    return bills(rehearsal.broker.desk.library, state, rehearsal.ledger.entries(), until)


def test_charges_are_read_back_as_they_were(rehearsal: Rehearsal) -> None:
    charges = _bills(rehearsal).charges
    table = charges_csv(charges, OWN_TENANT).decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert tuple(charge_of(row) for row in rows) == charges
    assert (dataset_of(rows[0]), version_of(rows[0])) == ("CostAndUsage", "1.4")
    assert set(columns_of("CostAndUsage", "1.4")) <= set(rows[0])


def test_charges_add_up_to_the_postings(rehearsal: Rehearsal) -> None:
    sums = Counter[str]()
    for charge in _bills(rehearsal).charges:
        if charge.names[2]:  # A lease's.
            sums[charge.own[OWN_TENANT]] += int(charge.billed * 1_000_000)
    posted = {
        account: amount
        for account, unit, amount in rehearsal.ledger.balances("lab:committed")
        if unit == "USD"
    }
    assert posted == {"lab:committed": sums["lab"]}


def test_a_charge_names_the_commitments_that_it_counts_towards(rehearsal: Rehearsal) -> None:
    first = _bills(rehearsal).charges[0]
    assert {one.commitment for one in first.applied} == {"lab-h.spend", "lab-h.hours"}
    money = next(one for one in first.applied if one.commitment == "lab-h.spend")
    hours = next(one for one in first.applied if one.commitment == "lab-h.hours")
    assert (money.cost, money.quantity) == (first.billed, None)
    assert (hours.cost, hours.quantity, hours.unit) == (None, first.quantity, "Accelerator-Hours")


def test_only_days_before_the_end_are_charged(rehearsal: Rehearsal) -> None:
    until = date(2026, 5, 1)
    charges = _bills(rehearsal, until).charges
    assert [one.begins.month for one in charges] == [3, 4, 3, 4]
    assert max(one.ends.date() for one in charges) == until


def test_commitments_are_read_back_as_they_were(rehearsal: Rehearsal) -> None:
    state = rehearsal.state
    terms, without = contract_terms(_bills(rehearsal).eras, date(2026, 1, 12))
    assert (len(terms), without) == (2, ())
    assert state.last is not None
    rows = list(csv.DictReader(io.StringIO(terms_csv(terms, state.last).decode())))
    assert tuple(term_of(row) for row in rows) == terms
    assert set(rows[0]) == {*columns_of("ContractCommitment", "1.4"), *OWN_OF_COMMITMENTS}


def test_both_tables_are_written_whole(rehearsal: Rehearsal, tmp_path: Path) -> None:
    found = export_focus(rehearsal.where, tmp_path / "bill.csv", AFTER)
    assert (found.usage.name, found.commitments.name) == ("bill.csv", "bill.commitments.csv")
    assert len(found.usage.read_text().splitlines()) == found.charges + 1
    assert len(found.commitments.read_text().splitlines()) == found.terms + 1
