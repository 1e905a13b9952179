"""What clauses add to a ledger's FOCUS tables, by the law and the rates of its day; all of it is read back."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokered import Rehearsal, agreed, market
from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.adapters.focus.parsing import ContractTerm, charge_of, term_of
from offtake.adapters.focus.writing import charges_csv, terms_csv
from offtake.adapters.importers.focus import charges_in
from offtake.adapters.importers.reading import Asked, Known
from offtake.adapters.starters import starter
from offtake.adapters.tabular.cells import CellProblem
from offtake.bootstrap.focus_export import contract_terms, export_focus
from offtake.bootstrap.importing import ImportRequest, run_import
from offtake.broker.billing import OWN_ENTRY, OWN_TENANT, Bills, bills
from offtake.broker.commands import Amend
from offtake.broker.events import PriceInvoiced, WindowSettled
from offtake.broker.snapshots import snapshot_of
from offtake.domain.charges import OWN_CLAUSE, Applied, Charge
from offtake.domain.clauses import AnyClause, Commitment
from offtake.domain.imports import Tally
from offtake.law.billing import Billing, Count

SPEND: dict[str, Any] = {
    "kind": "commitment",
    "payer": "lab",
    "payee": "b",
    "measure": "money",
    "amount": "5000000 USD",
    "window": "year",
    "style": "cumulative",
    "covers": {"providers": ["b"]},
}
HOURS: dict[str, Any] = {
    **SPEND,
    "measure": "accelerator-hours",
    "amount": "100000 accelerator-hours",
    "window": "month",
    "shortfall": "0.5 USD/accelerator-hour",
}
TIERS: dict[str, Any] = {
    "kind": "price",
    "payer": "lab",
    "payee": "y",
    "measure": "accelerator-hours",
    "tiers": [
        {"up_to": "9000 accelerator-hours", "price": "3.0000001 USD/accelerator-hour"},
        {"price": "1 USD/accelerator-hour"},
    ],
    "window": "quarter",
    "covers": {"providers": ["b"]},
}


def billed(deal: Rehearsal, until: date = date(2030, 1, 1)) -> Bills:
    return bills(deal.broker.desk.library, deal.state, deal.ledger.entries(), until)


def read_back(charges: Sequence[Charge], folder: Path) -> tuple[Charge, ...]:
    """Charges written to a file, and what the importer of bills reads in it; fails if it leaves a row out."""
    path, tally = folder / "bill.csv", Tally()
    path.write_bytes(charges_csv(charges, OWN_TENANT))
    found = tuple(charge for _, _, charge in charges_in(Asked(path, Known({}), tally)))
    assert not tally.lines()
    return found


def leased(folder: Path, **clauses: Any) -> Rehearsal:
    """Ten accelerators of B at a dollar an hour from 2026-03-01 to 2028-03-01, under clauses."""
    deal = Rehearsal(folder, market(agreements=agreed(**clauses)))
    deal.need(quantity=10)
    deal.bid("b", 10, 1)
    deal.awarded()
    return deal


def amend(deal: Rehearsal, day: date, **amendment: Any) -> None:
    deal.at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    outcome = deal.give(Amend(agreement="lab-h", amendment=json.dumps(amendment)))
    assert outcome.refusal is None


def applied_in(charges: Sequence[Charge], month: int) -> dict[str, Applied]:
    """What the lease's charge of a month of 2026 counts towards, by commitment."""
    (found,) = (one for one in charges if one.names[2] and (one.day.year, one.day.month) == (2026, month))
    return {one.commitment: one for one in found.applied}


def test_a_charge_counts_by_the_law_in_force_on_its_days(tmp_path: Path) -> None:
    deal = leased(tmp_path, spend=SPEND, hours=HOURS)
    more = {**SPEND, "from": "2026-01-01"}
    amend(deal, date(2026, 6, 11), ends={"hours": "2026-02-01"}, clauses={"more": more})
    charges = billed(deal).charges
    assert set(applied_in(charges, 5)) == {"lab-h.spend", "lab-h.hours"}
    june = applied_in(charges, 6)
    assert (june["lab-h.spend"].cost, june["lab-h.hours"].quantity) == (10 * 24 * 30, 10 * 24 * 10)
    assert june["lab-h.more"].cost == 10 * 24 * 20
    assert set(applied_in(charges, 7)) == {"lab-h.spend", "lab-h.more"}


def test_an_amendment_counts_from_the_day_on_which_it_is_known(tmp_path: Path) -> None:
    deal = leased(tmp_path, spend=SPEND, hours=HOURS)
    amend(deal, date(2026, 4, 1), signed="2026-06-01", ends={"hours": "2026-03-01"})
    deal.at = datetime(2026, 8, 1, tzinfo=UTC)
    charges = billed(deal).charges
    assert set(applied_in(charges, 5)) == {"lab-h.spend", "lab-h.hours"}
    assert set(applied_in(charges, 6)) == {"lab-h.spend"}
    deal.sweep()
    assert billed(deal).charges[: len(charges)] == charges


def test_an_export_from_a_snapshot_knows_the_laws_before_it(tmp_path: Path) -> None:
    deal = leased(tmp_path, hours=HOURS)
    amend(deal, date(2026, 6, 11), ends={"hours": "2026-02-01"})
    last = list(deal.ledger.entries())[-1]
    deal.ledger.keep_snapshot(last.seq, last.hash, snapshot_of(deal.state))
    found = export_focus(deal.where, tmp_path / "out.csv", date(2026, 8, 1))
    rows = list(csv.DictReader(found.usage.read_text().splitlines()))
    assert ["lab-h.hours" in row["ContractApplied"] for row in rows if row["ResourceId"]] == [True] * 4 + [
        False
    ]


@pytest.mark.parametrize("windows", ["1.5", "-1", "1001"])
def test_no_number_of_windows_to_make_up_in_is_refused(tmp_path: Path, windows: str) -> None:
    deal = leased(tmp_path, hours={**HOURS, "make_up": 2})
    (term,) = contract_terms(billed(deal).eras, date(2026, 3, 1))[0]
    row = next(csv.DictReader(io.StringIO(terms_csv([term], deal.at).decode())))
    assert row["x_OfftakeMakeUpWindows"] == "2"
    with pytest.raises(CellProblem, match="no number of windows"):
        term_of({**row, "x_OfftakeMakeUpWindows": windows})


def test_each_version_of_a_commitment_is_a_term_and_one_that_is_gone_is_superseded(tmp_path: Path) -> None:
    deal = leased(tmp_path, spend=SPEND)
    amend(deal, date(2026, 4, 10), clauses={"spend": {**SPEND, "from": "2026-05-01"}})
    amend(deal, date(2026, 5, 11), clauses={"spend": {**SPEND, "from": "2026-04-01"}})
    found = billed(deal)
    terms, without = contract_terms(found.eras, date(2026, 6, 1))
    assert {one.commitment: one.status for one in terms} == {
        "lab-h.spend": "Expired",
        "lab-h.spend@2026-04-01": "Active",
        "lab-h.spend@2026-05-01": "Superseded",
    }
    assert not without
    may = applied_in(found.charges, 5)
    assert {id: one.cost for id, one in may.items()} == {
        "lab-h.spend@2026-04-01": 10 * 24 * 21,
        "lab-h.spend@2026-05-01": 10 * 24 * 10,
    }
    rules = found.eras[-1].rules
    counts = Billing(rules.estate, rules.law).counts(found.charges[2], None)
    assert Count("lab-h.spend", "money", "USD", Decimal(10 * 24 * 31)) in counts


def test_money_counts_in_the_commitments_currency_at_the_rate_of_the_day(tmp_path: Path) -> None:
    euros, francs = ({**SPEND, "amount": f"5000000 {currency}"} for currency in ("EUR", "CHF"))
    deal = leased(tmp_path, euros=euros, francs=francs)
    found = billed(deal, date(2026, 9, 1))
    march, july = (applied_in(found.charges, month)["lab-h.euros"] for month in (3, 7))
    assert (march.cost, march.counted, march.counted_in) == (7440, Decimal("6763.636364"), "EUR")
    assert (july.cost, july.counted) == (7440, Decimal("7085.714286"))
    assert "lab-h.francs" not in applied_in(found.charges, 3)
    assert found.left_out[0] == "lease n1-1 in lab-h.francs: no rate from USD to CHF on 2026-03-01"
    assert len(found.left_out) == 6
    assert read_back(found.charges, tmp_path) == found.charges
    rules = found.eras[-1].rules
    counts = Billing(rules.estate, rules.law).counts(found.charges[0], None)
    assert Count("lab-h.euros", "money", "EUR", Decimal("6763.636364")) in counts


def test_a_converted_amount_in_no_currency_is_refused(tmp_path: Path) -> None:
    deal = leased(tmp_path, euros={**SPEND, "amount": "5000000 EUR"})
    table = charges_csv(billed(deal).charges, OWN_TENANT).decode()
    row = next(csv.DictReader(io.StringIO(table)))
    row["ContractApplied"] = row["ContractApplied"].replace('"EUR"', '"EUR a year"')
    with pytest.raises(CellProblem, match="in no currency"):
        charge_of(row)


def test_readings_reversals_prices_and_shortfalls_are_charges_that_are_read_back(tmp_path: Path) -> None:
    deal = leased(tmp_path, tiers=TIERS, hours=HOURS)
    deal.read("lab-h.tiers", 1000, date(2026, 1, 12), date(2026, 1, 13), id="kept")
    deal.read("lab-h.tiers", 500, date(2026, 1, 13), date(2026, 1, 14), id="wrong")
    deal.correct("wrong")
    deal.at = datetime(2026, 7, 1, tzinfo=UTC)
    deal.sweep()
    found = billed(deal, date(2026, 7, 1))
    assert not found.left_out
    assert read_back(found.charges, tmp_path) == found.charges
    clauses = [one for one in found.charges if OWN_CLAUSE in one.own]
    assert Counter((one.category, one.correction, one.own[OWN_CLAUSE]) for one in clauses) == {
        ("Usage", False, "lab-h.tiers"): 2 + 4,  # Two readings, and four months.
        ("Adjustment", True, "lab-h.tiers"): 1,
        ("Adjustment", False, "lab-h.hours"): 5,  # January began before the ledger did.
    }
    wrong = [one.billed for one in clauses if "wrong" in one.description]
    assert wrong == [Decimal("1500.00005"), Decimal("-1500.00005")]
    events = [event for entry in deal.ledger.entries() for event in entry.events]
    owed = sum(event.owed_micros for event in events if isinstance(event, PriceInvoiced))
    short = sum(event.billed_micros for event in events if isinstance(event, WindowSettled))
    assert min(owed, short) > 0
    assert sum(one.billed for one in clauses) * 1_000_000 == 3_000_000_100 + owed + short


def test_a_reading_that_owes_nothing_is_named(tmp_path: Path) -> None:
    deal = leased(tmp_path, hours=HOURS)
    outcome = deal.read("lab-h.hours", 5, date(2026, 2, 1), date(2026, 2, 2), id="r")
    assert outcome.entry is not None
    assert billed(deal).left_out == (f"entry {outcome.entry.seq}: reading r of lab-h.hours owes nothing",)


def test_commitments_are_imported_as_the_clauses_that_they_were(tmp_path: Path) -> None:
    """Terms that begin and end within windows too: such a window counts by the share of its days."""
    days = {"from": "2026-02-11", "until": "2028-05-20"}
    money = {**SPEND, **days, "amount": "1234567.89 USD"}
    price = {"measure": "tokens", "amount": "3000000 tokens", "shortfall": "2.5 USD per million tokens"}
    clauses = {
        **{f"spend-{window}": {**money, "window": window} for window in ("month", "quarter", "year", "term")},
        "hours": {**HOURS, **days, "window": "quarter", "style": "perishable"},
        "tokens": {**money, **price},
        "level": {**HOURS, **days, "measure": "accelerators", "amount": "12.5 accelerators"},
        "made-up": {**HOURS, **days, "make_up": 2},
        "half": {**money, "shortfall": "12.5%"},
    }
    deal = leased(tmp_path, **clauses)
    terms, without = contract_terms(billed(deal).eras, date(2026, 3, 1))
    assert (len(terms), without) == (len(clauses), ())
    table, estate = tmp_path / "terms.csv", tmp_path / "estate.yaml"
    table.write_bytes(terms_csv(terms, deal.at))
    estate.write_text(starter("company", "Acme"), encoding="utf-8")
    assert run_import(ImportRequest("focus", table, estate)).account.left_out == 0
    loaded = load_estate(estate)
    assert isinstance(loaded, Loaded), loaded.problems
    imported = loaded.estate.agreements["b-lab-h"].clauses.values()
    stated = deal.broker.desk.library.estate(deal.state.estate).agreements["lab-h"].clauses
    assert {str(one.section): _said(one) for one in imported} == {
        f"lab-h.{key}": _said(one) for key, one in stated.items()
    }


def _said(clause: AnyClause) -> tuple[object, ...]:
    assert isinstance(clause, Commitment)
    days = (clause.begins, clause.ends)
    return (
        clause.measure,
        clause.amount,
        clause.window,
        clause.style,
        *days,
        clause.shortfall,
        clause.make_up,
        clause.payee,
    )


amounts = st.decimals(-(10**18), 10**18, places=9)
positive = st.decimals(0, 10**15, places=6)
names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-.@", min_size=1, max_size=20).map("x".__add__)
instants = st.integers(1_577_836_800, 2_208_988_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
units = st.sampled_from(["Accelerator-Hours", "Unit-Hours", "Counts"])
applieds = st.one_of(
    st.builds(Applied, names, names, cost=amounts),
    st.builds(Applied, names, names, cost=amounts, counted=amounts, counted_in=st.just("EUR")),
    st.builds(Applied, names, names, quantity=amounts, unit=units),
)


@st.composite
def charged(draw: st.DrawFn) -> Charge:
    begins, ends = sorted((draw(instants), draw(instants)))
    used = draw(st.booleans())
    return Charge(
        "Usage" if used else "Adjustment",
        draw(names),
        draw(st.sampled_from(["USD", "EUR"])),
        draw(amounts),
        begins,
        ends,
        begins,
        ends,
        effective=draw(amounts),
        correction=draw(st.booleans()),
        description=draw(names),
        service="AI compute",
        quantity=draw(amounts) if used else None,
        unit=draw(units) if used else None,
        unit_price=draw(st.none() | amounts),
        region=draw(st.none() | names),
        names=(draw(names), draw(names), draw(st.just("") | names), ""),
        applied=tuple(draw(st.lists(applieds, max_size=3))),
        own={OWN_TENANT: draw(names)},
    )


@settings(max_examples=25, deadline=None)
@given(st.lists(charged(), min_size=1, max_size=4))
def test_whatever_is_charged_is_read_back_to_the_last_digit(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Charge]
) -> None:
    # Each names the entry that it is from: of two rows that are the same the importer takes one.
    charges = tuple(replace(one, own={**one.own, OWN_ENTRY: str(n)}) for n, one in enumerate(drawn))
    assert read_back(charges, tmp_path_factory.mktemp("bill")) == charges


terms_drawn = st.builds(
    ContractTerm,
    contract=names,
    commitment=names,
    category=st.sampled_from(["Spend", "Usage"]),
    type=names,
    begins=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    ends=st.dates(date(2030, 1, 2), date(2040, 1, 1)),
    contract_begins=st.dates(date(2019, 1, 1), date(2020, 1, 1)),
    provider=names,
    currency=st.sampled_from(["USD", "EUR"]),
    cost=st.none() | positive,
    quantity=st.none() | positive,
    unit=units,
    description=names,
    interval=st.sampled_from(["Monthly", "Quarterly", "Annual", "Full Period"]),
    model=st.sampled_from(["Continuous", "Discontinuous"]),
    status=st.sampled_from(["Active", "Expired", "Superseded"]),
    applicability=st.just('{"IsComplexScope": true}'),
    measure=st.sampled_from([None, "accelerators"]),
    make_up=st.integers(0, 4),
    shortfall=st.none() | st.decimals(0, 1, places=4),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(terms_drawn, min_size=1, max_size=4))
def test_whatever_is_committed_is_read_back(terms: list[ContractTerm]) -> None:
    table = terms_csv(terms, datetime(2026, 1, 1, tzinfo=UTC)).decode()
    assert [term_of(row) for row in csv.DictReader(io.StringIO(table))] == terms


some_lease = st.tuples(
    st.integers(1, 300),
    st.integers(1, 120),
    st.decimals("0.1", 2, places=7),
    st.sampled_from(["USD", "EUR"]),
)


@settings(max_examples=4, deadline=None)
@given(st.lists(some_lease, min_size=1, max_size=2), st.integers(1, 120))
def test_what_charges_apply_is_what_the_ledger_counts(
    tmp_path_factory: pytest.TempPathFactory, leases: list[tuple[int, int, Decimal, str]], after: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    deal = Rehearsal(folder, market(agreements=agreed(spend=SPEND, hours=HOURS)))
    first = date(2026, 1, 12).toordinal()
    for n, (begins, length, price, currency) in enumerate(leases):
        term = {"begins": date.fromordinal(first + begins), "ends": date.fromordinal(first + begins + length)}
        deal.need(f"n{n}", 7, currency=currency, **term)
        deal.bid("b", 7, str(price), need=f"n{n}", currency=currency, release_share=Decimal("0.25"))
        deal.awarded(f"n{n}")
    if after < leases[0][1]:
        deal.release("n0-1", date.fromordinal(first + leases[0][0] + after))
    charges = billed(deal).charges
    assert read_back(charges, folder) == charges
    hours = [one for charge in charges for one in charge.applied if one.commitment == "lab-h.hours"]
    counted = sum(amount for (id, _), amount in deal.state.flows.items() if id == "lab-h.hours")
    assert sum(one.quantity or Decimal(0) for one in hours) == counted
    deal.broker.close()
