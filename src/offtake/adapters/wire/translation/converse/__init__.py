"""Bedrock's Converse: requests are written, and answers read. Callers do not speak it here."""

from offtake.adapters.wire.translation.converse.answers import read_answer
from offtake.adapters.wire.translation.converse.writing import write_request

__all__ = ["read_answer", "write_request"]
