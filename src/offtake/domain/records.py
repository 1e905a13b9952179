"""What every entry of an estate shares: it is frozen, admits no unknown key, and may say where its numbers are from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from offtake.domain.fields import FigureOf, SeriesOf, SpanField
from offtake.domain.quantities import Figure, Series, Span

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
Status = Literal["announced", "financed", "contracted", "building", "energised"]
STATUSES: tuple[Status, ...] = ("announced", "financed", "contracted", "building", "energised")

Power = Annotated[Figure, FigureOf("power")]
PowerSeries = Annotated[Series, SeriesOf("power")]
Latency = Annotated[Figure, FigureOf("latency")]
Count = Annotated[Figure, FigureOf("count")]
CountSeries = Annotated[Series, SeriesOf("count")]
Units = Annotated[Figure, FigureOf("units")]
Share = Annotated[Figure, FigureOf("share")]
Number = Annotated[Figure, FigureOf("number")]
Parameters = Annotated[Figure, FigureOf("parameters")]
Flop = Annotated[Figure, FigureOf("flop")]
FlopRate = Annotated[Figure, FigureOf("flop_rate")]
Memory = Annotated[Figure, FigureOf("memory")]
Tokens = Annotated[Figure, FigureOf("tokens")]
TokenRate = Annotated[Figure, FigureOf("token_rate")]
TokenRateSeries = Annotated[Series, SeriesOf("token_rate")]
UserSeries = Annotated[Series, SeriesOf("users")]
RequestRateSeries = Annotated[Series, SeriesOf("request_rate")]
TokensPerRequestSeries = Annotated[Series, SeriesOf("tokens_per_request")]
QuotaSeries = Annotated[Series, SeriesOf("quota")]
Money = Annotated[Figure, FigureOf("money")]
EnergyPrices = Annotated[Series, SeriesOf("price_energy")]
TokenPrices = Annotated[Series, SeriesOf("price_tokens")]
TokenPrice = Annotated[Figure, FigureOf("price_tokens")]
AcceleratorHourPrices = Annotated[Series, SeriesOf("price_accelerator_hour")]
UnitHourPrices = Annotated[Series, SeriesOf("price_unit_hour")]
AcceleratorPrices = Annotated[Series, SeriesOf("price_accelerator")]
PowerPrices = Annotated[Series, SeriesOf("price_power")]
PowerYearPrices = Annotated[Series, SeriesOf("price_power_year")]
FlopPrice = Annotated[Figure, FigureOf("price_flop")]
Length = Annotated[Span, SpanField()]


def at_least(status: Status, least: Status) -> bool:
    """Whether a status has reached another on the way announced → financed → contracted → building → energised."""
    return STATUSES.index(status) >= STATUSES.index(least)


class Record(BaseModel):
    """A frozen mapping of known keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True
    )


class Entry(Record):
    """A record with provenance: `source` and `assumed` hold for each of its numbers that does not say otherwise."""

    source: str | None = None
    assumed: bool = False
    note: str | None = None
