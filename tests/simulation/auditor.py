"""The auditor of a run: reads bodies as JSON, knows the world, and shares no code with what it audits."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import holidays

from simulation.world import Commitment, Right, World

Data = dict[str, Any]
CLOSED = {name: holidays.country_holidays(name) for name in ("US", "DE")}


def works(day: date, calendar: str | None) -> bool:
    """Whether a day is a business day."""
    return day.weekday() < 5 and (calendar is None or day not in CLOSED[calendar])


def days_later(day: date, count: int, calendar: str | None) -> date:
    """So many business days later."""
    while count:
        day += timedelta(days=1)
        count -= works(day, calendar)
    return day


@dataclass
class Lease:
    """A lease, as the auditor reads it."""

    need: Data
    supply: str
    quantity: Decimal
    price: Decimal
    share: Decimal
    begins: date
    ends: date
    until: date

    def on(self, day: date) -> bool:
        return self.begins <= day < self.until


@dataclass
class Told:
    """A notice, with the time until which it may be answered."""

    notice: Data
    right: Right
    until: datetime
    bids: list[str]
    open: bool = True
    taken: Decimal = Decimal(0)
    takes: defaultdict[str, Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )  # What was taken, by its price.
    matched: defaultdict[str, Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )  # What was taken of each bid.
    before: Decimal = Decimal(0)  # How much of the need was leased before it.


@dataclass
class Audit:
    """What the auditor has read so far."""

    world: World
    needs: dict[str, Data] = field(default_factory=dict[str, Data])
    filed: dict[str, date] = field(default_factory=dict[str, date])
    bids: dict[str, Data] = field(default_factory=dict[str, Data])
    told: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    leases: dict[str, Lease] = field(default_factory=dict[str, Lease])
    granted: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    closed: set[str] = field(default_factory=set[str])
    readings: dict[str, Data] = field(default_factory=dict[str, Data])
    invoiced: dict[str, date] = field(
        default_factory=dict[str, date]
    )  # By lease: the first day not invoiced.
    billed: Counter[str] = field(default_factory=Counter[str])  # By tenant.
    month: dict[str, Decimal] = field(
        default_factory=dict[str, Decimal]
    )  # Hours of the month's invoices, by seller.
    priced: dict[tuple[str, str], tuple[Decimal, int]] = field(
        default_factory=dict[tuple[str, str], tuple[Decimal, int]]
    )
    fresh: set[str] = field(default_factory=set[str])  # Leases of the entry that is read.
    settled: dict[str, list[Data]] = field(default_factory=lambda: defaultdict(list))
    opened: date = date.min
    sums: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    now: datetime = field(default_factory=datetime.now)


def audit(world: World, rows: Iterable[tuple[int, str, str]], acknowledged: dict[str, str]) -> Iterator[str]:
    """Everything that is wrong with a ledger: rows of number, hash and body."""
    books, previous, last, hashes = Audit(world), "", None, dict[str, str]()
    for place, (number, digest, body) in enumerate(rows, 1):
        entry = json.loads(body)
        if number != place or hashlib.sha256(body.encode()).hexdigest() != digest:
            yield f"entry {place}: number or hash"
        if entry["previous"] != previous:
            yield f"entry {place}: the chain is broken"
        books.now = datetime.fromisoformat(entry["recorded"])
        if last is not None and books.now < last:
            yield f"entry {place}: time ran back"
        if entry["key"] in hashes:
            yield f"entry {place}: the key {entry['key']} a second time"
        previous, last, hashes[entry["key"]] = digest, books.now, digest
        if books.opened == date.min:
            books.opened = books.now.date()
        yield from (f"entry {place}: {wrong}" for wrong in _entry(books, entry))
    for key, digest in acknowledged.items():
        if hashes.get(key) != digest:
            yield f"the acknowledged command {key} is lost, or another"
    yield from _capacity(books)
    yield from _money(books)
    yield from _months(books)


def _entry(books: Audit, entry: Data) -> Iterator[str]:
    books.fresh.clear()
    books.month.clear()
    for event in entry["events"]:
        check = _CHECKS.get(event["kind"])
        if check is not None:
            yield from check(books, event)
    units: Counter[str] = Counter()
    for line in entry["postings"]:
        units[line["unit"]] += line["amount"]
        books.sums[line["account"], line["unit"]] += line["amount"]
    yield from (f"{unit} does not sum to nothing" for unit, total in units.items() if total)


def _filed(books: Audit, event: Data) -> Iterator[str]:
    need = event["need"]
    if need["id"] in books.needs:
        yield f"{need['id']} was filed twice"
    books.needs[need["id"]] = need
    books.filed[need["id"]] = books.now.date()


def _cancelled(books: Audit, event: Data) -> Iterator[str]:
    if event["need"] in books.closed:
        yield f"{event['need']} was closed before"
    books.closed.add(event["need"])
    for told in books.told[event["need"]]:
        told.open = False


def _left(books: Audit, id: str) -> Decimal:
    taken = sum((told.taken for told in books.told[id]), Decimal(0))
    return Decimal(books.needs[id]["quantity"]) - books.granted[id] - taken


def _told(books: Audit, event: Data) -> Iterator[str]:
    notice = event["notice"]
    need = notice["need"]
    right = next(one for one in books.world.rights if one.id == notice["procedure"].partition(".")[2])
    if any(told.open for told in books.told[need]):
        yield f"{need}: two holders are asked at once"
    if Decimal(notice["quantity"]) > _left(books, need):
        yield f"{need}: more is offered than is left"
    day = days_later(books.now.date(), _window(books, right, need), right.calendar)
    until = books.now.replace(year=day.year, month=day.month, day=day.day)
    if datetime.fromisoformat(notice["deadline"]) != until:
        yield f"{need}: the deadline is {until}, not {notice['deadline']}"
    if {key for key, _ in notice["disclosed"]} - {
        "measure",
        "from",
        "until",
        "whole",
        "price",
        "quantity",
    }:
        yield f"{need}: too much was disclosed"
    books.told[need].append(Told(notice, right, until, event["bids"], before=books.granted[need]))


def _window(books: Audit, right: Right, need: str) -> int:
    """The business days of a deal's size: what is not contracted of it, and of those that count with it."""

    def rest(id: str) -> Decimal:
        return Decimal(books.needs[id]["quantity"]) - books.granted[id]

    size = rest(need)
    if right.aggregates is not None:
        today = books.now.date()
        near = [
            id
            for id, day in books.filed.items()
            if id not in books.closed and (today - day).days < right.aggregates
        ]
        together = sum((rest(id) for id in near), Decimal(0))
        if need in near and together >= (right.threshold or 0):
            size = together
    return next(days for below, days in right.windows if below is None or size < below)


def _waiting(books: Audit, event: Data) -> Told | None:
    return next((t for t in books.told[event["need"]] if t.notice["id"] == event["notice"] and t.open), None)


def _answered(books: Audit, event: Data) -> Iterator[str]:
    told = _waiting(books, event)
    if told is None:
        yield f"{event['notice']} was answered, and is not open"
        return
    right, taken = told.right, sum((Decimal(part["quantity"]) for part in event["takes"]), Decimal(0))
    asked = Decimal(told.notice["quantity"])
    if event["by_silence"] != (books.now > told.until):
        yield f"{event['notice']} was answered at {books.now}, and the time was until {told.until}"
    if event["by_silence"] and right.silence != "accepts":
        yield f"{event['notice']}: silence declines"
    if 0 < taken < asked:
        if books.needs[event["need"]]["whole"]:
            yield f"{event['notice']}: a gang was split"
        if right.minimum is not None and taken < right.minimum:
            yield f"{event['notice']}: {taken} is too little"
        if right.multiple is not None and taken % right.multiple:
            yield f"{event['notice']}: {taken} is no multiple"
    prices = [Decimal(take["price"] or event["price"]) for take in event["takes"]]
    if taken and right.maximum_price is not None and max(prices) > right.maximum_price:
        yield f"{event['notice']}: the price counts for nothing"
    if right.style == "match":
        yield from _matched(told, event)
    told.open, told.taken = False, taken
    for take in event["takes"]:
        told.takes[take["price"] or event["price"]] += Decimal(take["quantity"])
        if take["matches"]:
            told.matched[told.bids[take["matches"] - 1]] += Decimal(take["quantity"])


def _matched(told: Told, event: Data) -> Iterator[str]:
    """Each part of a match at the price of the bid that is matched, and no more of it than there is."""
    parts = told.notice["parts"]
    left = [Decimal(part["quantity"]) for part in parts]
    for take in event["takes"]:
        part = parts[take["matches"] - 1]
        left[take["matches"] - 1] -= Decimal(take["quantity"])
        if take["price"] != part["price"]:
            yield f"{event['notice']}: a match moved the price"
    for rest, part in zip(left, parts, strict=True):
        if rest < 0 or (rest != Decimal(part["quantity"]) and 0 < rest < Decimal(part["keeps"])):
            yield f"{event['notice']}: {rest} of a part are left"


def _lapsed(books: Audit, event: Data) -> Iterator[str]:
    told = _waiting(books, event)
    if told is None or books.now <= told.until or (told.right.silence == "accepts" and _could(books, told)):
        yield f"{event['notice']} lapsed wrongly"
    if told is not None:
        told.open = False


def _could(books: Audit, told: Told) -> bool:
    """Whether silence that accepts could have become leases: then it does not lapse."""
    need, seller = books.needs[told.notice["need"]], told.right.holder
    stated = [part["price"] for part in told.notice["parts"]] or [told.notice["price"]]
    price = max(Decimal(one or books.world.prices[seller]) for one in stated)
    limit = need["price_limit"]
    return (
        (limit is None or price <= Decimal(limit))
        and (told.right.maximum_price is None or price <= told.right.maximum_price)
        and seller not in books.world.ceilings
        and Decimal(told.notice["quantity"]) <= _free(books, seller, need)
    )


def _free(books: Audit, seller: str, need: Data) -> Decimal:
    begins, ends = date.fromisoformat(need["begins"]), date.fromisoformat(need["ends"])
    leases = [lease for lease in books.leases.values() if lease.supply == f"{seller}-gpu"]
    days = {begins, *(lease.begins for lease in leases if begins < lease.begins < ends)}
    held = sum(
        (told.taken for many in books.told.values() for told in many if told.right.holder == seller),
        Decimal(0),
    )
    used = max(sum((lease.quantity for lease in leases if lease.on(day)), Decimal(0)) for day in days)
    return Decimal(books.world.capacity[seller]) - used - held


def _bid(books: Audit, event: Data) -> Iterator[str]:
    bid = event["bid"]
    if bid["need"] in books.closed:
        yield f"{bid['id']}: the need is closed"
    books.bids[bid["id"]] = bid


def _withdrawn(books: Audit, event: Data) -> Iterator[str]:
    if books.bids.pop(event["bid"], None) is None:
        yield f"{event['bid']} was not there"


def _awarded(books: Audit, event: Data) -> Iterator[str]:
    need = books.needs[event["need"]]
    id = need["id"]
    if id in books.closed or any(told.open for told in books.told[id]):
        yield f"{id}: awarded while closed, or while a holder could answer"
    quantity = sum((Decimal(grant["quantity"]) for grant in event["grants"]), Decimal(0))
    takes = {told.notice["id"]: told for told in books.told[id] if told.taken}
    for grant in event["grants"]:
        amount = Decimal(grant["quantity"])
        if grant["source"] in takes:
            takes[grant["source"]].takes[grant["price"]] -= amount
        else:
            yield from _from_bid(books, grant, id)
        books.fresh.add(grant["lease"])
        books.leases[grant["lease"]] = Lease(
            need,
            grant["supply"],
            amount,
            Decimal(grant["price"]),
            Decimal(grant["release_share"]),
            date.fromisoformat(need["begins"]),
            date.fromisoformat(need["ends"]),
            date.fromisoformat(need["ends"]),
        )
    for told in takes.values():
        off = {price: left for price, left in told.takes.items() if left}
        if off:
            yield f"{id}: {told.right.holder} was granted something else than it took: {off}"
        told.taken = Decimal(0)
        told.takes.clear()
        told.matched.clear()
    if need["whole"] and len(event["grants"]) > 1:
        yield f"{id}: split, though whole"
    yield from _rights(books, id, event)
    books.granted[id] += quantity
    if books.granted[id] + Decimal(event["unmet"]) != Decimal(need["quantity"]):
        yield f"{id}: granted and unmet do not add up"
    if not Decimal(event["unmet"]):
        books.closed.add(id)


def _from_bid(books: Audit, grant: Data, need: str) -> Iterator[str]:
    bid = books.bids.get(grant["source"])
    if bid is None or bid["need"] != need:
        yield f"{need}: {grant['source']} is no bid"
        return
    amount = Decimal(grant["quantity"])
    matched = sum((told.matched[bid["id"]] for told in books.told[need]), Decimal(0))
    if (
        amount > Decimal(bid["quantity"]) - matched
        or amount < Decimal(bid["minimum"])
        or grant["price"] != bid["price"]
    ):
        yield f"{need}: the grant is not what {bid['id']} offers"
    if bid["whole"] and amount != Decimal(bid["quantity"]):
        yield f"{need}: {bid['id']} was split"
    bid["quantity"] = str(Decimal(bid["quantity"]) - amount)


def _rights(books: Audit, id: str, event: Data) -> Iterator[str]:
    """Nobody's right was passed over: all who had to be asked were."""
    need = books.needs[id]
    for right in books.world.rights:
        notices = [told for told in books.told[id] if told.right.id == right.id]
        others = [grant for grant in event["grants"] if grant["supply"] != f"{right.holder}-gpu"]
        earlier = {one.holder for one in books.world.rights if one.rank < right.rank}
        others = [grant for grant in others if grant["supply"].partition("-")[0] not in earlier]
        if not others:
            continue
        large = right.threshold is None or Decimal(need["quantity"]) >= right.threshold
        if large and not notices:
            yield f"{id}: {right.holder} was never asked"


def _released(books: Audit, event: Data) -> Iterator[str]:
    lease = books.leases[event["lease"]]
    on = date.fromisoformat(event["on"])
    if lease.until != lease.ends or not lease.begins <= on < lease.ends or on < books.now.date():
        yield f"{event['lease']}: released wrongly"
    lease.until = on


def _invoiced(books: Audit, event: Data) -> Iterator[str]:
    """A month of leases: over, of days not invoiced before, at their price, or the share that is kept of it."""
    ends = date.fromisoformat(event["ends"])
    if ends > books.now.date() or ends.day != 1:
        yield f"the month until {ends} is not over"
    if books.month.get("ends") != Decimal(ends.toordinal()):
        books.month.clear()
        books.month["ends"] = Decimal(ends.toordinal())
    for line in event["lines"]:
        lease = books.leases[line["lease"]]
        begins, until = date.fromisoformat(line["begins"]), date.fromisoformat(line["ends"])
        if begins != books.invoiced.get(line["lease"], lease.begins) or until > ends:
            yield f"{line['lease']}: invoiced twice, or days left out"
        held = max((min(until, lease.until) - begins).days, 0)
        days = held + ((until - begins).days - held) * lease.share
        if abs(int(lease.price * lease.quantity * 24 * days * 1_000_000) - line["micros"]) > 2:
            yield f"{line['lease']}: invoiced {line['micros']}"
        if event["payer"] != lease.need["party"] or event["payee"] != lease.supply.partition("-")[0]:
            yield f"{line['lease']}: invoiced to somebody else"
        books.invoiced[line["lease"]] = until
        books.billed[event["payer"]] += line["micros"]
        seller = event["payee"]
        books.month[seller] = books.month.get(seller, Decimal(0)) + lease.quantity * 24 * held


def _priced(books: Audit, event: Data) -> Iterator[str]:
    """Tiers on the hours of the month's invoices, on top of those of the quarter before."""
    price = next(one for one in books.world.tiers if event["primitive"] == f"deal.{one.id}")
    hours = Decimal(event["quantity"])
    if hours != books.month.get(price.payee):
        yield f"{price.id}: {books.month.get(price.payee)} hours were invoiced, not {hours}"
    key = (price.id, event["window"])
    before, owed = books.priced.get(key, (Decimal(0), 0))
    total = before + hours
    cost = min(total, Decimal(price.up_to)) * price.first + max(total - price.up_to, Decimal(0)) * price.then
    if int(cost * 1_000_000) - owed != event["owed_micros"]:
        yield f"{price.id}: {event['owed_micros']} are owed for {total} hours"
    books.priced[key] = total, owed + event["owed_micros"]
    books.billed["t0"] += event["owed_micros"]


def _months(books: Audit) -> Iterator[str]:
    """Nothing is left out: every month of a lease that was over before the last entry is invoiced."""
    today = books.now.date()
    for id, lease in books.leases.items():
        over = lease.ends if lease.share else lease.until
        begins = books.invoiced.get(id, lease.begins)
        following = (begins.replace(day=1) + timedelta(days=32)).replace(day=1)
        if id not in books.fresh and begins < over and following <= today:
            yield f"{id} is invoiced until {begins}, and it is {today}"


def _read(books: Audit, event: Data) -> Iterator[str]:
    if event["id"] in books.readings:
        yield f"{event['id']} was read twice"
    books.readings[event["id"]] = event


def _reversed(books: Audit, event: Data) -> Iterator[str]:
    if books.readings.pop(event["reading"], None) is None:
        yield f"{event['reading']} was not there to be reversed"


def _settled(books: Audit, event: Data) -> Iterator[str]:
    commitment = next(one for one in books.world.commitments if event["meter"] == f"deal.{one.id}")
    begins, ends = date.fromisoformat(event["begins"]), date.fromisoformat(event["ends"])
    if ends > books.now.date() or begins < books.opened:
        yield f"{event['meter']}: settled before its end, or begun before the ledger"
    taken = _taken(books, commitment, begins, ends)
    if taken != Decimal(event["taken"]):
        yield f"{event['meter']} from {begins}: {taken} were taken, not {event['taken']}"
    windows = books.settled[event["meter"]]
    windows.append({"taken": taken, "short": Decimal(event["short"]), "drawn": Decimal(event["drawn"])})
    yield from _bank(commitment, windows, event)


def _taken(books: Audit, commitment: Commitment, begins: date, ends: date) -> Decimal:
    total = Decimal(0)
    for lease in books.leases.values():
        if (
            lease.supply == f"{commitment.payee}-gpu"
            and lease.need["party"] == "t0"
            and lease.need["workload"] is None
        ):
            held = max((min(ends, lease.until) - max(begins, lease.begins)).days, 0)
            days = max((min(ends, lease.ends) - max(begins, lease.begins)).days, 0)
            # What was given back and stays owed is paid for: it does not fall short.
            total += lease.quantity * 24 * (held + (days - held) * lease.share)
    for read in books.readings.values():
        if (
            read["primitive"] == f"deal.{commitment.id}"
            and begins <= date.fromisoformat(read["begins"]) < ends
        ):
            total += Decimal(read["amount"])
    return total


def _bank(commitment: Commitment, windows: list[Data], event: Data) -> Iterator[str]:
    """Shortfalls that may be drawn, told window by window from the first on."""
    lower, bank = Decimal(commitment.amount), list[list[Any]]()
    short = drawn = Decimal(0)
    for place, window in enumerate(windows):
        bank = [one for one in bank if one[0] >= place and one[1] > 0]
        want, drawn = max(window["taken"] - lower, Decimal(0)), Decimal(0)
        for one in bank:
            use = min(one[1], want - drawn)
            one[1], drawn = one[1] - use, drawn + use
        short = max(lower - window["taken"], Decimal(0))
        if short and commitment.make_up:
            bank.append([place + commitment.make_up, short])
    if (short, drawn) != (windows[-1]["short"], windows[-1]["drawn"]):
        yield f"{event['meter']}: {short} short and {drawn} drawn, not {event['short']} and {event['drawn']}"
    if event["billed_micros"] != int(short * 2_000_000) or event["drawn_micros"] != int(drawn * 2_000_000):
        yield f"{event['meter']}: billed {event['billed_micros']}"


def _capacity(books: Audit) -> Iterator[str]:
    """On no day more than a seller has, and in no month more than its ceiling."""
    for seller, limit in books.world.capacity.items():
        leases = [lease for lease in books.leases.values() if lease.supply == f"{seller}-gpu"]
        for day in {lease.begins for lease in leases}:
            used = sum((lease.quantity for lease in leases if lease.on(day)), Decimal(0))
            if used > limit:
                yield f"{seller}: {used} on {day}, and {limit} are there"
    for seller, upper in books.world.ceilings.items():
        leases = [
            one for one in books.leases.values() if one.supply == f"{seller}-gpu" and one.begins < one.until
        ]
        for month in {lease.begins.replace(day=1) for lease in leases}:
            following = (month + timedelta(days=32)).replace(day=1)
            # A release may leave room that is taken again within the month: what ran at once is bounded.
            for day in {month, *(lease.begins for lease in leases if month <= lease.begins < following)}:
                used = sum((lease.quantity for lease in leases if lease.on(day)), Decimal(0))
                if used > upper:
                    yield f"{seller}: {used} on {day}, above the ceiling of {upper}"


def _money(books: Audit) -> Iterator[str]:
    """What tenants owe for leases is what their leases cost, what was waived taken off."""
    owed: Counter[str] = Counter()
    for lease in books.leases.values():
        held, rest = (lease.until - lease.begins).days, (lease.ends - lease.until).days
        owed[lease.need["party"]] += int(
            lease.price * lease.quantity * 24 * (held + rest * lease.share) * 1_000_000
        )
    for tenant in books.world.tenants:
        leases = books.billed[tenant] - (sum(o for _, o in books.priced.values()) if tenant == "t0" else 0)
        posted = books.sums[f"{tenant}:committed", "USD"] + leases
        if abs(posted - owed[tenant]) > len(books.leases):
            yield f"{tenant} owes {owed[tenant]}, and {posted} are posted"
        if books.sums[f"{tenant}:payable", "USD"] != books.billed[tenant]:
            yield f"{tenant} was invoiced {books.billed[tenant]}, and other sums are posted"


_CHECKS = {
    "need-filed": _filed,
    "need-cancelled": _cancelled,
    "holder-noticed": _told,
    "holder-answered": _answered,
    "notice-lapsed": _lapsed,
    "bid-made": _bid,
    "bid-withdrawn": _withdrawn,
    "need-awarded": _awarded,
    "lease-released": _released,
    "meter-read": _read,
    "reading-reversed": _reversed,
    "window-settled": _settled,
    "leases-invoiced": _invoiced,
    "price-invoiced": _priced,
}
