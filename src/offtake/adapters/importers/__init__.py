"""Other people's files as entries of an estate: one reader for each kind, each row of a file accounted for."""

from __future__ import annotations

from offtake.adapters.importers.epoch import read_epoch
from offtake.adapters.importers.focus import read_focus
from offtake.adapters.importers.latency import read_latency
from offtake.adapters.importers.litellm import read_litellm
from offtake.adapters.importers.reading import Asked, Found, Importer, Known
from offtake.adapters.importers.skypilot import read_skypilot
from offtake.adapters.importers.xlsx import read_xlsx

IMPORTERS: dict[str, Importer] = {
    "skypilot-catalog": read_skypilot,
    "xlsx": read_xlsx,
    "focus": read_focus,
    "epoch": read_epoch,
    "latency": read_latency,
    "litellm": read_litellm,
}

__all__ = ["IMPORTERS", "Asked", "Found", "Importer", "Known"]
