"""The API's promises: who may do what, who sees what, versions, keys, pages, bounds, and what is logged."""

import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from offtake.adapters.broker_tokens import revoke
from served import NEED, Served


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


def test_a_deal_goes_through_with_each_party_in_its_own_name(served: Served) -> None:
    served.to_market()
    assert served.bid("b", "1").status_code == 201
    awarded = served.give("lab", {"kind": "award", "need": "n1"})
    assert [event["kind"] for event in awarded.json()["events"]] == ["need-awarded"]
    assert [one["supplier"] for one in served.get("lab", "/v1/leases").json()["items"]] == ["b"]
    served.rehearsal.follows()


def test_a_provider_sees_only_what_is_disclosed_to_it(served: Served) -> None:
    served.file()
    assert served.get("b", "/v1/needs/n1").status_code == 404  # Its holder is being asked, nobody else.
    asked = served.get("h", "/v1/needs/n1").json()
    assert (asked["party"], asked["price_limit"], asked["version"]) == (None, None, None)
    assert [one["holder"] for one in asked["notices"]] == ["h"]
    served.give("h", {"kind": "answer", "need": "n1", "holder": "h"})
    served.bid("b", "1", "60")
    served.bid("z", "2")
    market = served.get("z", "/v1/needs/n1").json()
    assert (market["stage"], market["notices"], market["price_limit"]) == ("overflow", [], None)
    assert [one["bidder"] for one in market["bids"]] == ["z"]
    served.give("lab", {"kind": "award", "need": "n1"})
    leases = served.get("z", "/v1/leases").json()["items"]
    assert [(one["supplier"], one["discharges"]) for one in leases] == [("z", [])]


def test_an_award_is_told_to_each_bidder_for_its_own_part(served: Served) -> None:
    served.to_market()
    served.bid("b", "1", "60")
    served.bid("z", "2")
    served.give("lab", {"kind": "award", "need": "n1"})
    told = {
        who: [
            json.loads(line[6:])
            for line in served.get(who, "/v1/events?follow=false").text.splitlines()
            if line.startswith("data: ") and '"leases"' in line
        ]
        for who in ("lab", "b", "h", "z")
    }
    suppliers = {who: [one["supplier"] for one in said[0]["leases"]] for who, said in told.items()}
    assert suppliers == {"lab": ["b", "z"], "b": ["b"], "h": [], "z": ["z"]}


def test_events_go_on_after_the_last_one_that_arrived(served: Served) -> None:
    served.to_market()
    whole = served.get("operator", "/v1/events?follow=false").text
    rest = served.get("operator", "/v1/events?follow=false", **{"Last-Event-ID": "2-1"}).text
    assert whole.startswith("id: 2-1\nevent: holder-noticed\n")
    assert rest.startswith("id: 3-1\nevent: market-opened\n")
    assert whole.endswith(rest)


@pytest.mark.parametrize(
    ("who", "command", "status"),
    [
        ("auditor", {"kind": "award", "need": "n1"}, 403),
        ("lab", {"kind": "bid", "bid": {}}, 422),
        ("lab", {"kind": "sweep"}, 403),
        ("lab", {"kind": "record-event", "event": "agi", "on": "2026-01-12"}, 403),
        ("y", {"kind": "award", "need": "n1"}, 404),
        ("y", {"kind": "cancel", "need": "n1"}, 404),
        ("y", {"kind": "file-need", "need": NEED}, 403),
        ("b", {"kind": "answer", "need": "n1", "holder": "h"}, 403),
        ("b", {"kind": "answer", "need": "n1", "holder": "b"}, 404),
        ("b", {"kind": "award", "need": "n1"}, 403),
        ("b", {"kind": "withdraw", "bid": "n1-z"}, 404),
        ("b", {"kind": "approve", "clause": "lab-h.rofr", "by": "board"}, 403),
    ],
)
def test_what_a_token_does_not_allow_is_denied(
    served: Served, who: str, command: object, status: int
) -> None:
    served.to_market()
    served.bid("z", "2")
    before = served.rehearsal.ledger.head()
    answer = served.give(who, command)  # pyright: ignore[reportArgumentType]
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert served.rehearsal.ledger.head() == before


@pytest.mark.parametrize("path", ["/v1/entries", "/v1/entries?after=1"])
def test_entries_are_for_operators_and_auditors(served: Served, path: str) -> None:
    assert [served.get(who, path).status_code for who in ("operator", "auditor", "lab", "h")] == [
        200,
        200,
        403,
        403,
    ]


def test_balances_are_ones_own(served: Served) -> None:
    served.to_market()
    served.bid("b", "1")
    served.give("lab", {"kind": "award", "need": "n1"})
    accounts = {one["account"] for one in served.get("b", "/v1/balances").json()["items"]}
    assert accounts == {"b:backlog", "b:capacity-sold"}


def test_a_token_that_expired_or_was_revoked_lets_nobody_in(served: Served) -> None:
    assert served.get("lab", "/v1/needs").status_code == 200
    revoke(served.tokens, served.ids["lab"], served.now)
    assert served.get("lab", "/v1/needs").json()["detail"] == "the token was revoked"
    served.now += timedelta(days=3)
    assert served.get("b", "/v1/needs").json()["detail"] == "the token has expired"


def test_nobody_is_let_in_when_the_tokens_cannot_be_read(served: Served) -> None:
    served.tokens.write_text("[{")
    assert served.get("operator", "/v1/needs").status_code == 503
    served.tokens.unlink()
    assert served.get("operator", "/v1/needs").status_code == 503


def test_a_token_is_nowhere_kept_and_denials_are_logged_without_it(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "offtake.api"):
        served.give("auditor", {"kind": "sweep"})
        served.client.get("/v1/needs", headers={"Authorization": "Bearer ot-guessed"})
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert served.ids["auditor"] in said
    assert "the token is not known" in said
    kept = served.tokens.read_text()
    assert not any(secret in kept + said for secret in (*served.secrets.values(), "ot-guessed"))
    assert served.tokens.stat().st_mode & 0o077 == 0


def test_a_key_counts_once_and_each_party_has_keys_of_its_own(served: Served) -> None:
    command = {"kind": "file-need", "need": NEED}
    first, again = (served.give("lab", command, "one") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["seq"], again.json()["repeated"]) == (again.json()["seq"], True)
    other = {"kind": "file-need", "need": {**NEED, "id": "n2"}}
    assert served.give("lab", other, "one").status_code == 409
    assert served.give("operator", other, "one").status_code == 201


def test_a_version_is_expected_by_if_match(served: Served) -> None:
    served.to_market()
    tag = served.get("lab", "/v1/needs/n1").headers["etag"]
    assert served.get("lab", "/v1/needs/n1", **{"If-None-Match": tag}).status_code == 304
    served.bid("b", "1")
    stale = served.give("lab", {"kind": "award", "need": "n1"}, **{"If-Match": tag})
    assert stale.status_code == 412
    fresh = served.get("lab", "/v1/needs/n1").headers["etag"]
    assert served.give("lab", {"kind": "award", "need": "n1"}, **{"If-Match": fresh}).status_code == 201


def test_pages_hold_everything_once(served: Served) -> None:
    for n in range(5):
        served.file(id=f"n{n}")
    found, after = list[str](), ""
    while after is not None:
        page = served.get("lab", f"/v1/needs?limit=2&after={after}").json()
        found += [one["id"] for one in page["items"]]
        after = page["next"]
    assert found == ["n0", "n1", "n2", "n3", "n4"]


def test_a_refusal_is_an_answer_with_its_clauses(served: Served) -> None:
    served.file()
    refused = served.give("lab", {"kind": "award", "need": "n1"})
    assert refused.status_code == 201
    (event,) = refused.json()["events"]
    assert (event["kind"], bool(event["reasons"])) == ("command-refused", True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * 300_000, 413),
        (b"[" * 100, 400),
        (json.dumps({"kind": "award", "need": "n1", "prise": 1}).encode(), 422),
        (json.dumps({"kind": "award", "need": "n\x001"}).encode(), 422),
        (json.dumps({"kind": "award", "need": "n" * 201}).encode(), 422),
        (json.dumps({"kind": "file-need", "need": {**NEED, "quantity": "1e400"}}).encode(), 422),
        (json.dumps({"kind": "file-need", "need": {**NEED, "quantity": "1e-400"}}).encode(), 422),
        (b'{"kind": "award", "need": "\\ud800"}', 422),
    ],
)
def test_what_is_too_large_or_means_nothing_is_refused(served: Served, body: bytes, status: int) -> None:
    headers = {**served.headers("operator"), "Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = served.client.post("/v1/commands", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_caller_beyond_its_rate_waits_and_others_do_not(tmp_path: Path) -> None:
    served = Served(tmp_path, per_second=1, burst=2)
    assert [served.get("lab", "/v1/standing").status_code for _ in range(3)] == [200, 200, 429]
    assert served.get("lab", "/v1/standing").headers["retry-after"] == "1"
    assert served.get("b", "/v1/standing").status_code == 200
    served.ticks += 1
    assert served.get("lab", "/v1/standing").status_code == 200


def test_guessing_tokens_is_slowed_by_address(tmp_path: Path) -> None:
    served = Served(tmp_path, per_second=1, burst=2)
    tried = [served.client.get("/v1/needs", headers={"Authorization": f"Bearer {n}"}) for n in range(3)]
    assert [one.status_code for one in tried] == [401, 401, 429]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/needs?limit=0",
        "/v1/needs?limit=501",
        "/v1/needs?limit=ten",
        "/v1/needs?limt=1",
        "/v1/needs?after=a&after=b",
        "/v1/needs?at=17",
        "/v1/needs?at=soon",
        "/v1/entries?after=-1",
        "/v1/events?follow=perhaps",
        "/v1/balances?prefix=a&unit=USD",
    ],
)
def test_a_wrong_parameter_is_refused(served: Served, path: str) -> None:
    assert served.get("operator", path).status_code == 422
