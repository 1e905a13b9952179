"""The fields of Anthropic's messages: None if translated, else why they are refused.

https://platform.claude.com/docs/en/api/messages, as of the SDK's `MessageCreateParams`.
"""

from __future__ import annotations

from typing import Final

_OURS: Final = "has no counterpart in the other dialect"
_TOOLING: Final = "steers tools in a way that only Anthropic has"
REQUEST: Final[dict[str, str | None]] = {
    "model": None,
    "messages": None,
    "max_tokens": None,
    "system": None,
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "stop_sequences": None,
    "stream": None,
    "tools": None,
    "tool_choice": None,
    "metadata": None,
    "output_config": None,
    "thinking": None,
    "betas": "asks for what is not settled yet",
    "billing_policy": _OURS,
    "cache_control": "marks the whole request, where the other dialect marks parts",
    "compaction": "lets Anthropic shorten the conversation",
    "container": "names a container at Anthropic",
    "context_management": "lets Anthropic shorten the conversation",
    "diagnostics": _OURS,
    "fallback_credit_token": _OURS,
    "fallbacks": "lets Anthropic choose another model, which is this gateway's to do",
    "inference_geo": "chooses where Anthropic processes, which is the law's to say",
    "mcp_servers": "are tools that Anthropic runs itself",
    "output_format": "is the old form of `output_config.format`",
    "service_tier": "names a tier of Anthropic's",
    "speed": "names a tier of Anthropic's",
    "thread": "names state that lives at Anthropic",
    "user_profile_id": "names state that lives at Anthropic",
    "workspace_id": "names a workspace at Anthropic",
}
REQUEST_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "betas": ([],),
    "mcp_servers": ([],),
    "service_tier": ("auto",),
    "speed": ("standard",),
}
MESSAGE: Final[dict[str, str | None]] = {"role": None, "content": None}
METADATA: Final[dict[str, str | None]] = {"user_id": None}
OUTPUT: Final[dict[str, str | None]] = {"effort": None, "format": None}
FORMAT: Final[dict[str, str | None]] = {"type": None, "schema": None}
CACHE: Final[dict[str, str | None]] = {"type": None, "ttl": None}
_CITED: Final = "points to sources, which are not translated"
BLOCKS: Final[dict[str, dict[str, str | None]]] = {
    "text": {"type": None, "text": None, "cache_control": None, "citations": _CITED},
    "image": {
        "type": None,
        "source": None,
        "cache_control": None,
        "transformations": "chooses how Anthropic changes a picture",
    },
    "tool_use": {
        "type": None,
        "id": None,
        "name": None,
        "input": None,
        "cache_control": None,
        "caller": _TOOLING,
        "toolset_name": _TOOLING,
    },
    "tool_result": {
        "type": None,
        "tool_use_id": None,
        "content": None,
        "is_error": None,
        "cache_control": None,
        "toolset_name": _TOOLING,
    },
    "thinking": {"type": None, "thinking": None, "signature": None},
    "redacted_thinking": {"type": None, "data": None},
}
BLOCK_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "citations": ([],),
    "caller": ({"type": "direct"},),
    "transformations": ({},),
}
SOURCE: Final[dict[str, str | None]] = {
    "type": None,
    "media_type": None,
    "data": None,
    "url": None,
    "file_id": "names a file at Anthropic",
}
TOOL: Final[dict[str, str | None]] = {
    "type": None,
    "name": None,
    "description": None,
    "input_schema": None,
    "strict": None,
    "cache_control": None,
    "allowed_callers": _TOOLING,
    "defer_loading": _TOOLING,
    "eager_input_streaming": _TOOLING,
    "input_examples": _TOOLING,
}
TOOL_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "type": ("custom",),
    "allowed_callers": (["direct"],),
    "defer_loading": (False,),
    "eager_input_streaming": (False,),
    "input_examples": ([],),
}
CHOICE: Final[dict[str, str | None]] = {"type": None, "name": None, "disable_parallel_tool_use": None}
PARTS_BY_ROLE: Final = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "tool_use", "thinking", "redacted_thinking"),
}
REFUSED_PARTS: Final = {
    "document": "has no counterpart that is translated",
    "search_result": "has no counterpart that is translated",
    "container_upload": "names a file at Anthropic",
    "server_tool_use": "was run by Anthropic itself",
}
