"""Every month that a lease ran is invoiced once, in its currency; what prices add is invoiced with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokered import Rehearsal, agreed, exact, kinds, market
from offtake.broker.audience import Audience, seen
from offtake.broker.events import Event, LeasesInvoiced, PriceInvoiced
from offtake.broker.snapshots import snapshot_of, state_of
from offtake.broker.terms import Lease

TERM: dict[str, Any] = {"begins": date(2026, 2, 10), "ends": date(2026, 5, 20)}
MICROS = 1_000_000


@pytest.fixture
def deal(tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(tmp_path, market(agreements={}))
    yield rehearsal
    rehearsal.follows()
    rehearsal.broker.close()


def leased(deal: Rehearsal, id: str = "n1", by: str = "b", **more: Any) -> Lease:
    """A need of ten, met at one dollar an hour; its lease."""
    terms = {key: more.pop(key) for key in ("begins", "ends") if key in more}
    deal.need(id, 10, **{**TERM, **terms})
    deal.bid(by, 10, 1, need=id, **more)
    lease = deal.awarded(id).grants[0].lease
    return deal.state.leases[lease]


def at(deal: Rehearsal, year: int, month: int, day: int) -> tuple[Event, ...]:
    """What has come due by the beginning of a day."""
    deal.at = datetime(year, month, day, tzinfo=UTC)
    return deal.sweep().events


def invoices(events: tuple[Event, ...]) -> list[LeasesInvoiced]:
    return [event for event in events if isinstance(event, LeasesInvoiced)]


def balance(deal: Rehearsal, account: str, unit: str = "USD") -> int:
    return next(
        (amount for name, u, amount in deal.ledger.balances(account) if (name, u) == (account, unit)), 0
    )


def test_each_month_is_invoiced_on_the_first_day_after_it(deal: Rehearsal) -> None:
    leased(deal)
    assert kinds(deal.sweep()) == []
    deal.at = datetime(2026, 2, 28, 23, 59, tzinfo=UTC)
    assert kinds(deal.sweep()) == []
    (february,) = invoices(at(deal, 2026, 3, 1))
    assert (february.payer, february.payee, february.begins, february.ends) == (
        "lab",
        "b",
        date(2026, 2, 1),
        date(2026, 3, 1),
    )
    (line,) = february.lines
    assert (line.begins, line.ends, line.held_hours) == (date(2026, 2, 10), date(2026, 3, 1), 10 * 19 * 24)
    assert february.total_micros == 10 * 19 * 24 * MICROS
    assert balance(deal, "lab:payable") == 10 * 19 * 24 * MICROS
    assert balance(deal, "b:receivable") == -10 * 19 * 24 * MICROS


def test_a_sweep_long_after_makes_up_for_all_months(deal: Rehearsal) -> None:
    leased(deal)
    months = invoices(at(deal, 2027, 1, 1))
    assert [one.begins.month for one in months] == [2, 3, 4, 5]
    assert all(one.ends == other.begins for one, other in pairwise(months))
    hours = 10 * (date(2026, 5, 20) - date(2026, 2, 10)).days * 24
    assert balance(deal, "lab:payable") == hours * MICROS
    assert (balance(deal, "lab:committed"), balance(deal, "b:backlog")) == (0, 0)
    assert kinds(deal.sweep()) == []


def test_what_is_due_counts_on_a_read_though_nobody_recorded_it(deal: Rehearsal) -> None:
    lease = leased(deal)
    deal.at = datetime(2026, 4, 2, tzinfo=UTC)
    assert deal.state.invoiced[lease.id] == date(2026, 4, 1)
    assert balance(deal, "lab:payable") == 0


def test_a_lease_awarded_after_its_first_day_is_invoiced_from_there(deal: Rehearsal) -> None:
    deal.at = datetime(2026, 4, 10, 9, tzinfo=UTC)
    leased(deal)
    assert [one.begins for one in invoices(deal.sweep().events)] == [date(2026, 2, 1), date(2026, 3, 1)]


def test_leases_of_one_supplier_and_currency_are_one_invoice(deal: Rehearsal) -> None:
    leased(deal, "n1")
    leased(deal, "n2")
    leased(deal, "n3", by="y")
    leased(deal, "n4", currency="EUR")
    found = {(one.payee, one.currency): len(one.lines) for one in invoices(at(deal, 2026, 3, 1))}
    assert found == {("b", "USD"): 2, ("y", "USD"): 1, ("b", "EUR"): 1}
    assert balance(deal, "lab:payable", "EUR") == 10 * 19 * 24 * MICROS


@pytest.mark.parametrize(("kept", "april"), [(1, 30), ("0.5", 20), (0, 10)])
def test_what_stays_owed_after_a_release_is_invoiced_as_it_falls_due(
    deal: Rehearsal, kept: float | str, april: int
) -> None:
    lease = leased(deal, release_share=exact(kept))
    deal.at = datetime(2026, 4, 2, tzinfo=UTC)
    deal.release(lease.id, date(2026, 4, 11))
    (invoice,) = invoices(at(deal, 2026, 5, 1))
    assert invoice.total_micros == 10 * april * 24 * MICROS
    assert invoice.lines[0].held_hours == 10 * 10 * 24
    later = invoices(at(deal, 2027, 1, 1))
    assert len(later) == (1 if exact(kept) else 0)
    assert (balance(deal, "lab:committed"), balance(deal, "b:backlog")) == (0, 0)


def test_months_add_up_to_what_was_committed_to_the_millionth(deal: Rehearsal) -> None:
    deal.need(quantity=7, **TERM)
    deal.bid("b", 7, "1.000000333")
    awarded = deal.awarded()
    at(deal, 2027, 1, 1)
    assert balance(deal, "lab:payable") == awarded.grants[0].cost_micros
    assert balance(deal, "lab:committed") == 0


TIERS: dict[str, Any] = {
    "kind": "price",
    "payer": "lab",
    "payee": "y",
    "measure": "accelerator-hours",
    "tiers": [
        {"up_to": "9000 accelerator-hours", "price": "3 USD/accelerator-hour"},
        {"price": "1 USD/accelerator-hour"},
    ],
    "window": "quarter",
    "covers": {"providers": ["b"]},
}


def prices(events: tuple[Event, ...]) -> list[PriceInvoiced]:
    return [event for event in events if isinstance(event, PriceInvoiced)]


def test_what_a_price_adds_is_invoiced_with_the_leases_that_it_counts(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=agreed(tiers=TIERS)))
    deal.read("lab-h.tiers", 1000, date(2026, 1, 12), date(2026, 1, 13))
    leased(deal)
    found = prices(at(deal, 2026, 7, 1))
    # 1000 were read; 4560 of February fill the tier up to 5560, 7440 of March pass it by 4000; a new quarter follows.
    assert [(one.begins.month, one.quantity, one.owed_micros // MICROS) for one in found] == [
        (2, 4560, 3 * 4560),
        (3, 7440, 3 * 3440 + 4000),
        (4, 7200, 3 * 7200),
        (5, 4560, 3 * 1800 + 2760),
    ]
    assert balance(deal, "y:receivable") == -(3000 + sum(one.owed_micros // MICROS for one in found)) * MICROS
    deal.read("lab-h.tiers", 10, date(2026, 3, 1), date(2026, 3, 2), id="late")
    assert deal.state.readings["late"].owed_micros == 10 * MICROS
    deal.correct("late")
    deal.follows()


def test_a_price_by_the_level_is_invoiced_by_what_stood_on_each_day(tmp_path: Path) -> None:
    level = {
        **TIERS,
        "measure": "accelerators",
        "tiers": [
            {"up_to": "10 accelerators", "price": "3 USD/accelerator-hour"},
            {"price": "1 USD/accelerator-hour"},
        ],
    }
    deal = Rehearsal(tmp_path, market(agreements=agreed(level=level)))
    leased(deal, "n1")
    leased(deal, "n2", begins=date(2026, 2, 20))
    (february,) = prices(at(deal, 2026, 3, 1))
    assert february.quantity == (10 * 10 + 20 * 9) * 24
    assert february.owed_micros == (30 * 10 + 40 * 9) * 24 * MICROS
    deal.at = datetime(2026, 3, 2, tzinfo=UTC)
    leased(deal, "late", begins=date(2026, 2, 25))
    (more,) = prices(deal.sweep().events)
    assert (more.begins, more.owed_micros) == (date(2026, 2, 1), 10 * 4 * 24 * MICROS)
    deal.follows()


def test_only_those_who_pay_and_are_paid_see_an_invoice(deal: Rehearsal) -> None:
    leased(deal)
    events = at(deal, 2026, 3, 1)
    for party, count in (("b", 1), ("y", 0)):
        assert len(list(seen(deal.state, Audience("provider", party), events))) == count
    assert len(list(seen(deal.state, Audience("tenant", "lab"), events))) == 1


def test_a_snapshot_keeps_what_is_invoiced(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=agreed(tiers=TIERS)))
    leased(deal)
    at(deal, 2026, 4, 1)
    assert state_of(snapshot_of(deal.state)) == deal.state


days = st.integers(0, 200)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(days, st.integers(1, 120), st.sampled_from(["1", "0.3333333", "0"])), min_size=1, max_size=3
    ),
    st.lists(days, min_size=1, max_size=4),
    st.integers(0, 40),
)
def test_whenever_the_sweeps_are_everything_is_invoiced_once(
    tmp_path_factory: pytest.TempPathFactory,
    leases: list[tuple[int, int, str]],
    sweeps: list[int],
    release: int,
) -> None:
    deal = Rehearsal(tmp_path_factory.mktemp("months"), market(agreements={}))
    first = date(2026, 1, 12).toordinal()
    for n, (begins, length, kept) in enumerate(leases):
        term = {"begins": date.fromordinal(first + begins), "ends": date.fromordinal(first + begins + length)}
        deal.need(f"n{n}", 3, **term)
        deal.bid("b", 3, "1.2345678", need=f"n{n}", release_share=exact(kept))
        deal.awarded(f"n{n}")
    for day in sorted(sweeps):
        deal.at = max(deal.at, datetime.fromordinal(first + day).replace(tzinfo=UTC))
        deal.sweep()
    lease = deal.state.leases["n0-1"]
    on = max(lease.begins, deal.at.date())
    if date.fromordinal(on.toordinal() + release) < lease.ends:
        deal.release(lease.id, date.fromordinal(on.toordinal() + release))
    deal.at = datetime(2028, 1, 1, tzinfo=UTC)
    deal.sweep()
    assert (balance(deal, "lab:committed"), balance(deal, "b:backlog")) == (0, 0)
    assert Decimal(balance(deal, "lab:payable")) > 0 or not deal.ledger.balances("lab:payable")
    assert not deal.state.billing
    deal.follows()
    deal.broker.close()
