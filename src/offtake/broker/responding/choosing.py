"""(rules, what a party sees of a need) to the commands that it gives, and when. Pure; what a party does not see decides
nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final, Protocol

from offtake.broker.commands import Answer, Approve, Award, Cancel, Command, MakeBid
from offtake.broker.library import whole_steps
from offtake.broker.responding.rules import (
    Amount,
    AnswerRule,
    Asked,
    AwardRule,
    BidRule,
    Delay,
    Fitting,
    PartyRules,
)
from offtake.broker.terms import Bid, Part, Quantified
from offtake.broker.views import NeedView, NoticeView, SupplyView
from offtake.domain.quantities import Span
from offtake.law.procedures import BusinessDay, after

ZERO: Final = Decimal(0)
LONGEST_KEY: Final = 100
MORNING: Final = time(9, tzinfo=UTC)


class World(Protocol):
    """What a party knows beside the need: its own supplies, and what is free and leased of them."""

    def supplies(self, party: str) -> Mapping[str, SupplyView]:
        """The supplies that are a party's own, by id."""
        ...

    def free(self, supply: str, begins: date, ends: date, measure: Quantified) -> Decimal | None:
        """What is free of one on all days of [begins, ends); None if that is not known, or without limit."""
        ...

    def leased(
        self, party: str, supplies: Collection[str], begins: date, ends: date, measure: Quantified
    ) -> Decimal:
        """The most that is leased from some of them on any day of [begins, ends), or taken and to be awarded."""
        ...

    def list_price(self, supply: str, measure: Quantified, on: date) -> tuple[Decimal, str] | None:
        """The estate's price per unit of a measure and hour, and its currency; None if it is not known."""
        ...

    def business_day(self, calendar: str | None) -> BusinessDay:
        """The business days of a calendar."""
        ...

    def awaited(self, party: str | None, need: str) -> Collection[str]:
        """The clauses under which a need waits for a party's approval, or for anybody's."""
        ...

    def draw(self, what: str) -> float:
        """A number in [0, 1) that is always the same for the same question."""
        ...


@dataclass(frozen=True, slots=True)
class Response:
    """A command that a party gives at a time, by a rule; the key is the same whenever the same is asked."""

    at: datetime
    party: str
    command: Command
    key: str
    rule: str

    @property
    def idempotency_key(self) -> str:
        """The key by which the command counts once, of the form and length that a server takes."""
        stated = f"rule:{self.key.replace(' ', ':')}"
        if len(stated) <= LONGEST_KEY and stated.isascii():
            return stated
        return f"rule:{hashlib.sha256(self.key.encode()).hexdigest()}"


def as_supplier(party: str, rules: PartyRules, need: NeedView, world: World) -> Iterator[Response]:
    """A party's answer to an open notice, or its bids at the market; `need` is as a provider sees it."""
    for notice in need.notices:
        if notice.holder == party and notice.outcome == "open":
            found = _answer(party, rules, need, notice, world)
            if found is not None:
                yield found
    if need.stage == "overflow" and need.open_since is not None:
        for place, rule in enumerate(rules.bids):
            bid = _bid(party, rules, rule, place, need, need.open_since, world)
            if bid is not None:
                yield bid


def as_tenant(party: str, rules: PartyRules, need: NeedView, world: World) -> Iterator[Response]:
    """When a party awards a need of its own, or gives it up; `need` as its tenant sees it."""
    rule, since = rules.awards, need.open_since
    if rule is None or since is None or need.party != party:
        return
    if need.leases:
        if need.stage == "overflow" and rule.rest == "cancel":
            yield Response(_morning(since), party, Cancel(need=need.id), f"rest {need.id}", f"{party}.awards")
        return
    yield from _awards(party, rules, rule, need, since, world)


def as_approver(party: str, rules: PartyRules, need: NeedView, world: World) -> Iterator[Response]:
    """The approvals that a party gives to a need; `need` whole, as who approves it is shown it."""
    if not rules.approves or need.filed is None or need.stage in ("awarded", "cancelled"):
        return
    awaited = world.awaited(party, need.id)
    for place, rule in enumerate(rules.approves):
        small = rule.up_to is None or (
            rule.up_to.measure == need.measure and need.quantity <= rule.up_to.amount
        )
        if rule.clause in awaited and small:
            key = f"approve {rule.clause} {need.id}"
            at = _delayed(need.filed, rule.after, rules, world, key)
            command = Approve(clause=rule.clause, by=party, need=need.id)
            yield Response(at, party, command, key, f"{party}.approves[{place}]")


def _awards(
    party: str, rules: PartyRules, rule: AwardRule, need: NeedView, since: date, world: World
) -> Iterator[Response]:
    where = f"{party}.awards"
    waits = any(one.outcome == "open" for one in need.notices)
    approved = not world.awaited(None, need.id)
    if approved and not waits and (need.bids or need.left < need.quantity):
        at = _delayed(_morning(since), rule.after, rules, world, f"award {need.id} {since}")
        key = f"award {need.id} {since} {len(need.bids)} {len(need.notices)}"
        yield Response(at, party, Award(need=need.id), key, where)
    if rule.gives_up_after is not None:
        at = _delayed(_morning(since), rule.gives_up_after, rules, world, f"gives up {need.id} {since}")
        yield Response(at, party, Cancel(need=need.id), f"gives up {need.id} {since}", where)


def _answer(
    party: str, rules: PartyRules, need: NeedView, notice: NoticeView, world: World
) -> Response | None:
    key = f"answer {notice.id}"
    for place, rule in enumerate(rules.answers):
        if rule.clauses and notice.clause not in rule.clauses:
            continue
        if not _fits(rule, need, notice.quantity) or not _chosen(rule, world, f"{key} {place}"):
            continue
        command = _taken(party, rule, need, notice, world)
        at = _delayed(notice.received, rule.after, rules, world, f"{key} {place}")
        return Response(at, party, command, key, f"{party}.answers[{place}]")
    if rules.otherwise == "silent":
        return None
    return Response(notice.received, party, Answer(need=need.id, holder=party), key, f"{party}.otherwise")


def _taken(party: str, rule: AnswerRule, need: NeedView, notice: NoticeView, world: World) -> Answer:
    """What a rule takes of a notice; it declines if it has nothing to take, or is not paid what it asks."""
    declined = Answer(need=need.id, holder=party)
    own = world.supplies(party)
    used = [own[id] for id in rule.supplies or sorted(own) if id in own and _suited(own[id], need)]
    if not used:
        return declined
    asked = _price(rule.price, used[0], need, world)
    if asked is None and rule.price is not None:
        return declined
    if asked is not None and notice.price is not None and notice.price < asked:
        return declined
    wanted = rule.take.of(notice.quantity, need.measure)
    for bound in (rule.at_most, rule.in_all):
        limit = _in_measure(bound, need.measure, used[0])
        if limit is not None and bound is rule.in_all:
            limit -= world.leased(party, [one.id for one in used], need.begins, need.ends, need.measure)
        wanted = wanted if limit is None else min(wanted, max(limit, ZERO))
    parts = _spread(rule, need, used, wanted, world)
    multiple = _in_measure(rule.multiple, need.measure, used[0])
    parts = _whole(parts, need, notice.quantity, multiple)
    price = None if notice.style == "match" or asked is None else asked
    return Answer(need=need.id, holder=party, takes=parts, price=price) if parts else declined


def _spread(
    rule: AnswerRule, need: NeedView, used: list[SupplyView], wanted: Decimal, world: World
) -> tuple[Part, ...]:
    """A quantity over supplies in their order, as far as each has room."""
    parts: list[Part] = []
    for supply in used:
        most = wanted
        for limit in (
            _in_measure(rule.each, need.measure, supply),
            world.free(supply.id, need.begins, need.ends, need.measure),
        ):
            most = most if limit is None else min(most, limit)
        most = whole_steps(need.measure, max(most, ZERO))
        if most > 0:
            parts.append(Part(supply=supply.id, quantity=most))
            wanted -= most
    return tuple(parts)


def _whole(
    parts: tuple[Part, ...], need: NeedView, offered: Decimal, multiple: Decimal | None
) -> tuple[Part, ...]:
    """Parts that come to a whole multiple; of a need that must stay whole all of it at one supply, or nothing."""
    total = sum((part.quantity for part in parts), ZERO)
    if need.whole:
        return parts if len(parts) == 1 and total == offered else ()
    if multiple is None or not multiple or total == offered:
        return parts
    over, kept = total % multiple, list(parts)
    while over > 0 and kept:
        last = kept.pop()
        if last.quantity > over:
            kept.append(Part(supply=last.supply, quantity=last.quantity - over))
        over = max(over - last.quantity, ZERO)
    return tuple(kept)


def _bid(
    party: str, rules: PartyRules, rule: BidRule, place: int, need: NeedView, since: date, world: World
) -> Response | None:
    supply = world.supplies(party).get(rule.supply)
    if supply is None or not _suited(supply, need) or not _fits(rule, need, need.left):
        return None
    id = f"{need.id}.{rule.supply}".replace("/", ".")
    if any(one.id == id for one in need.bids) or not _chosen(rule, world, f"bid {id}"):
        return None
    price = _stated(rule.price, supply, need, world)
    # A supplier that says how much it would sell bids so much, whatever is left: an award takes no more than that.
    stated = _in_measure(rule.at_most, need.measure, supply)
    most = need.left if stated is None else stated
    for limit in (
        world.free(supply.id, need.begins, need.ends, need.measure),
        _rest_of(rule, party, supply, need, world),
    ):
        most = most if limit is None else min(most, limit)
    most = whole_steps(need.measure, max(most, ZERO))
    if price is None or most <= 0:
        return None
    made = Bid(
        id=id,
        need=need.id,
        bidder=party,
        supply=supply.id,
        quantity=most,
        price=price[0],
        currency=price[1],
        release_share=Decimal(1) if rule.release_share is None else rule.release_share.amount,
    )
    at = _delayed(_morning(since), rule.after, rules, world, f"bid {id}")
    return Response(at, party, MakeBid(bid=made), f"bid {id} {since}", f"{party}.bids[{place}]")


def _rest_of(rule: BidRule, party: str, supply: SupplyView, need: NeedView, world: World) -> Decimal | None:
    limit = _in_measure(rule.in_all, need.measure, supply)
    if limit is None:
        return None
    return limit - world.leased(party, [supply.id], need.begins, need.ends, need.measure)


def _stated(
    asked: Asked | None, supply: SupplyView, need: NeedView, world: World
) -> tuple[Decimal, str] | None:
    """What a rule asks, or else the estate's price, with its currency; None if neither says."""
    if asked is None:
        return world.list_price(supply.id, need.measure, need.begins)
    return asked.of(need.measure, supply)


def _price(asked: Asked | None, supply: SupplyView, need: NeedView, world: World) -> Decimal | None:
    """The same in the need's currency alone: an answer is in no other."""
    found = _stated(asked, supply, need, world)
    return found[0] if found is not None and found[1] == need.currency else None


def _fits(rule: Fitting, need: NeedView, quantity: Decimal) -> bool:
    if rule.accelerators and need.accelerators and not set(rule.accelerators) & set(need.accelerators):
        return False
    if rule.regions and need.regions and not set(rule.regions) & set(need.regions):
        return False
    if rule.least is not None and (rule.least.measure != need.measure or quantity < rule.least.amount):
        return False
    return rule.longest is None or need.ends <= after(rule.longest, need.begins)


def _suited(supply: SupplyView, need: NeedView) -> bool:
    """Whether a supply is of the kind and in the place that a need names; the law says the rest."""
    if need.accelerators and supply.accelerator not in need.accelerators:
        return False
    if need.regions and supply.region not in need.regions:
        return False
    return (need.measure == "units") == (supply.accelerator is None)


def _in_measure(amount: Amount | None, measure: Quantified, supply: SupplyView) -> Decimal | None:
    """A bound in a need's measure; nothing if it cannot be said in it, None without a bound."""
    if amount is None or amount.measure == measure:
        return None if amount is None else amount.amount
    per_mw = supply.accelerators_per_mw
    if not per_mw or "units" in (amount.measure, measure):
        return ZERO
    return amount.amount * per_mw if measure == "accelerators" else amount.amount / per_mw


def _chosen(rule: Fitting, world: World, what: str) -> bool:
    return rule.chance is None or Decimal(world.draw(f"chance {what}")) < rule.chance.amount


def _morning(day: date) -> datetime:
    return datetime.combine(day, MORNING)


def _delayed(start: datetime, delay: Delay, rules: PartyRules, world: World, what: str) -> datetime:
    """A time after another, at the same time of day; between two, as the dice of the question fall."""
    low, high = delay.low, delay.high
    span = low
    if low != high:
        share = world.draw(f"delay {what}")
        months, days, business = (
            a + int(share * (b - a + 1))
            for a, b in (
                (low.months, high.months),
                (low.days, high.days),
                (low.business_days, high.business_days),
            )
        )
        span = Span(months=months, days=days, business_days=business)
    day = after(span, start.date(), world.business_day(rules.calendar))
    return datetime.combine(day, start.timetz())
