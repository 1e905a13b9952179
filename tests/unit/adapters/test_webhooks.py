"""Webhooks: signed, tried again within a bound, once each, and only to what is configured."""

import hmac
import json
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from brokered import Rehearsal, market, right
from offtake.adapters.webhooks import TRIES, Hook, Webhooks, read_hooks
from offtake.domain.errors import InvalidInput

SECRET = "s" * 40


class Receiver(httpx2.BaseTransport):
    """Takes what is posted; fails as often as it is told to."""

    def __init__(self, fails: int = 0) -> None:
        self.fails, self.got = fails, list[httpx2.Request]()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        self.got.append(request)
        self.fails -= 1
        return httpx2.Response(503 if self.fails >= 0 else 204)


class Sending:
    def __init__(self, folder: Path, receiver: Receiver, *topics: str) -> None:
        self.rehearsal = Rehearsal(folder, market(agreements=right()))
        self.rehearsal.need()
        self.now = 1000.0
        hook = Hook(url="https://hook.example/x", secret=SECRET, topics=topics)
        self.webhooks = Webhooks(self.rehearsal.ledger, [hook], lambda: self.now, receiver)


def test_a_message_is_signed_and_sent_once(tmp_path: Path) -> None:
    receiver = Receiver()
    sending = Sending(tmp_path, receiver)
    assert [sending.webhooks.send() for _ in range(2)] == [1, 0]
    (request,) = receiver.got
    stamp, _, signed = request.headers["offtake-signature"].partition(",")
    expected = hmac.new(SECRET.encode(), b"1000." + request.content, sha256).hexdigest()
    assert (stamp, signed) == ("t=1000", f"v1={expected}")
    said = json.loads(request.content)
    assert (said["topic"], said["data"]["to"]) == ("holder-noticed", "h")


def test_a_message_is_tried_again_after_a_wait_that_grows(tmp_path: Path) -> None:
    receiver = Receiver(fails=2)
    sending = Sending(tmp_path, receiver)
    tried = list[float]()
    for _ in range(20):
        before = len(receiver.got)
        sending.webhooks.send()
        if len(receiver.got) > before:
            tried.append(sending.now)
        sending.now += 1
    assert tried == [1000, 1002, 1006]
    assert len({request.headers["offtake-message"] for request in receiver.got}) == 1


def test_a_message_is_given_up_after_a_bound(tmp_path: Path) -> None:
    receiver = Receiver(fails=10**6)
    sending = Sending(tmp_path, receiver)
    for _ in range(50):
        sending.webhooks.send()
        sending.now += 1000
    assert len(receiver.got) == TRIES
    assert sending.rehearsal.ledger.outbox() == []


def test_only_the_topics_that_are_asked_for_are_sent(tmp_path: Path) -> None:
    receiver = Receiver()
    assert Sending(tmp_path, receiver, "need-awarded").webhooks.send() == 1
    assert receiver.got == []


@pytest.mark.parametrize(
    "hook",
    [
        {"url": "http://hook.example", "secret": SECRET},
        {"url": "ftp://hook.example", "secret": SECRET},
        {"url": "https://me:word@hook.example", "secret": SECRET},
        {"url": "https://hook.example", "secret": "short-secret"},
        {"url": "https://hook.example", "secret": ["hidden-secret"]},
    ],
)
def test_a_hook_that_is_not_safe_is_refused_without_its_secret(tmp_path: Path, hook: object) -> None:
    path = tmp_path / "hooks.json"
    path.write_text(json.dumps([hook]))
    with pytest.raises(InvalidInput) as error:
        read_hooks(path)
    assert "secret" not in error.value.message.replace("a webhook's secret", "").replace("0.secret", "")
    assert SECRET not in error.value.message
