"""The choice and the law agree: no route that `decide` refuses, and no refusal of what it permits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laws.strategies import days, estates, positions, supplies, workloads
from offtake.domain.position import Position, Reading
from offtake.domain.selection import Action, SupplyFacts, WorkloadFacts
from offtake.law.compile import compile_law
from offtake.law.decide import Permit, decide
from offtake.law.primitives import Law
from offtake.router.balances import Balances
from offtake.router.choose import Asked, Refused, Route, choose
from offtake.router.drafting import Drafting
from offtake.router.lawful import World, amounts_of, discharged, holds
from offtake.router.offers import Offer
from offtake.router.table import PICO, CountedMeter, Entry, PerToken, RoutingTable, Tokens

searching = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
prices = st.sampled_from([PerToken(n * 10**6, n * 10**6, 2 * n * 10**6) for n in (0, 1, 10_000, 1_000_000)])
sizes = st.sampled_from([Tokens(0, 0, 0), Tokens(40, 0, 0), Tokens(20, 10, 30), Tokens(1_000_000, 0, 1)])


def drawn(data: st.DataObject) -> World:
    estate = data.draw(estates())
    law = compile_law(estate, data.draw(st.none() | days))
    meters = tuple(meter.id for meter in law.meters)
    position = data.draw(positions(meters, tuple(p.id for p in law.procedures)))
    return World(law, position, data.draw(days), data.draw(st.sampled_from(("USD", "EUR", "GBP"))), "p")


def the_table(world: World, facts: WorkloadFacts, offers: list[Offer]) -> tuple[RoutingTable, Entry]:
    drafting = Drafting(world, ())
    entry = drafting.entry(facts, offers)
    table = RoutingTable(
        "v", world.day, world.currency, world.payer, world.law, world.position,
        tuple(drafting.meters), tuple(drafting.tiers), (), {("k", "m"): entry}, {"k": ("m",)},
    )  # fmt: skip
    return table, entry


def noon(day: date) -> float:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()


def scale_of(meter: CountedMeter) -> int:
    return PICO * 60 if meter.meter.measure == "token-rate" else PICO


def read_so_far(table: RoutingTable, load: Balances, now: float, position: Position) -> Position:
    """The position with what the gateway holds and has settled, as the ledger would read it."""
    ends = table.day + timedelta(days=1)
    own = [
        Reading(m.id, table.day, ends, Decimal(load.meter(n, now) - m.base) / scale_of(m))
        for n, m in enumerate(table.meters)
    ]
    return replace(position, readings=(*position.readings, *own))


def lawful(
    world: World, position: Position, facts: WorkloadFacts, supply: SupplyFacts, tokens: Tokens, cost: int
) -> bool:
    """What `decide` says of one request, its rights over traffic offered, approvals not to be had in time."""
    asks = [p.id for p in world.law.procedures if p.over == "traffic"]
    answered, answers = discharged(replace(world, position=position), asks)
    action = Action(
        kind="process", interval=world.interval, actor=facts.party or world.payer, counterparty=supply.party,
        workload=facts, supply=supply, quantities=amounts_of(tokens.total), money=Decimal(cost) / PICO,
        currency=world.currency, spending="tokens", discharges=answers,
    )  # fmt: skip
    answer = decide(world.law, answered, action)
    return isinstance(answer, Permit) and not any(o.kind == "approval" for o in answer.obligations)


@searching
@given(st.data())
def test_no_route_that_the_law_refuses_and_no_refusal_of_what_it_permits(data: st.DataObject) -> None:
    world, facts = drawn(data), data.draw(workloads())
    supply, price = data.draw(supplies()), data.draw(prices)
    table, entry = the_table(world, facts, [Offer(supply, "m", price)])
    now = noon(world.day)
    load = Balances(table, now)
    for tokens in data.draw(st.lists(sizes, min_size=1, max_size=3)):
        position = read_so_far(table, load, now, world.position)
        found = choose(table, Asked((entry,), tokens, tokens), load, now)
        permitted = lawful(world, position, facts, supply, tokens, price.of(tokens))
        assert isinstance(found, Route) == permitted
        if isinstance(found, Route):
            load.hold(found.candidate, tokens, tokens, now, captive=False)


@searching
@given(st.data())
def test_a_refusal_names_the_clauses_that_decide_names(data: st.DataObject) -> None:
    world, facts = drawn(data), data.draw(workloads())
    supply, price, tokens = data.draw(supplies()), data.draw(prices), data.draw(sizes)
    table, entry = the_table(world, facts, [Offer(supply, "m", price)])
    found = choose(table, Asked((entry,), tokens, tokens), Balances(table, noon(world.day)), noon(world.day))
    action = replace(
        world.action(facts, supply),
        quantities=amounts_of(tokens.total),
        money=Decimal(price.of(tokens)) / PICO,
    )
    answer = decide(world.law, world.position, action)
    if isinstance(found, Refused) and not isinstance(answer, Permit):
        named = set(found.clauses)
        # A supply that a mask bars is not asked for its meters too: what is named is part of what decide names.
        assert named <= set(answer.clauses)
        assert named


@searching
@given(st.data())
def test_every_route_of_many_is_lawful_and_holders_of_traffic_come_first(data: st.DataObject) -> None:
    world, facts = drawn(data), data.draw(workloads())
    places = {s.id: s for s in data.draw(st.lists(supplies(), min_size=1, max_size=3))}
    offers = [Offer(supply, "m", data.draw(prices)) for supply in places.values()]
    tokens = data.draw(sizes)
    table, entry = the_table(world, facts, offers)
    found = choose(table, Asked((entry,), tokens, tokens), Balances(table, noon(world.day)), noon(world.day))
    by_id = {offer.supply.id: offer for offer in offers}

    def may(offer: Offer) -> bool:
        cost = (offer.price or PerToken(0, 0, 0)).of(tokens)
        return lawful(world, world.position, facts, offer.supply, tokens, cost)

    if isinstance(found, Refused):
        assert not any(may(offer) for offer in offers)
    else:
        assert may(by_id[found.candidate.id])
        free = [c for c in entry.candidates if may(by_id[c.id])]
        for _, holder, _ in found.candidate.asks:
            assert not any(holds(holder, other) for other in free)


@searching
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=5))
def test_what_is_settled_is_what_was_used(uses: list[tuple[int, int]]) -> None:
    world = World(compile_law_of_a_budget(), Position(), date(2026, 3, 1), "USD", "p")
    price = PerToken(10**6, 10**6, 2 * 10**6)
    table, entry = the_table(world, WorkloadFacts("chat"), [Offer(SupplyFacts("d/t"), "m", price)])
    now = noon(world.day)
    load, spent = Balances(table, now), 0
    for asked, used in uses:
        candidate = entry.candidates[0]
        hold = load.hold(candidate, Tokens(asked, 0, 0), Tokens(asked, 0, 0), now, captive=False)
        assert load.meter(0, now) == spent + price.of(Tokens(asked, 0, 0))
        spent += load.settle(hold, Tokens(used, 0, 0), now)
        assert load.meter(0, now) == spent
    assert Fraction(spent, PICO) == Fraction(sum(used for _, used in uses), 10**6)


def compile_law_of_a_budget() -> Law:
    from offtake.domain.estate import Estate

    clause = {"kind": "budget", "payer": "p", "amount": "100 USD", "window": "month"}
    agreement = {"between": ["p"], "signed": "2026-01-01", "clauses": {"budget": clause}}
    whole = {
        "offtake": 1,
        "horizon": {"from": "2026-01-01", "until": "2027-01-01"},
        "agreements": {"a": agreement},
    }
    return compile_law(Estate.model_validate(whole))
