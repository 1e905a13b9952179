"""The fields of OpenAI's chat completions: None if translated, else why they are refused.

https://platform.openai.com/docs/api-reference/chat/create, as of the SDK's `CompletionCreateParams`.
"""

from __future__ import annotations

from typing import Final

_OURS: Final = "has no counterpart in the other dialect"
_OLD: Final = "is the old form of tools; use `tools` and `tool_choice`"
_STEERS: Final = "steers a cache that only OpenAI has"
REQUEST: Final[dict[str, str | None]] = {
    "model": None,
    "messages": None,
    "max_tokens": None,
    "max_completion_tokens": None,
    "temperature": None,
    "top_p": None,
    "stop": None,
    "stream": None,
    "stream_options": None,
    "tools": None,
    "tool_choice": None,
    "parallel_tool_calls": None,
    "response_format": None,
    "user": None,
    "safety_identifier": None,
    "audio": _OURS,
    "frequency_penalty": _OURS,
    "function_call": _OLD,
    "functions": _OLD,
    "logit_bias": _OURS,
    "logprobs": _OURS,
    "metadata": "is kept beside completions that only OpenAI stores",
    "modalities": "asks for more than text",
    "moderation": _OURS,
    "n": "asks for several choices, and the other dialect gives one",
    "prediction": _OURS,
    "presence_penalty": _OURS,
    "prompt_cache_key": _STEERS,
    "prompt_cache_options": _STEERS,
    "prompt_cache_retention": _STEERS,
    "reasoning_effort": "is a scale of its own, which the other dialect does not have",
    "seed": _OURS,
    "service_tier": "names a tier of OpenAI's",
    "store": "asks OpenAI to keep the completion",
    "top_logprobs": _OURS,
    "verbosity": _OURS,
    "web_search_options": "is a tool that OpenAI runs itself",
}
REQUEST_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "frequency_penalty": (0, 0.0),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": ({},),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0, 0.0),
    "service_tier": ("auto",),
    "store": (False,),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
}
MESSAGE: Final[dict[str, str | None]] = {
    "role": None,
    "content": None,
    "tool_calls": None,
    "tool_call_id": None,
    "name": "tells participants of one role apart, which the other dialect cannot",
    "refusal": "is a refusal of before, which the other dialect has no place for",
    "audio": _OURS,
    "function_call": _OLD,
}
MESSAGE_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {"tool_calls": ([],), "name": ("",)}
TEXT: Final[dict[str, str | None]] = {"type": None, "text": None, "prompt_cache_breakpoint": _STEERS}
IMAGE: Final[dict[str, str | None]] = {"type": None, "image_url": None, "prompt_cache_breakpoint": _STEERS}
IMAGE_URL: Final[dict[str, str | None]] = {
    "url": None,
    "detail": "is a degree that the other dialect does not have",
}
CALL: Final[dict[str, str | None]] = {"id": None, "type": None, "function": None}
CALL_FUNCTION: Final[dict[str, str | None]] = {"name": None, "arguments": None}
TOOL: Final[dict[str, str | None]] = {"type": None, "function": None}
FUNCTION: Final[dict[str, str | None]] = {
    "name": None,
    "description": None,
    "parameters": None,
    "strict": None,
}
FORMAT: Final[dict[str, str | None]] = {"type": None, "json_schema": None}
FORMAT_SCHEMA: Final[dict[str, str | None]] = {
    "name": None,
    "description": None,
    "schema": None,
    "strict": None,
}
OPTIONS: Final[dict[str, str | None]] = {
    "include_usage": None,
    "include_obfuscation": "pads OpenAI's own streams",
}
REFUSED_PARTS: Final = {
    "input_audio": "has no counterpart in the other dialect",
    "file": "has no counterpart that is translated",
    "refusal": "has no counterpart in the other dialect",
}
