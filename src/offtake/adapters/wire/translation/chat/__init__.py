"""OpenAI's chat completions."""

from offtake.adapters.wire.translation.chat.answers import read_answer, write_answer
from offtake.adapters.wire.translation.chat.reading import read_request
from offtake.adapters.wire.translation.chat.writing import write_request

__all__ = ["read_answer", "read_request", "write_answer", "write_request"]
