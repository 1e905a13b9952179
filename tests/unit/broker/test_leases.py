"""Leases: reserved ahead, extended, given back early; commitments that they burn; rates and provisioned units."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from brokered import Rehearsal, agreed, exact, market, one, why
from offtake.broker.events import LeaseReleased, WindowSettled
from offtake.domain.errors import InvalidInput

YEAR: dict[str, Any] = {"begins": date(2027, 1, 1), "ends": date(2028, 1, 1)}
HOURS = 365 * 24
TAKE: dict[str, Any] = {
    "kind": "commitment",
    "payer": "lab",
    "payee": "b",
    "measure": "accelerator-hours",
    "amount": f"{100 * HOURS} accelerator-hours",
    "window": "year",
    "shortfall": "1 USD/accelerator-hour",
    "covers": {"providers": ["b"]},
    "from": "2027-01-01",
}


@pytest.fixture
def deal(tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(tmp_path, market(agreements=agreed(take=TAKE)))
    yield rehearsal
    rehearsal.follows()
    rehearsal.broker.close()


def leased(deal: Rehearsal, id: str = "n1", quantity: int = 100, **more: Any) -> str:
    """A need met by B at one dollar; the lease's id."""
    deal.need(id, quantity, **{**YEAR, **more})
    deal.bid("b", quantity, 1, need=id)
    return deal.awarded(id).grants[0].lease


def test_a_reservation_ahead_leaves_other_days_free(deal: Rehearsal) -> None:
    leased(deal, "n1", 1000)
    deal.need("n2", 1000, begins=date(2027, 6, 1), ends=date(2027, 7, 1))
    deal.bid("b", 1000, 1, need="n2")
    assert "b-gpu has 0 accelerators free" in why(deal.award("n2"))
    assert leased(deal, "n3", 1000, begins=date(2026, 6, 1), ends=date(2027, 1, 1))


def test_a_release_frees_capacity_and_keeps_the_charges(deal: Rehearsal) -> None:
    lease = leased(deal, quantity=1000)
    released = one(deal.release(lease, date(2027, 7, 1)), LeaseReleased)
    rest = 1000 * 184 * 24
    assert (released.kept_micros, released.waived_micros) == (rest * 1_000_000, 0)
    assert leased(deal, "n2", 1000, begins=date(2027, 7, 1), ends=date(2028, 1, 1))
    assert "was released" in why(deal.release(lease, date(2027, 8, 1)))


def test_a_release_that_the_terms_forgive_waives_its_share(deal: Rehearsal) -> None:
    deal.need(**YEAR)
    deal.bid("b", 100, 1, release_share=exact("0.25"))
    lease = deal.awarded().grants[0].lease
    released = one(deal.release(lease, date(2027, 7, 1)), LeaseReleased)
    rest = 100 * 184 * 24 * 1_000_000
    assert (released.kept_micros, released.waived_micros) == (rest // 4, rest * 3 // 4)
    committed = {account: amount for account, unit, amount in deal.ledger.balances() if unit == "USD"}
    assert committed["lab:committed"] == 100 * HOURS * 1_000_000 - rest * 3 // 4


@pytest.mark.parametrize(("kept", "short"), [(0, 184), (1, 0), ("0.75", 46)])
def test_what_is_released_and_not_owed_falls_short_of_the_commitment(
    deal: Rehearsal, kept: float | str, short: int
) -> None:
    deal.need(**YEAR)
    deal.bid("b", 100, 1, release_share=exact(kept))
    lease = deal.awarded().grants[0].lease
    deal.release(lease, date(2027, 7, 1))
    deal.at = datetime(2028, 1, 1, tzinfo=UTC)
    settled = one(deal.sweep(), WindowSettled)
    assert settled.short == 100 * short * 24
    assert settled.billed_micros == 100 * short * 24 * 1_000_000
    # Kept or short, every hour of the commitment is paid once.
    usd = {account: amount for account, unit, amount in deal.ledger.balances("lab") if unit == "USD"}
    assert usd["lab:payable"] + usd.get("lab:shortfall", 0) == 100 * HOURS * 1_000_000


def test_a_lease_that_takes_all_owes_nothing_more(deal: Rehearsal) -> None:
    leased(deal)
    deal.at = datetime(2028, 1, 1, tzinfo=UTC)
    settled = one(deal.sweep(), WindowSettled)
    assert (settled.short, settled.billed_micros) == (0, 0)


def test_a_lease_is_released_from_a_day_of_its_term_that_is_not_over(deal: Rehearsal) -> None:
    lease = leased(deal)
    for on in (date(2026, 12, 31), date(2028, 1, 1)):
        with pytest.raises(InvalidInput, match="a day of its term"):
            deal.release(lease, on)


def test_an_extension_is_a_need_with_its_supplier_s_bid(deal: Rehearsal) -> None:
    lease = leased(deal)
    deal.extend(lease, date(2029, 1, 1))
    need = f"{lease}.x20290101"
    grant = deal.awarded(need).grants[0]
    extended = deal.state.leases[grant.lease]
    assert (extended.begins, extended.ends, extended.renews) == (date(2028, 1, 1), date(2029, 1, 1), lease)
    with pytest.raises(InvalidInput, match="asked for already"):
        deal.extend(lease, date(2029, 1, 1))
    with pytest.raises(InvalidInput, match="to a later day"):
        deal.extend(lease, date(2027, 6, 1))


def test_a_window_cut_short_counts_for_its_share(tmp_path: Path) -> None:
    half = {**TAKE, "from": "2027-07-02"}
    deal = Rehearsal(tmp_path, market(agreements=agreed(take=half)))
    deal.at = datetime(2028, 1, 1, tzinfo=UTC)
    settled = one(deal.sweep(), WindowSettled)
    assert settled.lower == exact(100 * HOURS) * 183 / 365
    deal.follows()


def test_a_window_that_began_before_the_ledger_is_not_settled(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=agreed(take={**TAKE, "from": "2026-01-01"})))
    deal.at = datetime(2028, 1, 1, tzinfo=UTC)
    settled = one(deal.sweep(), WindowSettled)
    assert settled.begins == date(2027, 1, 1)
    deal.follows()


def test_provisioned_units_are_leased_as_well(tmp_path: Path) -> None:
    reserved = {
        "kind": "provisioned",
        "provider": "z",
        "price": "1 USD/unit-hour",
        "throughput": {"m": {"in": "10 tokens/s", "out": "1 tokens/s"}},
        "limit": 80,
        "held": [{"quantity": 30, "until": "2027-06-01"}],
    }
    estate = market(agreements={}, models={"m": {"vendor": "v"}})
    deal = Rehearsal(tmp_path, {**estate, "products": {**estate["products"], "z-units": reserved}})
    deal.need(quantity=80, measure="units", **YEAR)
    deal.bid("z", 80, 1, supply="z-units")
    awarded = deal.awarded()
    assert (awarded.grants[0].quantity, awarded.unmet) == (50, 30)
    assert "is not sold in accelerators" in why(a_bid_for_accelerators(deal))
    deal.follows()


def a_bid_for_accelerators(deal: Rehearsal) -> Any:
    deal.need("n2", 1, **YEAR)
    return deal.bid("z", 1, 1, need="n2", supply="z-units")
