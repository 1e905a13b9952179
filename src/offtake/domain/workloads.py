"""What is needed: training runs and inference classes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from offtake.domain.records import (
    Count,
    Entry,
    Flop,
    Id,
    Latency,
    Money,
    Number,
    Parameters,
    Share,
    TokenPrice,
    TokenPrices,
    TokenRateSeries,
    Tokens,
)
from offtake.domain.usage import Usage


class Window(Entry):
    """The days within which a run is done."""

    begins: date = Field(alias="from")
    ends: date = Field(alias="until")


class TrainingRun(Entry):
    """A run within a window, given by FLOP; by parameters and tokens (FLOP = 6·N·D, Kaplan et al. 2020); by a loss to
    reach under a law (the cheapest run that does, or that of a given size or number of tokens); or by money.
    """

    kind: Literal["training"]
    party: Id | None = None
    model: Id | None = None
    flop: Flop | None = None
    parameters: Parameters | None = Field(default=None, description="active parameters N")
    tokens: Tokens | None = Field(default=None, description="training tokens D")
    loss: Number | None = Field(default=None, description="the loss to reach under `law`, in nats per token")
    law: Id | None = Field(default=None, description="a law under `laws`, or a published one")
    money: Money | None = Field(
        default=None, description="spent on accelerators by the hour, where they give most for it"
    )
    window: Window
    minimum: Count | None = Field(default=None, description="fewest accelerators while it runs")
    maximum: Count | None = None
    one_site: bool = Field(default=False, description="the whole run stands at one site")
    accelerators: tuple[Id, ...] = Field(default=(), description="kinds it may use; empty means any")
    precision: str = "bf16"
    mfu: Share | None = Field(default=None, description="model FLOP utilisation; else the accelerator's")
    goodput: Share | None = Field(
        default=None, description="share of hours that are progress; else the accelerator's"
    )
    data_class: str | None = None
    worth: Money | None = Field(
        default=None, description="worth of the whole run; what is left undone costs its part"
    )
    status: Literal["planned", "contracted"] = "planned"


class Traffic(Entry):
    """Tokens in and out from one client region, over time."""

    region: Id
    tokens_in: TokenRateSeries = Field(alias="in")
    tokens_out: TokenRateSeries = Field(alias="out")
    growth: Share | None = Field(default=None, description="per year, compounding from the horizon's start")
    profile: dict[str, Number] = Field(
        default={}, description="load in each typical hour, relative to the mean"
    )


class InferenceClass(Entry):
    """Traffic that acceptable models serve, most wanted first."""

    kind: Literal["inference"]
    party: Id | None = None
    models: tuple[Id, ...] = Field(min_length=1)
    channel: str | None = None
    customer: str | None = None
    data_class: str | None = None
    latency: Latency | None = Field(default=None, description="round trip that clients bear at most")
    cached: Share | None = Field(default=None, description="share of input tokens read from a prompt cache")
    quality: Number | None = Field(
        default=None,
        description="least quality of a stand-in: the cheapest of `models` that has it may serve; "
        "without it, the model that was asked for",
    )
    traffic: tuple[Traffic, ...] = Field(
        default=(), description="tokens a second as stated; made from `usage` where that is given instead"
    )
    usage: Usage | None = Field(default=None, description="the traffic as users, their requests and tokens")
    profile: dict[str, Number] = {}
    revenue: TokenPrices | None = Field(
        default=None,
        description="what customers pay the party for a million tokens (in and out) that are served",
    )
    worth: TokenPrice = Field(
        description="worth of a million tokens (in and out) that would be left unserved, beyond their revenue"
    )


Workload = Annotated[TrainingRun | InferenceClass, Field(discriminator="kind")]
