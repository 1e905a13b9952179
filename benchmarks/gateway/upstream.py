"""An upstream for streams: `max_tokens` chunks each, at a fixed interval; every chunk says when it was sent."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, cast

import httptools
import uvloop

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
BEFORE = (
    b'data: {"id":"c-1","object":"chat.completion.chunk","created":0,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"'
)
AFTER = b'"},"finish_reason":null}]}\n\n'
USAGE = (
    b'data: {"id":"c-1","object":"chat.completion.chunk","created":0,"model":"m","choices":[],"usage":'
    b'{"prompt_tokens":250,"completion_tokens":200,"total_tokens":450}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Paced(asyncio.Protocol):
    def __init__(self, pace_s: float) -> None:
        self.pace_s = pace_s
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self.timer is not None:
            self.timer.cancel()

    def on_message_begin(self) -> None:
        self.body = b""

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.loop = asyncio.get_running_loop()
        asked: dict[str, Any] = json.loads(self.body)
        self.chunks = int(asked["max_tokens"])
        options: dict[str, Any] = asked.get("stream_options") or {}
        self.tells = bool(options.get("include_usage"))
        self.sent = 0
        self.due = self.loop.time()
        self.transport.write(HEAD)
        self.send()

    def send(self) -> None:
        self.transport.write(chunk(BEFORE + b"%d:%d" % (self.sent, time.monotonic_ns()) + AFTER))
        self.sent += 1
        if self.sent < self.chunks:
            self.due += self.pace_s
            self.timer = self.loop.call_at(self.due, self.send)
        else:
            self.transport.write((chunk(USAGE) if self.tells else b"") + chunk(DONE) + b"0\r\n\r\n")


async def main() -> None:
    port, pace_ms = int(sys.argv[1]), float(sys.argv[2])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Paced(pace_ms / 1000), "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
