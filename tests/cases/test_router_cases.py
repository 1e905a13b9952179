"""The worked cases of requests, put to the router: the same answers as `decide`'s, by the same clauses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cases.test_cases import Case, Data, exact, the_case, the_position, the_workload
from offtake.domain.position import Position
from offtake.domain.selection import Interval, SupplyFacts
from offtake.law.facts import supplies
from offtake.law.primitives import Law
from offtake.router.balances import Balances
from offtake.router.choose import Asked, Refused, Route, choose
from offtake.router.drafting import Drafting
from offtake.router.lawful import World
from offtake.router.offers import Offer
from offtake.router.table import PER_MILLION, PICO, Entry, PerToken, Pool, RoutingTable, Tokens
from offtake.router.worth import displaced

HERE = Path(__file__).parent
NOTHING = Tokens(0, 0, 0)


def request_checks() -> Iterator[Any]:
    """The checks that are about a request on one day."""
    for path in sorted(HERE.glob("case_*.yaml")):
        case = yaml.safe_load(path.read_text())
        for check in case["checks"]:
            action = check.get("action", {})
            one_day = "until" in action and action["until"] - action["from"] == timedelta(days=1)
            if action.get("kind") == "process" and one_day and "discharges" not in action:
                yield pytest.param(case, check, id=f"{case['case']}: {check['name']}")


def noon(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def tabled(world: World, entries: dict[str, Entry], drafting: Drafting) -> RoutingTable:
    return RoutingTable(
        "v", world.day, world.currency, world.payer, world.law, world.position, tuple(drafting.meters),
        tuple(drafting.tiers), tuple(drafting.pools), {(id, "m"): e for id, e in entries.items()}, {},
    )  # fmt: skip


def one_token_costs(case: Case, action: Data) -> PerToken:
    """A price at which a request of one token costs what the case says, in the currency it says."""
    del case
    pico = int(exact(action.get("money")) * PICO)
    return PerToken(pico, pico, pico)


@pytest.mark.parametrize(("case", "check"), list(request_checks()))
def test_case(case: Data, check: Data) -> None:
    known, action = the_case(case, check), check["action"]
    world = World(
        known.law, known.position, action["from"], action.get("currency", "USD"), action.get("actor")
    )
    facts = the_workload(action.get("workload"))
    drafting = Drafting(world, ())
    entry = drafting.entry(
        facts, [Offer(known.supply(action["supply"]), "m", one_token_costs(known, action))]
    )
    table = tabled(world, {"k": entry}, drafting)
    now, token = noon(world.day), Tokens(1, 0, 0)
    found = choose(table, Asked((entry,), token, token), Balances(table, now), now)
    if "refused" in check:
        assert isinstance(found, Refused)
        assert list(found.clauses) == check["refused"]
    else:
        # An obligation to ask over traffic is met: the holder has no supply here that could take it.
        assert isinstance(found, Route)
        assert list(found.offered) == [o["clause"] for o in check["permitted"] if "ask" in o]


EU_LAW = yaml.safe_load("""
policy:
  between: [lab]
  signed: 2025-01-01
  clauses:
    eu: {kind: residency, data_classes: [eu], boundary: [EU]}
    purse: {kind: budget, payer: lab, amount: 100 USD, window: month}
    per-minute: {kind: ceiling, measure: tokens, upper: 1000 tokens, window: minute, covers: {products: [metered]}}
    traffic: {kind: first-refusal, holder: h, over: traffic, covers: {channels: [api]}}
""")


def lab_law() -> Law:
    case: Data = {"estate": {"agreements": EU_LAW}}
    return the_case(case, {}).law


DAY = date(2026, 1, 15)
PRICE = PerToken(PER_MILLION, PER_MILLION, PER_MILLION)


def supply(id: str, country: str, provider: str = "z") -> SupplyFacts:
    deployment, _, product = id.partition("/")
    return SupplyFacts(
        id, form="tokens", provider=provider, party=provider, deployment=deployment, product=product,
        may_process_in=frozenset({country}),
    )  # fmt: skip


class Bench:
    """A table of EU and free traffic over some offers, and what is counted on it."""

    def __init__(
        self, *offers: Offer, pools: tuple[Pool, ...] = (), law: Law | None = None, channel: str | None = None
    ) -> None:
        world = World(law or lab_law(), Position(), DAY, "USD", "lab")
        drafting = Drafting(world, pools)
        facts = {
            "eu": replace(the_workload({"id": "chat", "data_class": "eu"}), channel=channel),
            "free": replace(the_workload({"id": "batch"}), channel=channel),
        }
        self.entries = {id: drafting.entry(f, offers) for id, f in facts.items()}
        self.table = tabled(world, self.entries, drafting)
        self.now = noon(DAY)
        self.load = Balances(self.table, self.now)

    def ask(self, who: str, tokens: int = 0, **more: Any) -> Route | Refused:
        size = Tokens(tokens, 0, 0)
        return choose(self.table, Asked((self.entries[who],), size, size, **more), self.load, self.now)

    def send(self, who: str, tokens: int) -> str | None:
        """Asks, and holds where it goes; the supply, or None."""
        found, size = self.ask(who, tokens), Tokens(tokens, 0, 0)
        if isinstance(found, Refused):
            return None
        hold = self.load.hold(found.candidate, size, size, self.now, found.captive)
        self.load.settle(hold, size, self.now)
        return found.candidate.id


def test_case_17_when_eu_deployments_are_down_eu_data_goes_nowhere() -> None:
    bench = Bench(Offer(supply("eu/t", "SE"), "m", PRICE), Offer(supply("us/t", "US"), "m", PRICE))
    assert bench.send("eu", 1) == "eu/t"
    for _ in range(5):
        bench.load.breaker("eu/t").failed(bench.now)
    down = bench.ask("eu", 1)
    assert isinstance(down, Refused)
    assert down.why == "down"
    assert down.clauses == ("policy.eu",)
    assert bench.send("free", 1) == "us/t"
    tried = bench.ask("eu", 1, excluded=frozenset({"eu/t"}))
    assert isinstance(tried, Refused)


def reserved(worth: float, rate: float) -> Pool:
    return Pool(
        "r", 1000 * PICO, reserved=True, captive_rate=rate * PICO, captive_size=50 * PICO, worth=worth
    )


def with_reservation(pool: Pool, price: PerToken = PRICE) -> Bench:
    unit = PerToken(PICO, PICO, PICO)
    return Bench(
        Offer(supply("eu/r", "SE"), "m", PerToken(0, 0, 0), "r", unit),
        Offer(supply("us/t", "US"), "m", price),
        pools=(pool,),
    )


def test_case_22_what_a_minute_leaves_is_gone_and_what_is_beyond_it_overflows() -> None:
    bench = with_reservation(reserved(0.0, 0.0))
    assert [bench.send("free", 200) for _ in range(2)] == ["eu/r"] * 2
    bench.now += 60
    assert [bench.send("free", 500) for _ in range(3)] == ["eu/r", "eu/r", "us/t"]


@pytest.mark.parametrize(("share", "goes_to"), [(0.99, "us/t"), (1.01, "eu/r")])
def test_case_23_a_reservation_is_kept_for_those_who_have_nowhere_else(share: float, goes_to: str) -> None:
    pool = reserved(3.0 * PER_MILLION / PICO, 10.0)
    half_full = with_reservation(pool)
    half_full.load.pools[0].hold(500 * PICO, half_full.now)
    worth = displaced(half_full.table, 0, 300 * PICO, half_full.load, half_full.now)
    assert 0 < worth < 300 * 3.0 * PER_MILLION
    # The cheap deployment costs a little less than what the reservation is worth to EU data by now, or more.
    cost = int(worth / 300 * share)
    bench = with_reservation(pool, PerToken(cost, cost, cost))
    bench.load.pools[0].hold(500 * PICO, bench.now)
    assert bench.send("free", 300) == goes_to
    bench.now += 10
    assert bench.send("eu", 200) == "eu/r"


def test_a_reservation_that_nobody_else_needs_is_used_first() -> None:
    bench = with_reservation(reserved(1.01 * PER_MILLION / PICO, 0.0))
    assert bench.send("free", 300) == "eu/r"


def test_case_24_a_budget_holds_what_is_in_flight() -> None:
    bench = Bench(Offer(supply("us/t", "US"), "m", PerToken(PICO, PICO, PICO)))
    assert bench.send("free", 90) == "us/t"
    first, size = bench.ask("free", 8), Tokens(8, 0, 0)
    assert isinstance(first, Route)
    hold = bench.load.hold(first.candidate, size, size, bench.now, captive=False)
    second = bench.ask("free", 8)
    assert isinstance(second, Refused)
    assert (second.why, second.clauses) == ("meter", ("policy.purse",))
    bench.load.settle(hold, Tokens(5, 0, 0), bench.now)
    assert isinstance(bench.ask("free", 5), Route)
    assert isinstance(bench.ask("free", 6), Refused)


def test_a_meter_by_the_minute_begins_anew() -> None:
    bench = Bench(Offer(supply("us/metered", "US"), "m", PRICE))
    assert [bench.send("free", 600) for _ in range(2)] == ["us/metered", None]
    bench.now += 60
    assert bench.send("free", 600) == "us/metered"


def test_case_15_the_holder_of_a_right_over_traffic_is_served_while_it_has_room() -> None:
    dear = PerToken(9 * PER_MILLION, 9 * PER_MILLION, 9 * PER_MILLION)
    bench = Bench(
        Offer(supply("us/t", "US"), "m", PRICE),
        Offer(supply("us-h/t", "US", "h"), "m", dear, concurrency=1),
        channel="api",
    )
    first, size = bench.ask("free", 1), Tokens(1, 0, 0)
    assert isinstance(first, Route)
    assert first.candidate.id == "us-h/t"
    bench.load.hold(first.candidate, size, size, bench.now, captive=False)
    then = bench.ask("free", 1)
    assert isinstance(then, Route)
    assert (then.candidate.id, then.offered) == ("us/t", ("policy.traffic",))


def test_a_table_of_another_day_has_no_route() -> None:
    bench = Bench(Offer(supply("us/t", "US"), "m", PRICE))
    bench.now += 86_400
    assert isinstance(bench.ask("free", 1), Refused)


COMMITTED = yaml.safe_load("""
cloud:
  between: [lab, z]
  signed: 2025-01-01
  clauses:
    spend: {kind: commitment, payer: lab, payee: z, measure: money, amount: 1200 USD, covers: {providers: [z]}}
""")


def test_a_commitment_is_paced_over_its_window() -> None:
    law = the_case({"estate": {"agreements": COMMITTED}}, {}).law
    dear, cheap = PerToken(2 * PICO, 2 * PICO, 2 * PICO), PerToken(PICO, PICO, PICO)
    bench = Bench(
        Offer(supply("a/t", "US", "z"), "m", dear), Offer(supply("b/t", "US", "y"), "m", cheap), law=law
    )
    # By the middle of January 48 of 1,200 are due; what is behind the pace is paid anyway, so it is taken there.
    taken = [bench.send("free", 5) for _ in range(12)]
    due = taken.count("a/t")
    assert taken == ["a/t"] * due + ["b/t"] * (12 - due)
    assert 4 <= due <= 6


def test_every_supply_of_the_estate_is_a_candidate_or_barred() -> None:
    case = yaml.safe_load((HERE / "case_16.yaml").read_text())
    known = the_case(case, {})
    world = World(known.law, known.position, DAY, "USD", None)
    entry = Drafting(world, ()).entry(
        the_workload({"id": "chat", "data_class": "eu", "channel": "api"}),
        [Offer(s, "m", PRICE) for s in supplies(known.estate)],
    )
    assert [c.id for c in entry.candidates] == ["data-zone/t", "us-logs/t"]
    assert {b.supply: [r.origin.clause for r in b.reasons] for b in entry.barred} == {
        "everywhere/t": ["policy.eu"],
        "silent/t": ["policy.eu"],
    }
    assert Interval(DAY, DAY + timedelta(days=1)) == world.interval
    assert the_position({}) == world.position
