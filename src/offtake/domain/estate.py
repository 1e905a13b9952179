"""The estate: what exists or is promised, what is needed, and what was agreed. One file, or several included."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from offtake.domain.actuals import MeterReading, PaidPrice
from offtake.domain.agreements import Agreement
from offtake.domain.events import Event, HolderAnswer
from offtake.domain.finance import Financing
from offtake.domain.futures.variables import Futures
from offtake.domain.records import (
    AcceleratorHourPrices,
    AcceleratorPrices,
    Count,
    CountSeries,
    EnergyPrices,
    Entry,
    FlopRate,
    Id,
    Latency,
    Length,
    Memory,
    Money,
    Number,
    Parameters,
    Power,
    PowerPrices,
    PowerYearPrices,
    QuotaSeries,
    Share,
    Status,
    TokenPrices,
    TokenRate,
    UnitHourPrices,
    Units,
)
from offtake.domain.scaling import LossLaw
from offtake.domain.usage import WeeklyProfile
from offtake.domain.workloads import Workload

FORMAT_VERSION = 1


class Horizon(Entry):
    """The time planned: cut into periods, with a discount rate, and what is left of an asset's life at the end."""

    begins: date = Field(alias="from")
    ends: date = Field(alias="until")
    periods: Literal["month", "quarter", "year"] = "quarter"
    discount: Share | None = Field(default=None, description="per year")
    end_value: Literal["salvage", "none"] = Field(
        default="salvage",
        description="salvage: a bought asset is credited with the share of its life that is left",
    )
    counts_from: Status = Field(
        default="announced", description="power of at least this status may be planned on"
    )


class TypicalHour(Entry):
    """An hour that stands for a share of all hours; `utc` says which of the week's, where the load is made from use."""

    weight: Share
    utc: tuple[str, ...] = Field(
        default=(), description="hours of the week by UTC, such as `08-18` or `mon-fri 22-06`"
    )


class Party(Entry):
    """Somebody who owns, pays or is paid."""

    name: str | None = None


class Provider(Entry):
    """A seller of compute; `party` stands behind it (itself, if not named)."""

    name: str | None = None
    party: Id | None = None


class Region(Entry):
    """A place where compute stands or clients are: the country whose law holds, and coordinates in degrees."""

    jurisdiction: str = Field(pattern=r"^[A-Z]{2}$", description="ISO country code")
    at: tuple[float, float] | None = Field(default=None, description="latitude and longitude in degrees")
    provider: Id | None = None
    name: str | None = None


class RoundTrips(Entry):
    """Round-trip times between regions; a pair that is not stated is unknown."""

    statistic: str = "P50"
    file: str | None = Field(
        default=None, description="a CSV of client rows and supply columns in ms, beside the estate"
    )
    pairs: dict[Id, dict[Id, Latency]] = Field(default={}, description="client region to supply region")
    symmetric: bool = True


class Accelerator(Entry):
    """A kind of accelerator. Power is all-in IT power per accelerator; TDP is the chip's own."""

    name: str | None = None
    vendor: Id | None = None
    peak: dict[str, FlopRate] = Field(default={}, description="dense peak by precision")
    memory: Memory | None = None
    tdp: Power | None = None
    power: Power | None = None
    price: AcceleratorPrices | None = None
    life: Length | None = None
    lead: Length | None = None
    quota: QuotaSeries | None = Field(default=None, description="what the market can deliver per month")
    increment: Count | None = Field(
        default=None, description="sold in multiples of this, such as 8 to a server"
    )
    mfu: Share | None = Field(default=None, description="model FLOP utilisation while a step runs")
    goodput: Share | None = Field(default=None, description="share of hours that end up as progress")
    trains_like: str | None = Field(
        default=None,
        description="take MFU and goodput, where not stated, as measured on: a100, h100, h800, tpu-v4",
    )
    trains_at: Count | None = Field(
        default=None, description="the scale at which it trains, for `trains_like`; 16,384 if not stated"
    )


class Shell(Entry):
    """What it takes to house a MW: building, cooling, electrical works."""

    cost: PowerPrices
    lead: Length
    life: Length
    maximum: Power | None = None


class PowerStep(Entry):
    """Power that a site has from a day on (the total, not an increment)."""

    value: str | float = Field(description="such as `147 MW from 2025-06-28`")
    begins: date | None = Field(default=None, alias="from")
    status: Status | None = None
    part_of: Id | None = Field(default=None, description="what its added power is part of; else the site's")


class Stock(Entry):
    """Accelerators that stand at a site, or are ordered. Contracted and later are fixed in a plan unless released."""

    accelerator: Id
    count: Count
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    status: Status = "energised"
    release: bool = Field(default=False, description="a plan may do without it")


class Site(Entry):
    """A place with power where accelerators are built in."""

    name: str | None = None
    region: Id
    provider: Id | None = None
    owner: Id | None = None
    payer: Id | None = Field(default=None, description="who pays for building; the owner, if not named")
    payee: Id | None = None
    status: Status = "energised"
    part_of: Id | None = None
    power: tuple[PowerStep, ...] = ()
    power_is: Literal["it", "facility"] = "it"
    pue: Number | None = Field(default=None, description="facility power over IT power")
    energy_price: EnergyPrices | None = None
    other_operations: PowerYearPrices | None = Field(
        default=None, description="per MW of IT power in service and year"
    )
    shell: Shell | None = None
    stock: tuple[Stock, ...] = ()
    builds: tuple[Id, ...] = Field(
        default=(), description="kinds of accelerator that may be ordered; none if empty"
    )
    rent: AcceleratorHourPrices | None = Field(default=None, description="what a tenant pays the owner")
    tenant: Id | None = None
    rests_in: tuple[str, ...] | None = None
    logs_in: tuple[str, ...] | None = None


class Held(Entry):
    """Capacity of a product that is already under contract, paid whether it is used or not."""

    quantity: Units
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    status: Status = "contracted"
    release: bool = False
    notice: Length | None = Field(
        default=None, description="notice to be given before its end, such as `90 days`; for the calendar"
    )


class Throughput(Entry):
    """Tokens per second through one provisioned unit: a mix uses in/in-rate + out/out-rate units."""

    tokens_in: TokenRate = Field(alias="in")
    tokens_out: TokenRate = Field(alias="out")


class AcceleratorHours(Entry):
    """Accelerators leased by the hour: on demand without a term, reserved with one."""

    kind: Literal["accelerator-hours"]
    provider: Id
    region: Id
    site: Id | None = None
    accelerator: Id
    price: AcceleratorHourPrices
    term: Length | None = None
    limit: CountSeries | None = None
    minimum: Count | None = None
    lead: Length | None = None
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    held: tuple[Held, ...] = ()
    payer: Id | None = None
    payee: Id | None = None
    status: Status = "contracted"
    part_of: Id | None = None
    may_process_in: tuple[str, ...] | None = None
    rests_in: tuple[str, ...] | None = None
    logs_in: tuple[str, ...] | None = None


class ProvisionedUnits(Entry):
    """Reserved throughput, sold in units, that serves the models it states."""

    kind: Literal["provisioned"]
    provider: Id
    price: UnitHourPrices
    term: Length | None = None
    throughput: dict[Id, Throughput] = Field(min_length=1)
    minimum: Units | None = None
    increment: Units | None = None
    limit: Units | None = None
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    held: tuple[Held, ...] = ()
    payer: Id | None = None
    payee: Id | None = None


class TokenRates(Entry):
    """Prices of a model by token; cached input costs the input's price if it has none of its own."""

    tokens_in: TokenPrices = Field(alias="in")
    cached: TokenPrices | None = None
    tokens_out: TokenPrices = Field(alias="out")


class TokensByUse(Entry):
    """Tokens paid as they are used."""

    kind: Literal["tokens"]
    provider: Id
    prices: dict[Id, TokenRates] = Field(min_length=1)
    limit: TokenRate | None = Field(default=None, description="tokens per second, in and out")
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    payer: Id | None = None
    payee: Id | None = None


Product = Annotated[AcceleratorHours | ProvisionedUnits | TokensByUse, Field(discriminator="kind")]


class Rate(Entry):
    """Tokens per second on one accelerator. Without an `in` rate, reading the input is part of the `out` rate."""

    tokens_in: TokenRate | None = Field(default=None, alias="in")
    tokens_out: TokenRate = Field(alias="out")


class Model(Entry):
    """A model: whose it is, how big, and how fast an accelerator serves it."""

    name: str | None = None
    vendor: Id | None = None
    parameters: Parameters | None = None
    active_parameters: Parameters | None = None
    tags: tuple[str, ...] = ()
    launched: date | None = None
    rates: dict[Id, Rate] = {}
    quality: Number | None = Field(default=None, description="a score that classes may set a floor on")


class Endpoint(Entry):
    """Where a deployment answers. The key is named, never written: `env:NAME` or `file:/path`."""

    url: str = Field(
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$",
        description="scheme, host and the path before `/chat/completions`, such as `https://host/v1`",
    )
    dialect: Literal["openai", "azure", "anthropic", "mistral", "bedrock"] = "openai"
    model: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$",
        description="the model's name there; else the estate's",
    )
    key: str | None = Field(default=None, pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$")
    token: str | None = Field(
        default=None,
        pattern=r"^(entra|file:.+|command:.+)$",
        description="in place of a key, a token that is renewed: `entra`, `file:/path` or `command:program …`",
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="the most that the model writes, for callers who state no limit",
    )
    api_version: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.-]{1,40}$")
    concurrency: int = Field(default=1024, ge=1, le=100_000, description="requests at once, at most")


class Deployment(Entry):
    """A model at a provider's region, served through products; where it may process, rest and log is stated here."""

    provider: Id
    region: Id
    model: Id
    products: tuple[Id, ...] = Field(
        min_length=1, description="tokens or provisioned products that it draws on"
    )
    may_process_in: tuple[str, ...] | None = Field(
        default=None, description="areas or countries; `global` is anywhere"
    )
    rests_in: tuple[str, ...] | None = None
    logs_in: tuple[str, ...] | None = None
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    endpoint: Endpoint | None = Field(default=None, description="where the gateway reaches it")


class Fund(Entry):
    """Money that a party has for a purpose."""

    party: Id
    amount: Money
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    status: Status = "announced"
    part_of: Id | None = None


class Programme(Entry):
    """Something announced as a whole, such as 500 billion or 10 GW; sites, funds and agreements are part of it."""

    name: str | None = None
    announced: date | None = None
    power: Power | None = None
    money: Money | None = None
    part_of: Id | None = None


class Estate(Entry):
    """Everything that one plan rests on. Mappings are keyed by ids that the rest of the file refers to."""

    offtake: Literal[1]
    name: str | None = None
    include: tuple[str, ...] = ()
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    currencies: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}$")], tuple[str, ...] | str] = Field(
        default={}, description="other currencies at dated rates, such as `EUR: 1.10 USD from 2026-01-01`"
    )
    plans_for: Id | None = Field(
        default=None, alias="for", description="the party whose cost a plan makes least"
    )
    horizon: Horizon
    hours: dict[Id, TypicalHour] = {}
    areas: dict[str, tuple[str, ...]] = Field(
        default={}, description="named sets of country codes; EU and EFTA are known"
    )
    parties: dict[Id, Party] = {}
    providers: dict[Id, Provider] = {}
    regions: dict[Id, Region] = {}
    latency: RoundTrips = RoundTrips()
    accelerators: dict[Id, Accelerator] = {}
    sites: dict[Id, Site] = {}
    products: dict[Id, Product] = {}
    models: dict[Id, Model] = {}
    deployments: dict[Id, Deployment] = {}
    laws: dict[Id, LossLaw] = {}
    profiles: dict[Id, WeeklyProfile] = {}
    workloads: dict[Id, Workload] = {}
    funds: dict[Id, Fund] = {}
    finance: dict[Id, Financing] = {}
    programmes: dict[Id, Programme] = {}
    agreements: dict[Id, Agreement] = {}
    events: dict[Id, Event] = {}
    answers: tuple[HolderAnswer, ...] = ()
    readings: tuple[MeterReading, ...] = ()
    paid: tuple[PaidPrice, ...] = ()
    futures: Futures = Futures()
