"""Traffic stated as use: how many people, how often they ask, and how many tokens a request has."""

from __future__ import annotations

from pydantic import Field

from offtake.domain.records import (
    Entry,
    Id,
    RequestRateSeries,
    Share,
    TokensPerRequestSeries,
    UserSeries,
)


class WeeklyProfile(Entry):
    """When people ask, by their own clock: shares of a day by hour from midnight, of a week by day from Monday.

    Either may be left out, and is then flat. Each sums to one.
    """

    day: tuple[Share, ...] = Field(default=(), description="24 shares of a day's requests, midnight first")
    week: tuple[Share, ...] = Field(default=(), description="7 shares of a week's requests, Monday first")


class RequestTokens(Entry):
    """Tokens of a request in the mean: those it reads and those it writes."""

    tokens_in: TokensPerRequestSeries = Field(alias="in")
    tokens_out: TokensPerRequestSeries = Field(alias="out")


class UsageGrowth(Entry):
    """Growth per year of each factor, compounding from the horizon's start."""

    users: Share | None = None
    requests: Share | None = None
    tokens: Share | None = None


class UserRegion(Entry):
    """The part of the users who are in one client region, and the clock that they live by."""

    region: Id
    share: Share = Field(description="of the class's users; the shares of all regions sum to one")
    clock: str | None = Field(
        default=None,
        description="offset of local time, such as `UTC-5` or `UTC+5:30`; summer time is left out",
    )
    profile: Id | None = Field(default=None, description="else the class's")


class Usage(Entry):
    """Users times requests times tokens; becomes the class's traffic, hour by typical hour."""

    users: UserSeries
    part: Share | None = Field(default=None, description="of those users, the part that this class is about")
    requests: RequestRateSeries
    tokens: RequestTokens
    growth: UsageGrowth = UsageGrowth()
    profile: Id | None = Field(default=None, description="when they ask, under `profiles`; else evenly")
    regions: tuple[UserRegion, ...] = Field(min_length=1)
