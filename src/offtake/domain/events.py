"""Events on which rights begin or end, and the answers of those who hold a right."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from offtake.domain.records import Entry, Id


class Event(Entry):
    """Something that happened, or that a scenario supposes: without a date it has not happened."""

    name: str | None = None
    on: date | None = Field(default=None, alias="date")
    about: Id | None = Field(default=None, description="the model or supply it is about; else all")


class HolderAnswer(Entry):
    """What a holder of a right offers for the needs that arise in [from, until), as quantity and price."""

    clause: Id
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    offers: str = Field(description="a quantity in the clause's measure, such as `60 accelerators` or `2 GW`")
    price: str | None = Field(default=None, description="a price; else that of the product")
    products: tuple[Id, ...] = Field(
        default=(), description="where the offered capacity stands; else all of the holder's"
    )
    need: str | None = Field(default=None, description="the need, if it is known; else computed from demand")
