"""A bill beside an estate: what agrees, what is explained, what differs and by what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.starters import starter
from offtake.domain.charges import Charge, Discount
from offtake.domain.reconciliation import ChargeRow, ClauseRow, Reconciliation
from offtake.law.billing import Billing
from offtake.law.compile import compile_law
from offtake.law.reconciling import Reconciler

STARTER = starter("company", "Acme")
MONTHLY = """
  house:
    between: [us, north]
    signed: 2026-01-01
    clauses:
      monthly: {kind: commitment, payer: us, payee: north, measure: money, amount: 100000 EUR, window: month,
                covers: {providers: [north]}}
      screening: {kind: price, payer: us, payee: east, measure: tokens, window: month, covers: {providers: [east]},
                  tiers: [{up_to: 1 billion tokens, price: 0 EUR per million tokens}, {price: 0.05 EUR/Mtoken}]}
"""


def at(month: int, day: int = 1) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


def charge(billed: str, *names: str, **more: object) -> Charge:
    values: dict[str, object] = {
        "category": "Usage",
        "provider": "north",
        "currency": "EUR",
        "billed": Decimal(billed),
        "begins": at(1),
        "ends": at(2),
        "billing_begins": at(1),
        "billing_ends": at(2),
        "names": names,
        **more,
    }
    return Charge(**values)  # pyright: ignore[reportArgumentType]


def reconciled(
    *charges: Charge, text: str = STARTER, mapped: Mapping[str, str] | None = None
) -> Reconciliation:
    loaded = load_estate_text(text)
    assert isinstance(loaded, Loaded), loaded.problems
    reconciler = Reconciler(Billing(loaded.estate, compile_law(loaded.estate), mapped or {}), "bill.csv")
    for row, one in enumerate(charges, start=2):
        reconciler.add(row, one)
    return reconciler.result(0)


def about(found: Reconciliation, what: str) -> ChargeRow:
    [row] = [row for row in found.charges if row.what == what]
    return row


def clause(found: Reconciliation, name: str) -> ClauseRow:
    [row] = [row for row in found.clauses if row.clause == name]
    return row


HELD = charge(
    "89280", "reserved", quantity=Decimal(14880), unit="Unit-Hours"
)  # 20 units, 744 hours, 6 euros.


def tokens(billed: str, million: int, name: str = "metered-east/large/in", **more: object) -> Charge:
    stated = {"provider": "east", "quantity": Decimal(million), "unit": "1M Tokens", **more}
    return charge(billed, name, **stated)


def test_a_bill_as_stated_agrees() -> None:
    found = reconciled(HELD, tokens("2000", 1000), tokens("800", 100, "metered-east/large/out"))
    assert {row.verdict for row in found.charges} == {"agrees"}
    assert found.differing == 0
    assert found.billed_cents == {"EUR": 92_080_00}


def test_another_price_differs_by_so_much() -> None:
    row = about(reconciled(HELD, tokens("2200", 1000)), "metered-east")
    assert (row.verdict, row.difference_cents) == ("differs", 200_00)
    assert "billed at 2.2 for a million tokens, the estate states 2 (+10.0 %)" in row.why


def test_a_price_in_another_currency_is_converted_at_its_day() -> None:
    west = tokens("174.80", 100, "metered-west/large/in")
    assert about(reconciled(HELD, west), "metered-west").verdict == "agrees"


def test_a_currency_without_a_rate_is_open() -> None:
    found = reconciled(HELD, tokens("2000", 1000, currency="CHF"))
    assert about(found, "metered-east").verdict == "open"


def test_what_is_held_is_expected_though_it_was_not_billed() -> None:
    found = reconciled(charge("5", service="Support"))
    row = about(found, "reserved")
    assert (row.verdict, row.rows, row.expected_cents, row.difference_cents) == (
        "differs",
        0,
        89_280_00,
        -89_280_00,
    )
    assert row.why == "held, and not billed"


def test_fewer_hours_than_are_held_differ() -> None:
    row = about(
        reconciled(charge("60000", "reserved", quantity=Decimal(10000), unit="Unit-Hours")), "reserved"
    )
    assert row.why == "14880 unit-hours are held, 10000 are billed"


def test_hours_beyond_what_is_held_are_expected_at_the_same_price() -> None:
    row = about(
        reconciled(charge("90000", "reserved", quantity=Decimal(15000), unit="Unit-Hours")), "reserved"
    )
    assert row.verdict == "agrees"


def test_a_months_price_is_for_a_twelfth_of_a_year() -> None:
    row = about(reconciled(charge("87660", "reserved", quantity=Decimal(20), unit="Unit-Months")), "reserved")
    assert row.verdict == "agrees"


def test_what_a_commitment_covers_costs_nothing_more() -> None:
    bought = Discount("plan-1", "Spend", "Savings Plan")
    found = reconciled(
        HELD,
        charge("500", "x", category="Purchase", provider="east", discount=bought),
        tokens("0", 1000, covered=True, effective=Decimal(400), discount=bought),
        tokens("1", 1000, "metered-east/large/out", covered=True),
    )
    rows = {(row.what, row.tokens): row for row in found.charges}
    assert rows["metered-east", "in"].verdict == "agrees"
    assert rows["metered-east", "out"].why == "billed, though a commitment covers it"
    assert rows["x", None].why == "it buys the commitment plan-1"


def test_taxes_credits_and_corrections_are_explained() -> None:
    found = reconciled(
        HELD,
        charge("12", category="Tax"),
        charge("-3", category="Credit"),
        charge("-5", "reserved", correction=True, quantity=Decimal(-1), unit="Unit-Hours"),
        charge("9", service="Queue Service"),
    )
    verdicts = {row.what: row.verdict for row in found.charges}
    assert verdicts == {
        "reserved": "agrees",
        "tax": "explained",
        "credit": "explained",
        "correction": "explained",
        "Queue Service": "explained",
    }


def test_ai_compute_that_the_estate_does_not_know_differs_until_it_is_mapped() -> None:
    unknown = charge("2", "sku-9", provider="east", quantity=Decimal(1), unit="1M Tokens")
    assert about(reconciled(HELD, unknown), "sku-9").verdict == "differs"
    mapped = reconciled(HELD, unknown, mapped={"sku-9": "metered-east/large/in"})
    assert about(mapped, "metered-east").verdict == "agrees"


def test_another_unit_differs() -> None:
    row = about(reconciled(charge("2", "reserved", quantity=Decimal(1), unit="Hours")), "reserved")
    assert row.why == "billed in `Hours`, and the estate prices unit-hours"


def test_a_running_commitment_is_open() -> None:
    row = clause(reconciled(HELD), "cloud-spend.spend")
    assert (row.verdict, row.counted, row.committed) == ("open", "89280 EUR", "1000000 EUR")
    assert "the window ends on 2027-01-01" in row.why


def test_a_months_commitment_is_settled_with_its_bill() -> None:
    found = reconciled(HELD, text=STARTER + MONTHLY)
    row = clause(found, "house.monthly")
    assert (row.verdict, row.expected_cents, row.why) == ("differs", 10_720_00, "10720 EUR short")
    settled = charge("10720", own={"x_OfftakeClause": "house.monthly"}, category="Adjustment")
    # What settles the shortfall is not counted as spent.
    row = clause(reconciled(HELD, settled, text=STARTER + MONTHLY), "house.monthly")
    assert (row.verdict, row.billed_cents, row.expected_cents) == ("agrees", 10_720_00, 10_720_00)


def test_earlier_readings_count_and_missing_months_are_named() -> None:
    december = {"begins": at(12), "billing_begins": at(12), "ends": datetime(2027, 1, 1, tzinfo=UTC)}
    last = charge("400000", **december, billing_ends=datetime(2027, 1, 1, tzinfo=UTC))
    row = clause(reconciled(last), "cloud-spend.spend")
    assert row.verdict == "open"
    assert "no readings from 2026-01 to 2026-11" in row.why
    readings = (
        "readings: [{clause: cloud-spend.spend, from: 2026-01-01, until: 2026-12-01, amount: 500000 EUR}]\n"
    )
    row = clause(reconciled(last, text=STARTER + readings), "cloud-spend.spend")
    assert (row.verdict, row.expected_cents, row.counted) == ("differs", 100_000_00, "900000 EUR")


def test_a_price_clause_is_expected_by_its_tiers() -> None:
    text = STARTER + MONTHLY
    row = clause(reconciled(HELD, tokens("4000", 2000), text=text), "house.screening")
    assert (row.expected_cents, row.verdict) == (50_00, "differs")
    fee = charge("50", "fee", provider="east")
    found = reconciled(HELD, tokens("4000", 2000), fee, text=text, mapped={"fee": "clause:house.screening"})
    assert clause(found, "house.screening").verdict == "agrees"


def test_rounding_of_many_rows_agrees() -> None:
    rows = [tokens("0.01", 0, quantity=Decimal("0.007")) for _ in range(3)]
    assert about(reconciled(HELD, *rows), "metered-east").verdict == "agrees"
