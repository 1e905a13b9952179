"""Webhooks: signed, tried again within a bound, once each, and only to what is configured."""

import hmac
import json
from hashlib import sha256
from pathlib import Path

import httpx2
import pytest

from brokered import Rehearsal, market, right
from offtake.adapters.ledger_sql.deliveries import Deliveries
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
        self.hooks, self.receiver = [hook], receiver
        self.start()

    def start(self) -> None:
        """A sender that remembers nothing of one before it but what is in the database."""
        self.deliveries = Deliveries(self.rehearsal.ledger)
        self.webhooks = Webhooks(self.deliveries, self.hooks, lambda: self.now, self.receiver)


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


def test_what_was_given_up_is_listed(tmp_path: Path) -> None:
    sending = Sending(tmp_path, Receiver(fails=TRIES))
    for _ in range(50):
        sending.webhooks.send()
        sending.now += 1000
    (letter,) = sending.deliveries.dead()
    assert (letter.topic, letter.why) == ("holder-noticed", "status 503")
    (cursor,) = sending.deliveries.cursors()
    assert (cursor.host, cursor.tries, sending.deliveries.waiting(cursor.told_to)) == ("hook.example", 0, 0)


def test_tries_and_places_outlive_the_sender(tmp_path: Path) -> None:
    receiver = Receiver(fails=3)
    sending = Sending(tmp_path, receiver)
    tried = list[float]()
    for _ in range(40):
        before = len(receiver.got)
        sending.start()
        sending.webhooks.send()
        if len(receiver.got) > before:
            tried.append(sending.now)
        sending.now += 1
    assert tried == [1000, 1002, 1006, 1014]


def test_a_hook_is_told_in_order_and_another_is_not_held_up(tmp_path: Path) -> None:
    receiver = Receiver()
    sending = Sending(tmp_path, receiver)
    failing = Receiver(fails=10**6)
    other = Webhooks(
        sending.deliveries, [Hook(url="https://other.example", secret=SECRET)], lambda: sending.now, failing
    )
    other.send()
    for place in range(2, 6):
        sending.rehearsal.need(f"n{place}", 10)
    other.send()
    sending.webhooks.send()
    numbers = [int(request.headers["offtake-message"]) for request in receiver.got]
    assert numbers == sorted(numbers)
    assert len(numbers) == 5
    assert len(failing.got) == 1  # Its second message waits for its first.


def test_a_new_hook_begins_with_what_was_not_told_to_all(tmp_path: Path) -> None:
    receiver = Receiver()
    sending = Sending(tmp_path, receiver)
    sending.webhooks.send()
    sending.hooks = [*sending.hooks, Hook(url="https://new.example", secret=SECRET)]
    sending.rehearsal.need("n2", 10)
    sending.start()
    sending.webhooks.send()
    hosts = [str(request.url.host) for request in receiver.got]
    assert hosts == ["hook.example", "hook.example", "new.example"]


def test_a_hook_is_known_again_by_its_id(tmp_path: Path) -> None:
    receiver = Receiver()
    sending = Sending(tmp_path, receiver)
    sending.hooks = [Hook(url="https://a.example", secret=SECRET, id="crm")]
    sending.start()
    sending.webhooks.send()
    sending.hooks = [Hook(url="https://b.example", secret=SECRET, id="crm")]
    sending.start()
    assert sending.webhooks.send() == 0
    assert "a.example" not in Hook(url="https://a.example", secret=SECRET).name


def test_two_hooks_of_one_address_need_ids(tmp_path: Path) -> None:
    path = tmp_path / "hooks.json"
    hook = {"url": "https://hook.example", "secret": SECRET}
    path.write_text(json.dumps([hook, hook]))
    with pytest.raises(InvalidInput, match="two webhooks"):
        read_hooks(path)
    path.write_text(json.dumps([{**hook, "id": "a"}, {**hook, "id": "b"}]))
    assert len(read_hooks(path)) == 2


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
