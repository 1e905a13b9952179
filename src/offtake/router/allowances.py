"""What a key may use: requests and tokens a minute, requests at once, and money a month.

A request takes one of its key's requests, and holds the most tokens and money that may come of it until it is settled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from offtake.router.counters import Counter, minute_end
from offtake.router.sharing import Sharing
from offtake.router.table import PICO

Kind = Literal["requests", "tokens", "at once", "spend"]


class Allowed(NamedTuple):
    """What a key states; None where it states no limit. Money is in pico-units of the estate's currency."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    at_once: int | None = None
    spend: int | None = None  # In a calendar month (UTC).


UNLIMITED: Final = Allowed()


class Short(NamedTuple):
    """A limit of a key that a request would pass, and in how many seconds it may be asked again."""

    kind: Kind
    text: str
    retry_after_s: float
    counter: Counter
    amount: int


class Left(NamedTuple):
    """What is left of a limit in its minute."""

    kind: Literal["requests", "tokens"]
    limit: int
    left: int
    resets_in_s: float


@dataclass(slots=True)
class Taken:
    """What one request holds of its key's limits; settled once."""

    allowance: Allowance
    tokens: int
    spend: int = 0


class Allowance:
    """The counters of one key."""

    __slots__ = ("_at_once", "_requests", "_spend", "_tokens", "allowed")

    def __init__(
        self,
        id: str,
        allowed: Allowed,
        now: float,
        spent: int = 0,
        sharing: Sharing | None = None,
        before: Allowance | None = None,
    ) -> None:
        self.allowed = allowed
        r, t, a, s = (None, None, None, None) if before is None else before.counters()
        self._requests = _counter(
            sharing, r, f"key {id} requests", "minute", now, allowed.requests_per_minute
        )
        self._tokens = _counter(sharing, t, f"key {id} tokens", "minute", now, allowed.tokens_per_minute)
        self._at_once = _counter(sharing, a, f"key {id} at once", "any-time", now, allowed.at_once)
        self._spend = _counter(sharing, s, spend_account(id), "month", now, allowed.spend)
        if self._spend is not None and s is None and sharing is None:
            self._spend.taken = spent

    def counters(self) -> tuple[Counter | None, Counter | None, Counter | None, Counter | None]:
        """Of requests, tokens, requests at once and money; None where there is no limit."""
        return self._requests, self._tokens, self._at_once, self._spend

    def short(self, tokens: int, now: float) -> Short | None:
        """The first limit that one more request of so many tokens at most would pass; None if none."""
        allowed = self.allowed
        waits = minute_end(now) - now
        if self._requests is not None and self._requests.room(now) < 1:
            text = f"the key allows {allowed.requests_per_minute:,} requests a minute"
            return Short("requests", text, waits, self._requests, 1)
        if self._tokens is not None and self._tokens.room(now) < tokens:
            text = (
                f"the key allows {allowed.tokens_per_minute:,} tokens a minute, and this may need {tokens:,}"
            )
            return Short("tokens", text, waits, self._tokens, tokens)
        if self._at_once is not None and self._at_once.room(now) < 1:
            return Short("at once", f"the key allows {allowed.at_once:,} at once", 1.0, self._at_once, 1)
        return None

    def short_of_money(self, cost: int, now: float) -> Short | None:
        """Whether a request that may cost so much would pass what the key may spend."""
        counter = self._spend
        if counter is None:
            return None
        if now >= counter.window_ends:
            counter.begin("month", spend_end(now))
        if counter.room(now) >= cost:
            return None
        text = f"the key may spend {_money(self.allowed.spend or 0)} a month"
        text += f", and this may cost {_money(cost)} more than is spent or held"
        return Short("spend", text, counter.window_ends - now, counter, cost)

    def take(self, tokens: int, now: float) -> Taken:
        """One request begins."""
        if self._requests is not None:
            self._requests.hold(1, now)
            self._requests.settle(1, 1, now)
        if self._tokens is not None:
            self._tokens.hold(tokens, now)
        if self._at_once is not None:
            self._at_once.hold(1, now)
        return Taken(self, tokens)

    def spend(self, taken: Taken, cost: int, now: float) -> None:
        """What a request may cost is held, in the place of what it was held at before."""
        if self._spend is not None:
            self._spend.settle(taken.spend, 0, now)
            self._spend.hold(cost, now)
            taken.spend = cost

    def settle(self, taken: Taken, tokens: int, cost: int, now: float) -> None:
        """What a request used."""
        if self._tokens is not None:
            self._tokens.settle(taken.tokens, tokens, now)
        if self._at_once is not None:
            self._at_once.settle(1, 0, now)
        if self._spend is not None:
            self._spend.settle(taken.spend, cost, now)

    def left(self, now: float) -> tuple[Left, ...]:
        """What is left of the minute's limits, as all processes know it."""
        resets = minute_end(now) - now
        found: list[Left] = []
        if self._requests is not None and self.allowed.requests_per_minute is not None:
            limit = self.allowed.requests_per_minute
            found.append(Left("requests", limit, max(limit - self._requests.reading(now), 0), resets))
        if self._tokens is not None and self.allowed.tokens_per_minute is not None:
            limit = self.allowed.tokens_per_minute
            found.append(Left("tokens", limit, max(limit - self._tokens.reading(now), 0), resets))
        return tuple(found)


class Allowances:
    """The allowances of all keys that ask."""

    def __init__(self, opening: Mapping[str, int] | None = None, sharing: Sharing | None = None) -> None:
        self._opening = dict(opening or {})
        self._sharing = sharing
        self._by_key: dict[str, Allowance] = {}

    def of(self, id: str, allowed: Allowed, now: float) -> Allowance:
        """The allowance of a key. One whose limits were changed goes on from what it had counted."""
        found = self._by_key.get(id)
        if found is None or found.allowed != allowed:
            spent = self._opening.get(id, 0)
            found = self._by_key[id] = Allowance(id, allowed, now, spent, self._sharing, found)
        return found


def _money(pico: int) -> str:
    return f"{pico / PICO:,.6f}".rstrip("0").rstrip(".")


def pico_of(money: float | None) -> int | None:
    """Money as people write it, in pico-units: the decimal that is shown, exactly."""
    return None if money is None else int(Decimal(str(money)) * PICO)


def spend_account(id: str) -> str:
    """The name of the account on which a key's spending is shared."""
    return f"key {id} spend"


def spend_end(now: float) -> float:
    """The end of the month that `now` lies in (UTC), in seconds since the epoch."""
    day = datetime.fromtimestamp(now, UTC)
    months = day.year * 12 + day.month
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()


def _counter(
    sharing: Sharing | None,
    known: Counter | None,
    key: str,
    window: Literal["minute", "any-time", "month"],
    now: float,
    limit: int | None,
) -> Counter | None:
    if limit is None:
        if sharing is not None and known is not None:
            sharing.drop(key)
        return None
    ends = minute_end(now) if window == "minute" else math.inf if window == "any-time" else spend_end(now)
    made = known or Counter(window, ends, 0, limit)
    if sharing is not None:
        sharing.adopt(key, made, limit)
    else:
        made.bound(limit)
    return made
