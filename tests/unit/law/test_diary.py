"""The diary: every kind of entry, on its day, with its money."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.adapters.business_days import business_days_of
from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.bootstrap import diary as bootstrap
from offtake.domain.errors import InvalidInput
from offtake.domain.quantities import Span
from offtake.law.diary import DiaryEntry
from offtake.law.procedures import after, before

ESTATE = """
offtake: 1
name: Test
for: us
currency: USD
currencies: {EUR: [1.10 USD from 2026-01-01, 1.20 USD from 2027-01-01]}
horizon: {from: 2026-01-01, until: 2028-01-01, periods: quarter}
parties: {us: {}, seller: {}, lender: {}}
providers: {cloud: {party: seller}}
regions: {here: {jurisdiction: US}}
accelerators: {chip: {power: 2 kW}}
products:
  lease:
    kind: accelerator-hours
    provider: cloud
    region: here
    accelerator: chip
    price: [2 USD/accelerator-hour from 2026-01-01, 1 USD/accelerator-hour from 2027-01-01]
    term: 1 year
    lead: 3 months
    held: [{quantity: 10, from: 2026-01-01, until: 2027-01-01}]
  old: {kind: accelerator-hours, provider: cloud, region: here, accelerator: chip, until: 2026-06-01,
        price: 3 USD/accelerator-hour}
funds:
  loan: {party: lender, amount: 5 million USD, from: 2026-01-01, until: 2027-07-01}
agreements:
  deal:
    between: [us, seller]
    signed: 2025-12-01
    document: the deal
    clauses:
      spend: {kind: commitment, section: "4.2", payer: us, payee: seller, measure: money, amount: 100 EUR, window: year,
              make_up: 1, from: 2026-04-01, until: 2028-01-01, notice: 10 business days, covers: {providers: [cloud]}}
      first: {kind: first-refusal, holder: seller, measure: power, window: 10 business days, calendar: US,
              revives_after: 30 days, until_event: sold, covers: {}}
      quiet: {kind: commitment, payer: us, payee: seller, measure: token-rate, amount: 1000 tokens/s, window: minute,
              shortfall: 1 USD per million tokens, covers: {providers: [cloud]}}
    amendments:
      - {signed: 2026-08-01, ends: {quiet: 2026-10-01}}
events: {sold: {}}
answers:
  - {clause: deal.first, from: 2026-06-25, until: 2026-12-01, offers: 4 MW}
"""


def loaded(text: str = ESTATE) -> Loaded:
    found = load_estate_text(text)
    assert isinstance(found, Loaded), found
    return found


def entries(
    text: str = ESTATE,
    *,
    known_at: date | None = None,
    events: tuple[str, ...] = (),
    begins: date | None = None,
    ends: date | None = None,
    party: str | None = None,
) -> tuple[DiaryEntry, ...]:
    return bootstrap.diary(loaded(text), known_at, events, begins, ends, party)


def one(kind: str, subject: str) -> DiaryEntry:
    found = [entry for entry in entries() if (entry.kind, entry.subject) == (kind, subject)]
    assert len(found) == 1, found
    return found[0]


def test_a_true_up_is_on_the_last_day_and_counts_the_part_of_a_window_that_is_cut() -> None:
    first, second = (entry for entry in entries() if entry.kind == "true-up")
    assert (first.on, second.on) == (date(2026, 12, 31), date(2027, 12, 31))
    # 100 EUR for 275 of 365 days at 1.10 USD, then for the whole year at 1.20.
    assert first.at_stake_cents == round(100 * 275 / 365 * 1.10 * 100)
    assert second.at_stake_cents == 12_000
    assert (second.clause, second.document, second.section) == ("deal.spend", "the deal", "4.2")
    assert second.parties == ("us", "seller")


def test_what_was_not_taken_may_be_drawn_until_the_end_of_the_next_window() -> None:
    assert one("make-up", "deal.spend").on == date(2027, 12, 31)


def test_notice_counts_business_days_back_from_the_end() -> None:
    # Ten business days, 20 to 24 and 27 to 31 December, are over by Saturday 1 January 2028.
    notice = one("notice", "deal.spend")
    assert (notice.on, notice.act_by) == (date(2027, 12, 19), date(2027, 12, 17))


def test_an_answer_is_due_by_the_business_days_of_the_clause() -> None:
    response = one("response", "deal.first")
    # Ten American business days after Thursday 25 June 2026: Friday 3 July is the holiday observed.
    assert response.on == date(2026, 7, 10)
    # 4 MW are 2,000 chips of 2 kW; the cheapest product costs 2 USD an hour; a year has 8,766 hours.
    assert response.at_stake_cents == 2000 * 2 * 8766 * 100
    assert one("revival", "deal.first").on == date(2026, 8, 10)


def test_an_offer_stands_until_the_day_before_its_end() -> None:
    assert one("expiry", "deal.first").on == date(2026, 11, 30)


def test_what_is_held_is_to_be_renewed_and_ordered_a_lead_before() -> None:
    renewal = one("renewal", "lease")
    assert (renewal.on, renewal.at_stake_cents) == (date(2026, 12, 31), 10 * 365 * 24 * 100)
    assert one("notice", "lease").on == date(2026, 10, 1)


def test_products_and_funds_expire_on_their_last_day() -> None:
    assert one("expiry", "old").on == date(2026, 5, 31)
    fund = one("expiry", "loan")
    assert (fund.on, fund.at_stake_cents, fund.parties) == (date(2027, 6, 30), 500_000_000, ("lender",))


def test_a_day_that_is_none_for_business_names_the_one_before() -> None:
    old = one("expiry", "old")  # A Sunday.
    assert (old.on.weekday(), old.act_by) == (6, date(2026, 5, 29))


def test_an_event_that_is_supposed_ends_a_right() -> None:
    found = [
        entry
        for entry in entries(events=("sold=2026-09-01",))
        if entry.kind == "expiry" and entry.subject == "deal.first" and "right of first refusal" in entry.what
    ]
    assert [entry.on for entry in found] == [date(2026, 8, 31)]


def test_what_is_not_known_yet_is_not_in_the_diary() -> None:
    assert [e.on for e in entries() if e.kind == "expiry" and e.subject == "deal.quiet"] == [
        date(2026, 9, 30)
    ]
    known = entries(known_at=date(2026, 7, 31))
    assert [e for e in known if e.kind == "expiry" and e.subject == "deal.quiet"] == []
    assert [e for e in entries(known_at=date(2025, 1, 1)) if e.subject.startswith("deal.")] == []


def test_a_window_of_a_minute_is_no_date() -> None:
    assert [e for e in entries() if e.kind == "true-up" and e.subject == "deal.quiet"] == []


def test_days_are_half_open_and_a_party_sees_its_own() -> None:
    assert entries(begins=date(2026, 12, 31), ends=date(2027, 1, 1))
    assert {e.on for e in entries(begins=date(2026, 12, 31), ends=date(2027, 1, 1))} == {date(2026, 12, 31)}
    assert {e.subject for e in entries(party="lender")} == {"loan"}


def test_keys_are_unique_and_stay_if_only_a_day_moves() -> None:
    keys = [entry.key for entry in entries()]
    assert len(keys) == len(set(keys))
    moved = ESTATE.replace("from: 2026-01-01, until: 2027-01-01}]", "from: 2026-01-01, until: 2027-02-01}]")
    renewals = [[e.key for e in entries(text) if e.kind == "renewal"] for text in (ESTATE, moved)]
    assert renewals[0] == renewals[1] != []


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: entries(begins=date(2027, 1, 1), ends=date(2027, 1, 1)), "--until"),
        (lambda: entries(begins=date(1900, 1, 1), ends=date(2100, 1, 1)), "100 years"),
        (lambda: entries(party="lendr"), "did you mean `lender`"),
        (lambda: entries(events=("sold=soon",)), "2027-05-01"),
    ],
)
def test_what_cannot_be_asked_is_said(ask: Callable[[], object], said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        ask()
    assert said in f"{error.value.message} {error.value.hint}"


def test_a_calendar_of_no_country_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ATLANTIS"):
        entries(ESTATE.replace("calendar: US", "calendar: ATLANTIS"))


def test_holidays_of_a_part_of_a_country_count() -> None:
    corpus_christi = date(2026, 6, 4)
    assert not business_days_of("DE-BY")(corpus_christi)
    assert business_days_of("DE-BE")(corpus_christi)


@given(st.dates(date(1950, 1, 1), date(2150, 1, 1)), st.integers(0, 60))
def test_notice_given_on_the_last_day_is_long_enough(day: date, count: int) -> None:
    span = Span(business_days=count)
    latest = before(span, day)
    assert after(span, latest) <= day < after(span, latest + timedelta(days=1))
