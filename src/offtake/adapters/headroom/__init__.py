"""Headroom that processes share: in memory, in a file, or in PostgreSQL."""

from offtake.adapters.headroom.memory import MemoryHeadroom
from offtake.adapters.headroom.sql import open_headroom

__all__ = ["MemoryHeadroom", "open_headroom"]
