"""Deals simulated on a trace: jobs become needs by the rule, and the answer adds up."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokered import market, right
from offtake.bootstrap.simulating import Wanted, pairs, simulate, without
from offtake.broker.simulating.answer import Simulated, hours, quantile
from offtake.broker.simulating.jobs import Aggregation, Filing, Job, Trace, filings, most_at_once
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

DAY_S = 86_400.0
FIRST = date(2026, 2, 2)
HOW = Aggregation(7, 28, Decimal(1), "lab", "USD")


def job(begins_day: float, days: float, count: float = 1, **more: Any) -> Job:
    return Job(begins_day * DAY_S, (begins_day + days) * DAY_S, round(count * 1000), **more)


def needs(*jobs: Job, how: Aggregation = HOW) -> list[Filing]:
    return list(filings(Trace("t", FIRST, jobs), how))


def test_jobs_of_the_same_windows_are_one_need_of_the_most_at_once() -> None:
    found = needs(job(0, 1, 3), job(2, 1, 4), job(2.5, 1, 0.5), job(6, 2, 1))
    said = [(one.need.quantity, one.need.begins, one.need.ends, one.jobs) for one in found]
    assert said == [
        (5, FIRST, FIRST + timedelta(days=7), 3),  # 4 and a half at once, rounded up.
        (1, FIRST, FIRST + timedelta(days=14), 1),
    ]
    assert {one.at.date() for one in found} == {FIRST - timedelta(days=28)}


def test_a_job_that_ends_with_its_window_needs_no_second() -> None:
    (one,) = needs(job(0, 7))
    assert one.need.ends == FIRST + timedelta(days=7)


def test_parties_kinds_and_classes_are_needs_of_their_own() -> None:
    found = needs(job(0, 1), job(0, 1, party="b"), job(0, 1, kinds=("gpu",)), job(0, 1, group="batch"))
    assert len(found) == 4
    assert sorted(one.need.party for one in found) == ["b", "lab", "lab", "lab"]
    assert any(one.need.id.endswith(".batch") for one in found)


def test_quantities_are_scaled_before_they_are_rounded() -> None:
    (one,) = needs(job(0, 1, 0.25), how=Aggregation(7, 0, Decimal(10), "lab", "USD"))
    assert one.need.quantity == 3


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(1, 64_000)), min_size=1, max_size=40
    ),
    st.integers(1, 14),
)
def test_needs_hold_at_least_what_jobs_run_on(raw: list[tuple[int, int, int]], window: int) -> None:
    jobs = [Job(a * DAY_S, (a + b) * DAY_S, milli) for a, b, milli in raw]
    found = needs(*jobs, how=Aggregation(window, 0, Decimal(1), "lab", "USD"))
    asked = sum((hours(one.need.quantity, one.need.begins, one.need.ends) for one in found), Decimal(0))
    assert float(asked) >= Trace("t", FIRST, tuple(jobs)).accelerator_hours - 1e-6
    assert sum(one.jobs for one in found) == len(jobs)
    assert most_at_once(jobs) <= sum(milli for _, _, milli in raw)


def test_no_job_and_too_many_needs_are_refused() -> None:
    with pytest.raises(InvalidInput, match="no job that ran"):
        needs()
    many = [job(n, 1, group=str(n % 7)) for n in range(30_000)]
    with pytest.raises(InvalidInput, match="at most 20,000"):
        needs(*many, how=Aggregation(1, 0, Decimal(1), "lab", "USD"))


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "jobs.csv"
    lines = ["accelerators,from,until"]
    for week in range(6):
        day = FIRST + timedelta(days=7 * week)
        lines += [f"{100 + 200 * week},{day},{day + timedelta(days=3)}"]
        lines += [f"{40},{day},{day + timedelta(days=20)}"]
    path.write_text("\n".join(lines))
    return path


def estate(**more: Any) -> Estate:
    spend = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "h",
        "measure": "money",
        "amount": "500_000 USD",
        "window": "month",
        "from": "2026-02-01",
        "until": "2027-01-01",
        "covers": {"providers": ["h"]},
    }
    agreements = right()
    agreements["lab-h"]["clauses"]["spend"] = spend
    return Estate.model_validate(market(agreements=agreements, **more))


def simulated(trace: Path, under: Estate | None = None, party: str = "lab", **more: Any) -> Simulated:
    return simulate(under or estate(), "x", Wanted(trace=trace, party=party, **more), lambda *_: None)


def test_what_is_supplied_and_what_it_costs_adds_up(trace: Path) -> None:
    found = simulated(trace)
    assert found.complete
    assert len(found.needs) == 12
    for need in found.needs:
        assert need.by_right + need.at_market + need.unmet == need.quantity
    assert sum((row.hours for row in found.suppliers), Decimal(0)) == found.right_hours + found.market_hours
    assert sum(row.cost_micros for row in found.suppliers) == found.lease_micros
    assert sum(row.cost_micros for row in found.windows) == found.lease_micros
    (used,) = found.rights
    assert (used.clause, used.holder, used.notices) == ("lab-h.rofr", "h", 12)
    assert used.accepted + used.in_part + used.declined + used.lapsed + used.waiting == 12
    assert used.taken_hours == found.right_hours
    for row in found.windows:
        assert row.by_right + row.at_market + row.unmet == row.asked
        assert sum((held for _, held in row.by_supplier), Decimal(0)) == row.by_right + row.at_market
        assert dict(row.by_supplier).get("h", Decimal(0)) <= 1000


def test_commitments_are_billed_where_their_windows_ended(trace: Path) -> None:
    found = simulated(trace)
    ended = [row for row in found.commitments if row.ended]
    assert [row.begins.month for row in ended] == [2]
    for row in ended:
        assert row.short == max(row.lower - row.taken, 0)
        assert row.billed_micros == row.short * 1_000_000
    assert [row.begins.month for row in found.commitments if not row.ended] == [3]


def test_waits_count_business_days_and_the_right_makes_them_longer(trace: Path) -> None:
    under = estate()
    before, after = simulated(trace, under), simulated(trace, without(under, "lab-h"))
    assert before.waits[-1] > after.waits[-1] >= 2
    assert after.rights == ()
    assert after.right_hours == 0
    assert after.lease_micros < before.lease_micros


def test_the_same_seed_gives_the_same_answer(trace: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "responders: 1\nparties:\n  h: {answers: [{take: all, chance: 50 %, after: 1 to 9 business days}]}\n"
    )
    one, again, other = (simulated(trace, rules=rules, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.needs != other.needs


def test_what_was_kept_follows_for_the_auditor(trace: Path, tmp_path: Path) -> None:
    from offtake.bootstrap.broker import verify

    kept = str(tmp_path / "deals.db")
    assert simulated(trace, keep=kept).needs == simulated(trace).needs
    assert verify(kept, None, lambda *_: None).fault is None
    with pytest.raises(InvalidInput, match="is there already"):
        simulated(trace, keep=kept)


def test_interrupted_it_says_how_far_it_got(trace: Path) -> None:
    def stop(_: str, done: int, of: int) -> None:
        if done > of / 2:
            raise KeyboardInterrupt

    found = simulate(estate(), "x", Wanted(trace=trace, party="lab"), stop)
    assert not found.complete
    assert FIRST < found.until < found.ends
    assert 0 < len(found.needs) <= 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"party": "nobody"}, "no party `nobody`"),
        ({"window_days": 0}, "--window is a number of days"),
        ({"scale": "x"}, "no factor"),
        ({"price_limit": "3 EUR"}, "no price of accelerators"),
        ({"kinds": {"X": "y"}}, "no accelerator `y`"),
        ({"columns": {"gpus": "x"}}, "no column `gpus` to name"),
    ],
)
def test_options_that_cannot_be_used_are_told(trace: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        simulated(trace, **options)


def test_an_agreement_signed_after_the_trace_is_remarked(trace: Path) -> None:
    late = estate()
    agreement = late.agreements["lab-h"].model_copy(update={"signed": date(2027, 1, 1)})
    found = simulated(trace, late.model_copy(update={"agreements": {"lab-h": agreement}}))
    assert any("was never asked about" in said for said in found.assumptions)
    assert found.rights == ()


def test_pairs_and_quantiles() -> None:
    assert pairs(["a=b", "V100|T4=x"], "--kind") == {"a": "b", "V100|T4": "x"}
    with pytest.raises(InvalidInput, match="no pair"):
        pairs(["a"], "--kind")
    assert quantile((), Decimal("0.5")) is None
    assert quantile((1, 2, 3, 4), Decimal("0.5")) == 2
    assert quantile((1, 2, 3, 4), Decimal("0.9")) == 4
