"""The data plane's HTTP/1.1, with h11 as the judge of every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from e2e.gateway.stand import Answer, Stand, Wire, ask, chat, request
from offtake.entrypoints.gateway.limits import DEFAULT

Run = Callable[..., None]
STRICT = replace(
    DEFAULT, body_bytes=4096, head_bytes=2048, head_within_s=0.3, body_within_s=0.3, linger_s=0.2
)


def test_a_request_split_at_every_byte_is_the_same_request(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        whole = request(stand, chat())
        wire = await Wire.to(stand)
        for at in range(1, len(whole), 3):  # On one connection, so that each answer must leave it clean.
            wire.writer.write(whole[:at])
            await wire.writer.drain()
            await asyncio.sleep(0)
            wire.writer.write(whole[at:])
            answer, rest = await wire.answer()
            assert (answer.status, rest) == (200, b"")
        wire.close()

    on_stand(test)


def test_a_request_byte_by_byte_is_the_same_request(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        for byte in request(stand, chat(stream=True)):
            wire.writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        answer, _ = await wire.answer()
        assert answer.status == 200
        assert answer.body.endswith(b"data: [DONE]\n\n")
        wire.close()

    on_stand(test)


def test_pipelined_requests_are_answered_in_order(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        slow = chat(misbehave="slow")
        wire.writer.write(
            request(stand, slow)
            + request(stand, b"", method="GET", path="/healthz")
            + request(stand, {"model": "none"})
            + request(stand, chat(stream=True))
        )
        found: list[int] = []
        rest = b""
        for _ in range(4):
            answer, rest = await wire.answer(leave=rest)
            found.append(answer.status)
        assert found == [200, 200, 404, 200]
        wire.close()

    on_stand(test)


def test_a_chunked_body_with_a_trailer_is_read_and_the_connection_kept(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        raw = json.dumps(chat()).encode()
        head = request(stand, b"", more="transfer-encoding: chunked\r\n").replace(
            b"content-length: 0\r\n", b""
        )
        pieces = b"".join(
            b"%x;extension=1\r\n%b\r\n" % (len(raw[n : n + 7]), raw[n : n + 7]) for n in range(0, len(raw), 7)
        )
        wire = await Wire.to(stand)
        for _ in range(2):
            wire.writer.write(head + pieces + b"0\r\nauthorization: Bearer nobody\r\n\r\n")
            answer, rest = await wire.answer()
            assert (answer.status, rest) == (200, b"")
        wire.close()

    on_stand(test)


def test_http_1_0_is_answered_without_chunks_and_closed(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        for body in (chat(), chat(stream=True)):
            wire = await Wire.to(stand)
            wire.writer.write(request(stand, body).replace(b"HTTP/1.1", b"HTTP/1.0"))
            raw = await asyncio.wait_for(wire.reader.read(), 15)
            assert raw.startswith(b"HTTP/1.1 200")
            assert b"chunked" not in raw
            assert raw.endswith((b"}", b"[DONE]\n\n"))

    on_stand(test)


def test_expect_100_continue_is_answered_before_the_body(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        whole = request(stand, chat(), more="expect: 100-continue\r\n")
        head, body = whole.split(b"\r\n\r\n", 1)
        wire = await Wire.to(stand)
        wire.writer.write(head + b"\r\n\r\n")
        assert await wire.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.writer.write(body)
        assert (await wire.answer())[0].status == 200
        wire.close()

    on_stand(test)


HEAD = "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\n"
SMUGGLED = {
    "length-and-chunked": HEAD + "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": HEAD + "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "two-lengths": HEAD + "content-length: 4\r\ncontent-length: 5\r\n\r\nabcd",
    "two-equal-lengths": HEAD + "content-length: 4\r\ncontent-length: 4\r\n\r\nabcd",
    "length-list": HEAD + "content-length: 4, 5\r\n\r\nabcd",
    "signed-length": HEAD + "content-length: +4\r\n\r\nabcd",
    "hex-length": HEAD + "content-length: 0x4\r\n\r\nabcd",
    "negative-length": HEAD + "content-length: -4\r\n\r\nabcd",
    "other-coding": HEAD + "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding-list": HEAD + "transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding-twice": HEAD + "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "coding-hidden": HEAD + "transfer-encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "space-before-colon": HEAD + "content-length : 4\r\n\r\nabcd",
    "folded": HEAD + "x-a: b\r\n content-length: 4\r\n\r\nabcd",
    "bare-cr": HEAD + "x-a: b\rcontent-length: 4\r\n\r\nabcd",
    "nul": HEAD + "x-a: b\x00c\r\n\r\n",
    "bad-chunk-size": HEAD + "transfer-encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n",
    "chunk-overrun": HEAD + "transfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    "two-hosts": HEAD + "host: other\r\n\r\n",
    "no-host": "POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
    "two-keys": HEAD + "authorization: Bearer a\r\nauthorization: Bearer b\r\ncontent-length: 0\r\n\r\n",
    "chunked-in-1.0": HEAD.replace("1.1", "1.0") + "transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "http-2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http-0.9": "GET /healthz\r\n\r\n",
    "odd-version": "POST / HTTP/1.7\r\nhost: g\r\n\r\n",
    "not-http": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "connect": "CONNECT other:443 HTTP/1.1\r\nhost: other\r\n\r\n",
}


@pytest.mark.parametrize("raw", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_what_two_servers_could_read_in_two_ways_is_refused_and_the_connection_closed(
    on_stand: Run, raw: str
) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        # A second request behind it must never be answered.
        wire.writer.write(raw.encode("latin-1") + request(stand, b"", method="GET", path="/metrics"))
        said = await asyncio.wait_for(wire.reader.read(), 15)
        assert said.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501"))
        assert b"connection: close" in said
        assert said.count(b"HTTP/1.1 ") == 1
        assert b"offtake_requests" not in said
        assert all(not bodies for bodies in stand.seen.values())
        wire.close()

    on_stand(test, replace(DEFAULT, linger_s=0.05))


def test_limits_are_told_before_they_cost_anything(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        long_body = request(stand, chat(padding="x" * 5000))
        chunked = HEAD.encode() + b"transfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n"
        for raw, status in (
            (long_body.split(b"\r\n\r\n")[0] + b"\r\n\r\n", 413),
            (chunked + (b"400\r\n" + b"x" * 1024 + b"\r\n") * 5, 413),
            (HEAD.encode() + b"x-a: " + b"y" * 3000 + b"\r\n\r\n", 431),
            (HEAD.encode() + b"x-a: " + b"y" * 3000, 431),
            (b"POST /" + b"a" * 3000 + b" HTTP/1.1\r\nhost: g\r\n\r\n", 431),
        ):
            wire = await Wire.to(stand)
            wire.writer.write(raw)
            answer, _ = await wire.answer()
            assert answer.status == status
            assert answer.headers["connection"] == "close"
            assert "message" in answer.json["error"]
            wire.close()

    on_stand(test, STRICT)


def test_a_caller_that_is_slow_with_its_request_is_told_and_closed(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        slow_head, slow_body, mute = [await Wire.to(stand) for _ in range(3)]
        slow_head.writer.write(b"POST /v1/chat")
        slow_body.writer.write(request(stand, chat())[:-5])
        assert (await slow_head.answer())[0].status == 408
        assert (await slow_body.answer())[0].status == 408
        assert (
            await asyncio.wait_for(mute.reader.read(), 15) == b""
        )  # A connection without a request just ends.

    on_stand(test, STRICT)


def test_more_connections_than_are_borne_are_told_so(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wires = [await Wire.to(stand) for _ in range(3)]
        answer, _ = await wires[2].answer()
        assert answer.status == 503
        wires[0].writer.write(request(stand, chat()))
        assert (await wires[0].answer())[0].status == 200

    on_stand(test, replace(DEFAULT, connections=2))


def test_bodies_that_are_held_at_once_are_bounded_together(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        for _ in range(5):  # What is answered is let go.
            assert (await ask(stand, chat(padding="x" * 3000))).status == 200
        first, second = [await Wire.to(stand) for _ in range(2)]
        whole = request(stand, chat(padding="x" * 3000))
        first.writer.write(whole[:-10])
        await asyncio.sleep(0.05)
        second.writer.write(whole)
        assert (await second.answer())[0].status == 503
        first.writer.write(whole[-10:])
        assert (await first.answer())[0].status == 200
        second.close()
        await asyncio.sleep(0.05)
        assert stand.serving.service.buffered == 0

    on_stand(test, replace(DEFAULT, buffered_bytes=5000))


def test_a_caller_that_does_not_read_holds_the_upstream_back_and_no_memory(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        transport = cast("asyncio.Transport", wire.writer.transport)
        transport.pause_reading()
        wire.writer.write(request(stand, chat(misbehave="huge")))
        await asyncio.sleep(0.3)
        (connection,) = stand.serving.service.connections
        assert connection.transport.get_write_buffer_size() < 3 << 20
        transport.resume_reading()
        answer, _ = await wire.answer()
        assert len(answer.body) > 3 << 20
        assert len(answer.json["padding"]) == 3 << 20
        wire.close()

    on_stand(test, replace(DEFAULT, held_answer_bytes=65_536))


def test_streams_at_once_lose_and_mix_nothing(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async def one(n: int) -> Answer:
            return await ask(stand, chat(stream=True, tokens=20 + n % 7, pace_ms=1))

        answers = await asyncio.gather(*(one(n) for n in range(64)))
        for n, answer in enumerate(answers):
            events = [json.loads(e[6:]) for e in answer.body.split(b"\n\n")[:-2]]
            said = [e["choices"][0]["delta"]["content"] for e in events[:-1]]
            assert events[-1]["choices"][0]["finish_reason"] == "stop"
            assert said == [f"{k} " for k in range(20 + n % 7)]

    on_stand(test)


def test_an_idle_connection_that_the_upstream_closed_is_replaced_without_a_word(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        for _ in range(3):
            assert (await ask(stand, chat(misbehave="stale"))).status == 200
        assert [receipt.attempts for receipt in await stand.receipts()] == [1, 1, 1]

    on_stand(test)
