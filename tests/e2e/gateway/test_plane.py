"""Heads that are known by their bytes mean what they meant when they were read; nothing of a request is left behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest

from e2e.gateway.stand import Stand, Wire, chat, request
from e2e.gateway.test_changes import until
from offtake.adapters.gateway_keys import new_key, revoke
from offtake.entrypoints.gateway.exchange import Exchange
from offtake.entrypoints.gateway.heads import MOST_KNOWN, Head, Heads, framed
from offtake.entrypoints.gateway.relay import Relay

Run = Callable[..., None]


def test_a_head_that_came_before_is_known_whatever_the_length_of_the_body(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        heads = stand.serving.service.heads
        wire = await Wire.to(stand)
        for n in range(1, 120, 7):
            wire.writer.write(request(stand, chat(user="u" * n)))
            answer, rest = await wire.answer()
            assert (answer.status, rest) == (200, b"")
        assert len(heads) == 1
        sent = [body["user"] for bodies in stand.seen.values() for body in bodies]
        assert sent == ["u" * n for n in range(1, 120, 7)]

    on_stand(test)


def test_a_known_head_is_refused_once_its_key_is_revoked(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.keys["new"], made = new_key(stand.place.keys, "free", "sweden")
        service = stand.serving.service
        known = bytes.fromhex(made.hash)
        await until(lambda: service.callers.of_hash(known) is not None)
        wire = await Wire.to(stand)
        wire.writer.write(request(stand, chat(), "new"))
        assert (await wire.answer())[0].status == 200
        assert len(service.heads) == 1
        revoke(stand.place.keys, made.id)
        await until(lambda: (key := service.callers.of_hash(known)) is not None and key.lapsed is not None)
        wire.writer.write(request(stand, chat(), "new"))
        assert (await wire.answer())[0].status == 401

    on_stand(test)


@pytest.mark.parametrize(
    ("more", "change"),
    [
        ("", (b"Bearer ", b"Bearer x")),
        ("", (b"POST /v1/chat", b"POST /v1/chit")),
        ("", (b"content-length: ", b"content-length:  ")),
        ("expect: 100-continue\r\n", (b"POST", b"POST")),
        ("x-a: " + "b" * 5000 + "\r\n", (b"POST", b"POST")),
    ],
    ids=["bad key", "no such path", "a length written otherwise", "expectation", "long"],
)
def test_what_is_not_so_plain_is_read_each_time(
    on_stand: Run, more: str, change: tuple[bytes, bytes]
) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        whole = request(stand, chat(), more=more).replace(*change, 1)
        for _ in range(2):
            wire.writer.write(whole)
            await wire.answer()
        assert len(stand.serving.service.heads) == 0

    on_stand(test)


def test_two_requests_that_came_at_once_are_two_though_the_first_is_known(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        whole = request(stand, chat())
        wire = await Wire.to(stand)
        wire.writer.write(whole)
        assert (await wire.answer())[0].status == 200
        wire.writer.write(whole + whole)
        rest = b""
        for _ in range(2):
            answer, rest = await wire.answer(leave=rest)
            assert answer.status == 200
        wire.writer.write(whole + b"POST /")  # The beginning of another: the parser must see both.
        assert (await wire.answer())[0].status == 200
        wire.writer.write(whole[6:])
        assert (await wire.answer())[0].status == 200
        assert sum(len(bodies) for bodies in stand.seen.values()) == 5

    on_stand(test)


def test_a_known_head_that_asks_to_close_is_closed(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        for _ in range(2):
            wire = await Wire.to(stand)
            wire.writer.write(request(stand, chat(), more="connection: close\r\n"))
            answer, _ = await wire.answer()
            assert answer.headers["connection"] == "close"
            assert await asyncio.wait_for(wire.reader.read(), 15) == b""
        assert len(stand.serving.service.heads) == 1

    on_stand(test)


def test_a_frame_is_a_head_without_its_digits_and_all_of_a_body() -> None:
    head = b"POST / HTTP/1.1\r\nhost: g\r\nContent-Length: %d\r\nx: y\r\n\r\n"
    for size in (0, 9, 10, 1000):
        found = framed(head % size + b"x" * size)
        assert found is not None
        assert found == (head.replace(b"%d", b""), b"x" * size)
        assert framed(head % size + b"x" * (size + 1)) is None
    assert framed(head % 5 + b"xxxx") is None
    assert framed(b"POST / HTTP/1.1\r\nhost: g\r\n\r\ncontent-length: 0\r\n\r\n") is None
    assert framed(b"") is None


def test_known_heads_are_bounded() -> None:
    heads = Heads()
    for n in range(MOST_KNOWN * 2):
        heads.keep(b"%d" % n, Head())
        assert len(heads) <= MOST_KNOWN


def test_a_request_leaves_nothing_for_the_collector(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        gc.collect()
        gc.disable()
        try:
            wire = await Wire.to(stand)
            for body in (
                chat(),
                chat(stream=True),
                chat(misbehave="500"),
                chat(misbehave="huge"),
                {"model": "none"},
            ):
                wire.writer.write(request(stand, body))
                await wire.answer()
            await asyncio.sleep(0)
            left = [type(o).__name__ for o in gc.get_objects() if isinstance(o, Exchange | Relay)]
        finally:
            gc.enable()
        assert left == []

    on_stand(test)
