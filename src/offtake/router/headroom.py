"""Headroom that several processes share: who may use how much of a bound, granted in advance. Pure.

An *account* is a meter, a pool or a key's limit in one window. Each process is a *member* that now and then says a
*word* for an account: what it has settled and holds, in totals since the window began, and how much it would like to
have beyond. It is told how far it may go (its *authority*) and asks nobody until it comes near it. Totals, never
differences: a word that is said twice counts once, and a reply that is lost does no harm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

SILENT_AFTER_S: Final = 10.0  # A member without a word for so long loses what it has not used.
LEASE_S: Final = 5.0  # A member whose words do not arrive uses its headroom for so long, and no longer.
FORGIVEN_AFTER_S: Final = 900.0  # What a silent member held for requests under way comes back after so long.
ADVANCE: Final = 16  # A process takes at most this part of what is free in advance, if it does not use more.
AHEAD_S: Final = 1.0  # Or what it uses in so many seconds.


@dataclass(frozen=True, slots=True)
class Word:
    """What a member says of an account: totals since its window began, in the account's unit.

    `limit` is all that those who share may use, None where it is only counted. `wants` is headroom beyond what is
    settled and held; `least` of it is of no use if it is less (the estimate of one request). `ends` is the end of the
    window in seconds since the epoch.
    """

    account: str
    ends: float
    limit: int | None
    settled: int
    held: int
    wants: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member is told of an account: what all have settled, how far it may go itself, and what is free still."""

    account: str
    settled: int
    authority: int
    free: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """What all members of an account have settled, and how far they may go."""

    settled: int = 0
    authorised: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """One member's part of an account."""

    settled: int = 0
    held: int = 0
    authorised: int = 0


NO_ACCOUNT: Final = Account()
NO_SHARE: Final = Share()


def exchanged(account: Account, share: Share, word: Word) -> tuple[Account, Share, Standing]:
    """An account and a member's share after its word, and what it is told.

    Of what is free a member gets what it wants, but no more than half, so that nobody waits for one who takes all; the
    estimate of a single request it gets whole if it is there. What it has and still wants it keeps.
    """
    settled = max(share.settled, word.settled)
    used = settled + max(word.held, 0)
    authorised, free = used, None
    if word.limit is not None:
        spare = word.limit - (account.authorised - share.authorised) - used
        kept = share.authorised - used
        granted = min(word.wants, max(kept, spare // 2, word.least), spare)
        authorised += max(granted, 0)
        free = max(spare - max(granted, 0), 0)
    after = Share(settled, max(word.held, 0), authorised)
    total = changed(account, share, after)
    return total, after, Standing(word.account, total.settled, authorised, free)


def changed(account: Account, before: Share, after: Share) -> Account:
    """An account once a member's share is another."""
    return Account(
        account.settled + after.settled - before.settled,
        account.authorised + after.authorised - before.authorised,
    )


def silenced(share: Share, silent_s: float) -> Share:
    """The share of a member that has said nothing for so long: what it had not used comes back, and in the end also
    what it held for requests under way."""
    if silent_s < SILENT_AFTER_S:
        return share
    held = share.held if silent_s < FORGIVEN_AFTER_S else 0
    return replace(share, held=held, authorised=share.settled + held)


def ended(share: Share, settled: int) -> Share:
    """The share of a member that has ended, with all that it has settled."""
    total = max(share.settled, settled)
    return Share(total, 0, total)


def advance(free: int, used_per_s: float, largest: int, *, idle: bool) -> int:
    """How much headroom a process wants in advance: a part of what is free, or what it uses in a second, and one
    request's estimate at least; nothing if it is idle and others are short."""
    if idle and free < 2 * largest:
        return 0
    return max(free // ADVANCE, math.ceil(used_per_s * AHEAD_S), largest)
