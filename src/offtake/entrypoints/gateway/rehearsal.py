"""An upstream to rehearse with: it speaks every dialect, invents its answers, and misbehaves when a request asks it to.

It calls the first tool that a request names, until it is given a result. A request's field `misbehave` is one of
`MISBEHAVIOURS`; `tokens` is how many it writes, `pace_ms` the time between two.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, cast

import httptools
import orjson

from offtake.domain.errors import InvalidInput

MISBEHAVIOURS: Final = (
    "400",
    "401",
    "403",
    "429",  # with `retry-after: 2`
    "500",
    "503",
    "slow",  # half a second until the first byte
    "silent",  # no byte at all
    "cut",  # ends in the middle
    "stalls",  # a stream stands still after its first pieces
    "bad-json",
    "no-usage",
    "wrong-usage",
    "huge",  # an answer of 3 MiB
    "stale",  # closes without an answer if the connection was used before
    "drop",  # closes without an answer
    "garbage",  # what is not HTTP
)
_PATHS: Final = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/embeddings", "embeddings"),
    ("/responses", "responses"),
    ("/messages", "messages"),
)
MOST_TOKENS: Final = 100_000


class Rehearsal(asyncio.Protocol):
    """One connection to the rehearsal's upstream. `name` is where it says it is; `seen` notes each request's body."""

    def __init__(
        self, name: str, seen: list[dict[str, Any]] | None = None, state: State | None = None
    ) -> None:
        self._name = name
        self._seen = seen
        self._state = state
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body = b""
        self._served = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone."""
        del exc
        for task in self._tasks:
            task.cancel()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._url, self._body = b"", b""

    def on_url(self, url: bytes) -> None:
        """Its target."""
        self._url += url

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        self._body += body

    def on_message_complete(self) -> None:
        """It is whole."""
        path = self._url.split(b"?")[0].decode()
        operation = next((o for suffix, o in _PATHS if path.endswith(suffix)), None)
        try:
            asked = cast("dict[str, Any]", orjson.loads(self._body or b"{}"))
        except orjson.JSONDecodeError:
            asked = {}
        if self._seen is not None:
            self._seen.append(asked)
        how = str(asked.get("misbehave") or (self._state.misbehaves if self._state else ""))
        self._served += 1
        if how == "stale":
            if self._served > 1:
                self.transport.close()
                return
            how = ""
        if operation is None:
            self._whole(404, {"error": {"message": "no such path"}})
        elif how == "" and not asked.get("stream") and not asked.get("pace_ms"):
            self._whole(200, answer(operation, asked, self._name))
        else:
            task = asyncio.get_running_loop().create_task(self._answer(operation, asked, how))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _whole(self, status: int, value: dict[str, Any] | bytes, more: str = "") -> None:
        body = value if isinstance(value, bytes) else orjson.dumps(value)
        head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{more}content-length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    async def _answer(self, operation: str, asked: dict[str, Any], how: str) -> None:
        if how.isdigit():
            more = "retry-after: 2\r\n" if how == "429" else ""
            self._whole(int(how), {"error": {"message": f"asked to answer {how}"}}, more)
            return
        if how == "slow":
            await asyncio.sleep(0.5)
        if how == "silent":
            await asyncio.sleep(3600)
        if how in ("drop", "garbage"):
            if how == "garbage":
                self.transport.write(b"this is not HTTP\r\n\r\n")
            self.transport.close()
            return
        if how == "bad-json":
            self._whole(200, b'{"choices": [')
            return
        if asked.get("stream"):
            await self._stream(operation, asked, how)
            return
        found = answer(operation, asked, self._name)
        if how == "no-usage":
            del found["usage"]
        if how == "wrong-usage":
            found["usage"] = {"prompt_tokens": -1, "completion_tokens": "many"}
        if how == "huge":
            found["padding"] = "x" * (3 << 20)
        if how == "cut":
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{"
            )
            self.transport.close()
            return
        self._whole(200, found)

    async def _stream(self, operation: str, asked: dict[str, Any], how: str) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head)
        sent = 0
        async for event in events(operation, asked, self._name, how):
            self.transport.write(b"%x\r\n%b\r\n" % (len(event), event))
            sent += 1
            if how == "stalls" and sent > 5:
                await asyncio.sleep(3600)
            if how == "cut" and sent > 2:
                self.transport.close()
                return
        self.transport.write(b"0\r\n\r\n")


class State:
    """How an upstream behaves towards everybody, until that is changed."""

    def __init__(self) -> None:
        self.misbehaves = ""


def _size(asked: dict[str, Any]) -> tuple[int, int]:
    wrote = asked.get("tokens", 8)
    read = max(
        1, len(json.dumps(asked.get("messages") or asked.get("input") or asked.get("prompt") or "")) // 4
    )
    return read, min(wrote if isinstance(wrote, int) else 8, MOST_TOKENS)


def answer(operation: str, asked: dict[str, Any], name: str) -> dict[str, Any]:
    """A whole answer in a dialect."""
    read, wrote = _size(asked)
    text, model = f"{name} says " + "word " * max(0, wrote - 2), str(asked.get("model"))
    used = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    if operation == "embeddings":
        row = {"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}
        used = {"prompt_tokens": read, "total_tokens": read}
        return {"object": "list", "model": model, "data": [row], "usage": used}
    tool = _called(operation, asked)
    if operation == "messages":
        block: dict[str, Any] = {"type": "text", "text": text}
        if tool is not None:
            block = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {"by": name}}
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": model, "stop_sequence": None,
            "stop_reason": "end_turn" if tool is None else "tool_use", "content": [block],
            "usage": {"input_tokens": read, "output_tokens": wrote},
        }  # fmt: skip
    if operation == "responses":
        part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
        message = {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        return {
            "id": "resp_1", "object": "response", "created_at": 0, "status": "completed", "model": model,
            "output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
            "usage": {"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote,
                      "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
        }  # fmt: skip
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
    if operation == "completions":
        choice["text"] = text
    elif tool is None:
        choice["message"] = {"role": "assistant", "content": text}
    else:
        function = {"name": tool, "arguments": json.dumps({"by": name})}
        call = {"id": "call_1", "type": "function", "function": function}
        choice["message"] = {"role": "assistant", "content": None, "tool_calls": [call]}
        choice["finish_reason"] = "tool_calls"
    kind = "text_completion" if operation == "completions" else "chat.completion"
    return {"id": "c-1", "object": kind, "created": 0, "model": model, "choices": [choice], "usage": used}


def _called(operation: str, asked: dict[str, Any]) -> str | None:
    """The tool that is called; None if there is none, or the last turn gives a result."""
    tools, messages = asked.get("tools"), asked.get("messages")
    if not isinstance(tools, list) or not tools or not isinstance(messages, list):
        return None
    last = json.dumps(cast("list[Any]", messages)[-1])
    first: Any = cast("list[Any]", tools)[0]
    if operation == "messages":
        return None if "tool_result" in last else str(first.get("name"))
    return None if '"role": "tool"' in last else str(first.get("function", {}).get("name"))


async def events(operation: str, asked: dict[str, Any], name: str, how: str) -> AsyncIterator[bytes]:
    """The events of a stream in a dialect."""
    read, wrote = _size(asked)
    pace = asked.get("pace_ms", 0)
    whole = answer(operation, asked, name)
    options: Any = asked.get("stream_options")
    calls = _called(operation, asked) is not None
    tells = isinstance(options, dict) and cast("dict[str, Any]", options).get("include_usage") is True
    if operation == "messages":
        begun: dict[str, Any] = {**whole, "content": [], "usage": {"input_tokens": read, "output_tokens": 1}}
        yield _event({"type": "message_start", "message": begun}, "message_start")
        inner: dict[str, Any] = {"type": "text", "text": ""}
        if calls:
            inner = {**whole["content"][0], "input": {}}
        block = {"type": "content_block_start", "index": 0, "content_block": inner}
        yield _event(block, "content_block_start")
    if operation == "responses":
        yield _event(
            {"type": "response.created", "sequence_number": 0, "response": whole}, "response.created"
        )
    for text in () if not calls else ('{"by": ', f'"{name}"}}'):
        yield _call_piece(operation, text, whole)
    for n in range(0 if calls else wrote):
        if pace:
            await asyncio.sleep(pace / 1000)
        yield _piece(operation, f"{n} ", whole, tells)
    if operation == "messages":
        yield _event({"type": "content_block_stop", "index": 0}, "content_block_stop")
        delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        last = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": wrote}}
        yield _event(last, "message_delta")
        yield _event({"type": "message_stop"}, "message_stop")
    elif operation == "responses":
        yield _event(
            {"type": "response.completed", "sequence_number": 9, "response": whole}, "response.completed"
        )
    else:
        last_choice: dict[str, Any] = {**whole["choices"][0], "logprobs": None}
        for part in ("message", "text"):
            last_choice.pop(part, None)
        last_choice |= {"text": ""} if operation == "completions" else {"delta": {}}
        last_chunk = {**_chunk(operation, whole), "choices": [last_choice]}
        yield _event({**last_chunk, "usage": None} if tells else last_chunk)
        if tells and how != "no-usage":
            yield _event({**_chunk(operation, whole), "choices": [], "usage": whole["usage"]})
        yield b"data: [DONE]\n\n"


def _chunk(operation: str, whole: dict[str, Any]) -> dict[str, Any]:
    kind = "text_completion" if operation == "completions" else "chat.completion.chunk"
    return {"id": whole["id"], "object": kind, "created": 0, "model": whole["model"]}


def _call_piece(operation: str, text: str, whole: dict[str, Any]) -> bytes:
    """A piece of a call's input; OpenAI names the call in the first."""
    if operation == "messages":
        inner = {"type": "input_json_delta", "partial_json": text}
        return _event({"type": "content_block_delta", "index": 0, "delta": inner}, "content_block_delta")
    call: dict[str, Any] = {"index": 0, "function": {"arguments": text}}
    if text.startswith("{"):
        named = whole["choices"][0]["message"]["tool_calls"][0]
        call |= {"id": named["id"], "type": "function", "function": {**named["function"], "arguments": text}}
    choice = {"index": 0, "finish_reason": None, "delta": {"tool_calls": [call]}}
    return _event({**_chunk(operation, whole), "choices": [choice]})


def _piece(operation: str, text: str, whole: dict[str, Any], tells: bool) -> bytes:
    if operation == "messages":
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return _event(delta, "content_block_delta")
    if operation == "responses":
        said: dict[str, Any] = {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "m"}
        said |= {"output_index": 0, "content_index": 0, "delta": text, "logprobs": []}
        return _event(said, "response.output_text.delta")
    choice: dict[str, Any] = {"index": 0, "finish_reason": None, "logprobs": None}
    choice |= {"text": text} if operation == "completions" else {"delta": {"content": text}}
    chunk = {**_chunk(operation, whole), "choices": [choice]}
    return _event({**chunk, "usage": None} if tells else chunk)


def _event(value: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(value) + b"\n\n"


async def rehearse(
    name: str,
    host: str = "127.0.0.1",
    port: int = 0,
    seen: list[dict[str, Any]] | None = None,
    state: State | None = None,
) -> tuple[asyncio.Server, int]:
    """An upstream that listens; the server and its port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Rehearsal(name, seen, state), host, port, backlog=1024)
    return server, int(server.sockets[0].getsockname()[1])


def run(name: str, host: str, port: int, say: Callable[[str], None]) -> None:
    """Runs an upstream until it is told to end. Raises InvalidInput if the address cannot be listened on."""

    async def whole() -> None:
        ends = asyncio.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(sign, ends.set)
        try:
            server, found = await rehearse(name, host, port)
        except OSError as error:
            raise InvalidInput(f"{host}:{port} cannot be listened on: {error.strerror}") from None
        say(f"{name} answers at http://{host}:{found}/v1")
        await ends.wait()
        server.close()

    asyncio.run(whole())
