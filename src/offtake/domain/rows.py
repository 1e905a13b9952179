"""What every row of a table that is handed on shares: it is frozen and admits no unknown field."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Row(BaseModel):
    """One row of a table of a plan, or a value made of such rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
