"""Anthropic's messages."""

from offtake.adapters.wire.translation.messages.answers import read_answer, write_answer
from offtake.adapters.wire.translation.messages.reading import read_request
from offtake.adapters.wire.translation.messages.writing import write_request

__all__ = ["read_answer", "read_request", "write_answer", "write_request"]
