"""No secret of an upstream's and no key of a caller's stands in anything that is written, answered or said."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from e2e.gateway.amazon import KEY_ID, REGION, SECRET, SESSION, Amazon, amazon
from e2e.gateway.noting import Noted, Noting, noting
from e2e.gateway.stand import Stand, Wire, ask, chat, request, stand
from offtake.adapters.receipts_sqlite import receipts_between
from offtake.bootstrap.estates import read_estate
from offtake.bootstrap.gateway import explained, today, write_pack
from offtake.entrypoints.gateway.rehearsal import answer

OPENAI, AZURE, ANTHROPIC = (
    "sk-upstream-of-nobody-1",
    "azure-upstream-of-nobody-2",
    "token-upstream-of-nobody-3",
)
SECRETS = (OPENAI, AZURE, ANTHROPIC, SECRET, SESSION)


def repeating(noted: Noted) -> tuple[int, Any]:
    """An upstream that repeats in its errors all that it was sent."""
    said = f"{noted.headers} {noted.body.decode()}"
    wanted = noted.headers.get("idempotency-key", "200")
    if wanted != "200":
        return int(wanted), {"error": {"message": said, "type": "x", "code": said}}
    kind = "chat" if noted.target.split("?")[0].endswith("chat/completions") else "messages"
    return 200, answer(kind, noted.json, "there")


async def everything_asked(made: Stand) -> bytes:
    """All that a caller is shown: answers, streams, errors of every kind, metrics."""
    shown: list[bytes] = []
    hello = [{"role": "user", "content": "hello"}]
    for model in ("m", "small", "claude"):
        for status in ("200", "400", "401", "403", "404", "413", "422", "429", "500", "503"):
            for path, body in (
                ("/v1/chat/completions", chat(model=model, max_tokens=5)),
                ("/v1/chat/completions", chat(model=model, max_tokens=5, stream=True)),
                ("/v1/messages", {"model": model, "max_tokens": 5, "messages": hello}),
            ):
                wire = await Wire.to(made)
                wire.writer.write(
                    request(made, body, path=path, more=f"idempotency-key: {status}\r\nconnection: close\r\n")
                )
                shown.append(await wire.reader.read())
                made.serving.service.balances.breakers.clear()
    refused = await ask(made, {"model": "m"}, key="lapsed")
    shown.append(refused.body)
    for path in ("/metrics", "/readyz", "/v1/models"):
        wire = await Wire.to(made)
        wire.writer.write(request(made, b"", method="GET", path=path, more="connection: close\r\n"))
        shown.append(await wire.reader.read())
    return b"\n".join(shown)


def test_no_secret_stands_in_anything_that_is_written_answered_or_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    for name, value in (
        ("KEY_1", OPENAI),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", SESSION),
        ("AWS_REGION", REGION),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_PROFILE", "")
    outside = tmp_path / "secrets"
    outside.mkdir()
    (outside / "azure").write_text(AZURE)
    (outside / "token").write_text(ANTHROPIC)
    folder = tmp_path / "gateway"
    folder.mkdir()

    async def test() -> None:
        upstream, bedrock = Noting(repeating), Amazon(how="400")
        servers = [await noting(upstream), await amazon(bedrock)]
        url = f"http://127.0.0.1:{upstream.port}/v1"
        at = {
            "eu": {"url": url, "key": "env:KEY_1"},
            "us": {"url": url, "dialect": "azure", "key": f"file:{outside / 'azure'}"},
            "us-small": {"url": url, "token": f"file:{outside / 'token'}"},
            "claude": {"url": f"http://127.0.0.1:{bedrock.port}", "dialect": "bedrock"},
        }
        async with asyncio.timeout(80), stand(folder, endpoints=at) as made:
            shown = await everything_asked(made)
            sent = json.dumps([noted.headers for noted in upstream.seen])
            for secret in (OPENAI, AZURE, ANTHROPIC):
                assert secret in sent  # They were used, so they could have been shown.
            assert bedrock.refused == []
            assert b"[secret]" in shown
            await made.receipts()
            service = made.serving.service
            said = [
                shown,
                repr(service.upstreams).encode(),
                repr(vars(service)).encode(),
                *map(str.encode, made.said),
            ]
            first = next(iter(receipts_between(made.place.receipts, None, None)))
            said.append("\n".join(explained(made.place, first.id)[1]).encode())
            write_pack(made.place, "eu", today(), folder / "pack")
            read = read_estate(made.estate)
            said.append(repr(read).encode())
            keys = tuple(made.keys.values())
        for server in servers:
            server.close()
        kept = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
        assert len(kept) > 5
        out, err = capfd.readouterr()
        said += [*kept, out.encode(), err.encode(), caplog.text.encode()]
        for secret in (*SECRETS, *keys):
            found = [n for n, text in enumerate(said) if secret.encode() in text]
            assert found == [], secret[:12]

    asyncio.run(test())
