"""Laws of loss that an estate's training runs may go by."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from offtake.domain.records import Entry, Length, Number


class LossLaw(Entry):
    """L = E + A/N^α + B/D^β with constants of one's own, or a published law by name; and how algorithms progress.

    With `halving`, the FLOP that a loss takes halve in that time, counted from `from`.
    """

    published: str | None = Field(default=None, description="a name that `offtake laws list` prints")
    irreducible: Number | None = Field(default=None, description="E, in nats per token")
    parameter_scale: Number | None = Field(default=None, description="A")
    token_scale: Number | None = Field(default=None, description="B")
    alpha: Number | None = None
    beta: Number | None = None
    begins: date | None = Field(
        default=None, alias="from", description="the day whose algorithms it describes"
    )
    halving: Length | None = Field(
        default=None, description="time in which better algorithms halve the FLOP that a loss takes"
    )
