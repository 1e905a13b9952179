"""An upstream that speaks Bedrock's Converse and takes nothing that is not signed: signatures are made here again.

After the page `reference_sigv-create-signed-request` of Amazon's IAM documentation alone, without botocore.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from e2e.gateway import frames

KEY_ID = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI-of-nobody-K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION = "session-token-of-nobody"
REGION = "eu-north-1"
USAGE = {"inputTokens": 11, "outputTokens": 4, "totalTokens": 18, "cacheReadInputTokens": 3}


@dataclass
class Amazon:
    """What was asked, and how it answers."""

    bearer: str = ""
    seen: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    paths: list[str] = field(default_factory=list[str])
    refused: list[str] = field(default_factory=list[str])
    how: str = ""
    port: int = 0


async def amazon(state: Amazon) -> asyncio.Server:
    """Listens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                line, *rest = head.decode().split("\r\n")[:-2]
                headers = {k.lower(): v.strip() for k, _, v in (row.partition(":") for row in rest)}
                body = await reader.readexactly(int(headers["content-length"]))
                answer(state, line.split(" ")[1], headers, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    state.port = server.sockets[0].getsockname()[1]
    return server


def answer(
    state: Amazon, target: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter
) -> None:
    """Answers one request."""
    wrong = unproven(state, target, headers, body)
    if wrong:
        state.refused.append(wrong)
        whole(writer, 403, {"message": f"The request signature we calculated does not match ({wrong})"})
        return
    state.paths.append(target)
    asked = json.loads(body)
    state.seen.append(asked)
    if state.how.isdigit():
        whole(writer, int(state.how), {"message": f"asked to answer {state.how}"})
    elif target.endswith("/converse"):
        whole(writer, 200, conversed(asked))
    else:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n"
                     b"transfer-encoding: chunked\r\n\r\n")  # fmt: skip
        for frame in streamed(asked, state.how):
            writer.write(b"%x\r\n%b\r\n" % (len(frame), frame))
        if state.how == "cut":
            writer.close()
        else:
            writer.write(b"0\r\n\r\n")


def whole(writer: asyncio.StreamWriter, status: int, value: Any) -> None:
    """A whole answer."""
    raw = json.dumps(value).encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
    writer.write(head.encode() + raw)


def conversed(asked: dict[str, Any]) -> dict[str, Any]:
    """An answer of Converse: a call if there are tools, else words."""
    stop, block = "end_turn", {"text": "so it is"}
    if "toolConfig" in asked:
        name = asked["toolConfig"]["tools"][0]["toolSpec"]["name"]
        stop, block = "tool_use", {"toolUse": {"toolUseId": "tooluse_1", "name": name, "input": {"by": 1}}}
    message = {"role": "assistant", "content": [block]}
    return {"output": {"message": message}, "stopReason": stop, "usage": USAGE, "metrics": {"latencyMs": 1}}


def streamed(asked: dict[str, Any], how: str) -> list[bytes]:
    """The frames of a stream; `refused` fails before it says anything, `fails` after, `cut` ends in the middle."""
    if how == "refused":
        return [frames.exception("throttlingException", "too many")]
    at = {"contentBlockIndex": 0}
    found = [frames.event("messageStart", {"role": "assistant"})]
    if "toolConfig" in asked:
        name = asked["toolConfig"]["tools"][0]["toolSpec"]["name"]
        start = {"toolUse": {"toolUseId": "tooluse_1", "name": name}}
        found.append(frames.event("contentBlockStart", {**at, "start": start}))
        pieces: list[Any] = [{"toolUse": {"input": text}} for text in ('{"by"', ":1}")]
    else:
        pieces = [{"text": text} for text in ("so ", "it ", "is")]
    found += [frames.event("contentBlockDelta", {**at, "delta": piece}) for piece in pieces]
    if how == "fails":
        return [*found, frames.exception("modelStreamErrorException", "the model fell over")]
    if how == "cut":
        return [*found[:-1], found[-1][:-3]]
    stop = "tool_use" if "toolConfig" in asked else "end_turn"
    return [
        *found,
        frames.event("contentBlockStop", at),
        frames.event("messageStop", {"stopReason": stop}),
        frames.event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
    ]


def unproven(state: Amazon, target: str, headers: dict[str, str], body: bytes) -> str:
    """What is wrong with a request's proof; empty if nothing is."""
    said = headers.get("authorization", "")
    if state.bearer:
        return "" if said == f"Bearer {state.bearer}" else "another bearer"
    kind, _, rest = said.partition(" ")
    parts = dict(part.strip().split("=", 1) for part in rest.split(",") if "=" in part)
    moment = headers.get("x-amz-date", "")
    scope = f"{moment[:8]}/{REGION}/bedrock/aws4_request"
    if kind != "AWS4-HMAC-SHA256" or parts.get("Credential") != f"{KEY_ID}/{scope}":
        return f"credential {parts.get('Credential')}"
    if headers.get("x-amz-security-token") != SESSION:
        return "another session"
    signed = parts.get("SignedHeaders", "").split(";")
    if not {"host", "x-amz-date", "x-amz-security-token"} <= set(signed) or signed != sorted(signed):
        return f"signed headers {signed}"
    path = quote(target, safe="/-_.~")  # Once more than it is written: every service but S3.
    named = "".join(f"{name}:{headers[name]}\n" for name in signed)
    canonical = "\n".join(("POST", path, "", named, ";".join(signed), hashlib.sha256(body).hexdigest()))
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    key = b"AWS4" + SECRET.encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return "" if hmac.compare_digest(key.hex(), parts.get("Signature", "")) else "signature"
