"""The plainest proxy: uvicorn and uvloop in front, aiohttp behind, nothing on. Runs in an environment of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp  # pyright: ignore[reportMissingImports]  # It is installed in the peer's environment alone.
import uvicorn  # pyright: ignore[reportMissingImports]

UPSTREAM = os.environ["UPSTREAM"]
sessions: list[Any] = []


Message = dict[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "http":
        return
    if not sessions:
        sessions.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1024)))
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    headers = {"content-type": "application/json"}
    async with sessions[0].post(UPSTREAM + scope["path"], data=b"".join(parts), headers=headers) as answer:
        kind = answer.headers.get("content-type", "").encode()
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": [(b"content-type", kind)]}
        )
        async for piece in answer.content.iter_any():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="error",
        access_log=False,
    )
