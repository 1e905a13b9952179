"""Users, requests and tokens as tokens a second: what is folded is what was stated."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.demand.traffic.folding import folded, in_typical_hours, week_of
from offtake.domain.estate import TypicalHour
from offtake.domain.quantities import parse_figure
from offtake.domain.usage import WeeklyProfile
from offtake.domain.week import HOURS_PER_WEEK
from offtake.domain.workloads import InferenceClass, Traffic

HEAD = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2029-01-01}
hours:
  busy: {weight: 29.8 %, utc: mon-fri 08-18}
  quiet: {weight: 70.2 %, utc: [mon-fri 18-24, mon-fri 00-08, sat-sun 00-24]}
regions: {us: {jurisdiction: US, at: [40, -75]}, de: {jurisdiction: DE, at: [52, 13]}, in: {jurisdiction: IN}}
accelerators: {chip: {peak: {bf16: 2 PFLOP/s}, power: 2 kW, price: 40000 USD/accelerator, life: 5 years}}
parties: {lab: {}}
products:
  lease: {kind: accelerator-hours, provider: lab, region: us, accelerator: chip, price: 2 USD/accelerator-hour}
providers: {lab: {}}
models: {chat: {rates: {chip: {out: 900 tokens/s}}}}
"""
PROFILE = """\
profiles:
  office:
    day: [0 %, 0 %, 0, 0, 0, 0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0, 0, 0, 0, 0, 0]
    week: [20 %, 20 %, 20 %, 20 %, 20 %, 0 %, 0 %]
"""
USAGE = """\
workloads:
  talk:
    kind: inference
    models: [chat]
    worth: 9 USD/Mtoken
    usage:
      users: [{value: 40 million users from 2026-01-01, source: a report}, 60 million users from 2027-01-01]
      part: 50 %
      requests: 8.64 requests/user-day
      tokens: {in: 1000 tokens/request, out: {value: 250 tokens/request, assumed: true}}
      growth: {users: 10 %, requests: 0 %, tokens: 20 %}
      profile: office
      regions:
        - {region: us, share: 75 %, clock: UTC-5}
        - {region: de, share: 25 %, clock: UTC+1}
"""


def rows(text: str) -> tuple[Traffic, ...]:
    found = load_estate_text(text, "e.yaml")
    assert isinstance(found, Loaded), found
    workload = found.estate.workloads["talk"]
    assert isinstance(workload, InferenceClass)
    return workload.traffic


def test_tokens_a_second_are_users_times_requests_times_tokens() -> None:
    us, de = rows(HEAD + PROFILE + USAGE)
    # 40 million x 50 % x 75 % x 8.64 a day / 86,400 x 1,000 tokens.
    assert us.tokens_in.value_at(date(2026, 6, 1)) == pytest.approx(1_500_000)
    assert us.tokens_out.value_at(date(2026, 6, 1)) == pytest.approx(375_000)
    assert us.tokens_in.value_at(date(2027, 1, 1)) == pytest.approx(2_250_000)
    assert us.tokens_in.value_at(date(2025, 12, 31)) == 0
    assert de.tokens_in.value_at(date(2026, 6, 1)) == pytest.approx(500_000)


def test_growth_is_that_of_the_product() -> None:
    growth = rows(HEAD + PROFILE + USAGE)[0].growth
    assert growth is not None
    assert growth.amount == Decimal("0.32")


def test_each_region_works_by_its_own_clock() -> None:
    us, de = rows(HEAD + PROFILE + USAGE)
    # Work from 8 to 18 in Virginia is 13 to 23 UTC: five of its ten hours are busy; in Germany 7 to 17, nine of ten.
    assert us.profile["busy"].value == pytest.approx(168 * 0.5 / 168 / 0.298)
    assert de.profile["busy"].value == pytest.approx(0.9 / 0.298)


def test_what_rests_on_an_assumption_is_one_and_sources_are_kept() -> None:
    us = rows(HEAD + PROFILE + USAGE)[0]
    figure = us.tokens_in.at(date(2026, 6, 1))
    assert figure is not None
    assert (figure.assumed, figure.source) == (True, "a report")


def test_without_a_profile_the_load_is_even_and_hours_may_stay_unsaid() -> None:
    text = (
        (HEAD + USAGE)
        .replace("      profile: office\n", "")
        .replace("utc: mon-fri 08-18", "")
        .replace("utc: [mon-fri 18-24, mon-fri 00-08, sat-sun 00-24]", "")
    )
    assert all(not row.profile for row in rows(text))


def test_an_estate_that_states_tokens_is_left_as_it_is() -> None:
    text = HEAD + (
        "workloads: {talk: {kind: inference, models: [chat], worth: 9 USD/Mtoken, "
        "traffic: [{region: us, in: 9 tokens/s, out: 1 tokens/s}]}}\n"
    )
    found = load_estate_text(text, "e.yaml")
    assert isinstance(found, Loaded)
    assert folded(found.estate) is found.estate


REFUSED = [
    ("day: [0 %, 0 %", "day: [5 %, 0 %", "profiles.office.day", "profile"),
    ("day: [0 %, 0 %", "day: [0 %", "profiles.office.day", "profile"),
    ("week: [20 %", "week: [30 %", "profiles.office.week", "profile"),
    ("share: 25 %", "share: 20 %", "workloads.talk.usage.regions", "profile"),
    ("region: de", "region: us", "workloads.talk.usage.regions[1].region", "stated-twice"),
    ("UTC+1", "CET", "workloads.talk.usage.regions[1].clock", "clock"),
    (", clock: UTC-5", "", "workloads.talk.usage.regions[0]", "clock"),
    ("profile: office", "profile: offise", "workloads.talk.usage.profile", "unknown-reference"),
    ("region: de,", "region: dee,", "workloads.talk.usage.regions[1].region", "unknown-reference"),
    ("part: 50 %", "part: 150 %", "workloads.talk.usage.part", "range"),
    ("8.64 requests/user-day", "8.64 requests", "workloads.talk.usage.requests", "quantity"),
    ("users: 10 %", "users: -10 %", "workloads.talk.usage.growth.users", "quantity"),
    ("    worth", "    traffic: [{region: us, in: 9 tokens/s, out: 9 tokens/s}]\n    worth",
     "workloads.talk.traffic", "stated-twice"),
    ("    worth", "    profile: {busy: 1, quiet: 1}\n    worth", "workloads.talk.profile", "stated-twice"),
    ("mon-fri 08-18", "mon-fri 08-17", "hours.busy.weight", "weights"),
    ("mon-fri 08-18", "mon-fri 08-19", "hours.quiet.utc[0]", "hours"),
    ("mon-fri 18-24, ", "mon-thu 18-24, ", "hours", "hours"),
    ("mon-fri 08-18", "mun-fri 08-18", "hours.busy.utc[0]", "hours"),
    (", utc: mon-fri 08-18", "", "hours.busy", "hours"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "path", "code"), REFUSED)
def test_what_cannot_be_folded_is_refused_at_its_place(before: str, after: str, path: str, code: str) -> None:
    text = HEAD + PROFILE + USAGE
    assert before in text
    problems = load_estate_text(text.replace(before, after, 1), "e.yaml").problems
    errors = [p for p in problems if p.severity == "error"]
    assert (path, code) in {(p.path, p.code) for p in errors}
    changed = text[: text.index(before)].count("\n") + 1
    assert min(abs(p.line - changed) for p in errors if p.path == path) <= 4
    assert all(p.column >= 1 for p in errors)


def test_a_class_without_traffic_or_usage_is_refused() -> None:
    text = HEAD + "workloads: {talk: {kind: inference, models: [chat], worth: 9 USD/Mtoken}}\n"
    assert [(p.path, p.code) for p in load_estate_text(text).problems] == [
        ("workloads.talk", "figures-missing")
    ]


def test_a_profile_needs_hours_that_say_which_they_are() -> None:
    text = (
        (HEAD + PROFILE + USAGE)
        .replace(", utc: mon-fri 08-18", "")
        .replace(", utc: [mon-fri 18-24, mon-fri 00-08, sat-sun 00-24]", "")
    )
    (problem,) = [p for p in load_estate_text(text).problems if p.severity == "error"]
    assert (problem.path, problem.code, problem.line) == ("hours", "hours", 3)


weights = st.lists(st.integers(0, 1000), min_size=24, max_size=24).filter(any)
days = st.lists(st.integers(0, 1000), min_size=7, max_size=7).filter(any)
clocks = st.builds(
    lambda sign, hours, minutes: f"UTC{sign}{hours}{minutes}",
    st.sampled_from("+-"),
    st.integers(0, 12),
    st.sampled_from(["", ":00", ":15", ":30", ":45"]),
)


def profile_of(day: list[int], week: list[int]) -> WeeklyProfile:
    def shares(counts: list[int]) -> tuple[object, ...]:
        return tuple(parse_figure(f"{Decimal(one) / sum(counts):.12f}", "share") for one in counts)

    return WeeklyProfile.model_validate({"day": shares(day), "week": shares(week)})


@given(weights, days, clocks, st.lists(st.integers(0, 3), min_size=168, max_size=168))
def test_folding_conserves_tokens(day: list[int], week: list[int], clock: str, belongs: list[int]) -> None:
    found = week_of(profile_of(day, week), clock)
    with localcontext() as context:
        context.prec = 60
        assert abs(sum(found) / HOURS_PER_WEEK - 1) < Decimal("1e-50")
        hours = {
            f"h{one}": TypicalHour.model_validate(
                {
                    "weight": parse_figure(f"{Decimal(belongs.count(one)) / 168:.3f}", "share"),
                    "utc": tuple(
                        f"{('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')[h // 24]} {h % 24}-{h % 24 + 1}"
                        for h in range(168)
                        if belongs[h] == one
                    ),
                }
            )
            for one in sorted(set(belongs))
        }
        loads = in_typical_hours(found, hours)
        assert abs(sum(hours[id].weight.amount * load for id, load in loads.items()) - 1) < Decimal("1e-50")


@given(weights, days)
def test_a_clock_moves_the_week_and_changes_nothing_else(day: list[int], week: list[int]) -> None:
    here, there = (week_of(profile_of(day, week), clock) for clock in ("UTC", "UTC+3"))
    assert there == here[3:] + here[:3]
