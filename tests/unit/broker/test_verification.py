"""The auditor: a ledger in which one thing was changed, chain and seals made good again, is found out at that event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from brokered import MORNING, Rehearsal, agreed, market
from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.adapters.sealing import seal_holds
from offtake.broker.documents import canonical
from offtake.broker.entries import Seal, sealed_message
from offtake.broker.verification import Verification, verified
from simulation.memory import MemoryLedger
from simulation.play import PlainSealer

Data = dict[str, Any]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> MemoryLedger:
    """A ledger with a bit of everything, copied to where it can be changed."""
    rofr = {"kind": "first-refusal", "holder": "h", "window": "5 business days", "calendar": "US"}
    most = {"kind": "ceiling", "measure": "accelerators", "upper": "100 accelerators", "window": "month"}
    take = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "b",
        "measure": "accelerator-hours",
        "amount": "40000 accelerator-hours",
        "window": "month",
        "shortfall": "1 USD/accelerator-hour",
        "covers": {"providers": ["b"]},
        "from": "2026-03-01",
    }
    flat = {
        "kind": "price",
        "payer": "lab",
        "payee": "h",
        "measure": "tokens",
        "tiers": [{"price": "2 USD per million tokens"}],
    }
    agreements = agreed(rofr=rofr, most={**most, "covers": {"providers": ["b"]}}, take=take, flat=flat)
    deal = Rehearsal(tmp_path_factory.mktemp("honest"), market(agreements=agreements))
    deal.need(ends=date(2026, 9, 1))
    deal.bid("b", 100, 1)
    deal.bid("y", 100, 2)
    deal.answer(60, 3)
    deal.awarded()
    deal.need("n2", 10)
    deal.bid("b", 10, 1, need="n2")
    deal.at = MORNING + timedelta(days=20)
    deal.award("n2")
    deal.read("lab-h.flat", 5_000_000, date(2026, 2, 1), date(2026, 2, 2), id="r1")
    deal.correct("r1")
    deal.release("n1-2", date(2026, 6, 1))
    deal.at = MORNING + timedelta(days=200)
    deal.sweep()
    deal.follows()
    copy = MemoryLedger()
    copy.rows = [(seq, f"{seq}", digest, body) for seq, digest, body in deal.ledger.bodies()]
    copy.kept = {digest: (kind, body) for digest, kind, body in deal.ledger.documents()}
    deal.broker.close()
    return copy


def changed(honest: MemoryLedger, change: Callable[[list[Data]], None]) -> Verification:
    """Verifies a copy in which entries were changed and everything that is hashed and signed was made good again."""
    entries = [json.loads(body) for _, _, _, body in honest.rows]
    change(entries)
    forged, previous = MemoryLedger(), ""
    forged.kept = honest.kept
    for entry in entries:
        entry["previous"] = previous
        body = canonical(entry)
        previous = hashlib.sha256(body.encode()).hexdigest()
        forged.rows.append((entry["seq"], entry["key"], previous, body))
    last = entries[-1]["seq"]
    signature = PlainSealer().sign(sealed_message(1, last, previous))
    forged.sealed = [Seal(first=1, last=last, hash=previous, key="none", signature=signature)]
    return verified(
        forged,
        business_days_of,
        MilpOptimiser(),
        lambda _, message, signed: PlainSealer().sign(message) == signed,
    )


def events(entries: list[Data], kind: str) -> list[Data]:
    return [event for entry in entries for event in entry["events"] if event["kind"] == kind]


def test_the_honest_ledger_follows(honest: MemoryLedger) -> None:
    assert changed(honest, lambda _: None).fault is None


def deadline_later(entries: list[Data]) -> None:
    events(entries, "holder-noticed")[0]["notice"]["deadline"] = "2026-02-20T09:00:00Z"


def window_of_another_size(entries: list[Data]) -> None:
    events(entries, "holder-noticed")[0]["notice"]["answer_within"] = "20 business days"


def asked_for_less(entries: list[Data]) -> None:
    events(entries, "holder-noticed")[0]["notice"]["quantity"] = "50"


def took_after_the_time(entries: list[Data]) -> None:
    entry = next(e for e in entries if any(event["kind"] == "holder-answered" for event in e["events"]))
    for later in entries[entries.index(entry) :]:
        later["recorded"] = max(later["recorded"], "2026-02-10T09:00:00Z")


def granted_at_another_price(entries: list[Data]) -> None:
    events(entries, "need-awarded")[0]["grants"][1]["price"] = "2"


def granted_more_than_was_left(entries: list[Data]) -> None:
    award = events(entries, "need-awarded")[0]
    award["grants"][0]["quantity"], award["grants"][1]["quantity"] = "40", "60"


def awarded_to_the_dearer(entries: list[Data]) -> None:
    award = events(entries, "need-awarded")[0]
    hours = 184 * 24
    award["grants"][1] |= {
        "supply": "y-gpu",
        "supplier": "y",
        "price": "2",
        "source": "n1-y",
        "cost_micros": 40 * 2 * hours * 1_000_000,
    }
    award["cost_micros"] = award["objective_micros"] = award["bound_micros"] = (
        (60 * 3 + 40 * 2) * hours * 1_000_000
    )


def cost_understated(entries: list[Data]) -> None:
    events(entries, "need-awarded")[0]["cost_micros"] -= 1_000_000


def lapsed_too_early(entries: list[Data]) -> None:
    entry = next(e for e in entries if any(event["kind"] == "notice-lapsed" for event in e["events"]))
    entry["recorded"] = entries[entries.index(entry) - 1]["recorded"]


def billed_less(entries: list[Data]) -> None:
    settled = next(event for event in events(entries, "window-settled") if event["billed_micros"])
    settled["billed_micros"] -= 1


def taken_more(entries: list[Data]) -> None:
    events(entries, "window-settled")[0]["taken"] = "39999"


def owed_but_not_taken(entries: list[Data]) -> None:
    """June as format 1 counted it: what was given back is short, though it stays owed."""
    june = next(event for event in events(entries, "window-settled") if event["begins"] == "2026-06-01")
    june |= {"taken": "7200", "short": "32800", "billed_micros": 32_800_000_000}


def an_earlier_format(entries: list[Data]) -> None:
    entries[-1]["format"] = 1


def waived_more(entries: list[Data]) -> None:
    events(entries, "lease-released")[0]["waived_micros"] += 5


def invoiced_less(entries: list[Data]) -> None:
    invoice = events(entries, "leases-invoiced")[0]
    invoice["lines"][0]["micros"] -= 1
    invoice["total_micros"] -= 1


def invoiced_twice(entries: list[Data]) -> None:
    first, second = events(entries, "leases-invoiced")[:2]
    second["lines"] = first["lines"]


def a_lease_left_off_its_invoice(entries: list[Data]) -> None:
    entry = next(e for e in entries if any(event["kind"] == "leases-invoiced" for event in e["events"]))
    entry["events"] = [event for event in entry["events"] if event["kind"] != "leases-invoiced"]


def invoiced_before_the_month_was_over(entries: list[Data]) -> None:
    invoice = events(entries, "leases-invoiced")[-1]
    invoice["begins"], invoice["ends"] = "2026-08-01", "2026-09-01"


def another_law(entries: list[Data]) -> None:
    events(entries, "law-in-force")[0]["law"] = "0" * 64


def a_bid_of_somebody_elses(entries: list[Data]) -> None:
    events(entries, "bid-made")[0]["bid"]["bidder"] = "y"


def postings_off(entries: list[Data]) -> None:
    next(entry for entry in entries if entry["postings"])["postings"][0]["amount"] += 1


def postings_moved(entries: list[Data]) -> None:
    for line in next(entry for entry in entries if entry["postings"])["postings"]:
        line["account"] = line["account"].replace("lab", "y")


def owed_more(entries: list[Data]) -> None:
    events(entries, "meter-read")[0]["owed_micros"] += 2


def time_ran_back(entries: list[Data]) -> None:
    entries[-1]["recorded"] = "2026-01-01T00:00:00Z"


def a_key_twice(entries: list[Data]) -> None:
    entries[3]["key"] = entries[2]["key"]


def an_entry_left_out(entries: list[Data]) -> None:
    del entries[2]


def disclosed_more(entries: list[Data]) -> None:
    notice = events(entries, "holder-noticed")[0]["notice"]
    notice["disclosed"] = [*notice["disclosed"], ["bidder", "b"]]


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        (deadline_later, "holder-noticed", "the deadline is"),
        (window_of_another_size, "holder-noticed", "the time to answer is 5 business days"),
        (asked_for_less, "holder-noticed", "terms are not"),
        (disclosed_more, "holder-noticed", "terms are not"),
        (took_after_the_time, "holder-answered", "too late"),
        (granted_at_another_price, "need-awarded", "not what n1-b offers"),
        (granted_more_than_was_left, "need-awarded", "took 20 more at h-gpu"),
        (awarded_to_the_dearer, "need-awarded", "was possible"),
        (cost_understated, "need-awarded", "the award costs"),
        (lapsed_too_early, "notice-lapsed", "was not over"),
        (billed_less, "window-settled", "another amount was billed"),
        (taken_more, "window-settled", "were taken"),
        (owed_but_not_taken, "window-settled", "36000 were taken, not 7200"),
        (an_earlier_format, "entry", "it is of format 1, after one of 2"),
        (waived_more, "lease-released", "waived"),
        (invoiced_less, "leases-invoiced", "costs"),
        (invoiced_twice, "leases-invoiced", "is owed to others"),
        (a_lease_left_off_its_invoice, "entry", "is not invoiced from"),
        (invoiced_before_the_month_was_over, "leases-invoiced", "the month is over on 2026-09-01"),
        (another_law, "law-in-force", "another hash"),
        (a_bid_of_somebody_elses, "bid-made", "is not y's"),
        (postings_off, "entry", "do not sum to nothing"),
        (postings_moved, "entry", "not what its events move"),
        (owed_more, "meter-read", "owed"),
        (time_ran_back, "entry", "recorded before"),
        (a_key_twice, "entry", "was used before"),
        (an_entry_left_out, "entry", "missing"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_the_first_thing_that_does_not_follow_is_named(
    honest: MemoryLedger, change: Callable[[list[Data]], None], kind: str, says: str
) -> None:
    fault = changed(honest, change).fault
    assert fault is not None
    assert (fault.kind, says in fault.why) == (kind, True), fault.sentence


def test_a_seal_by_another_key_is_found(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements={}))
    deal.need()
    assert deal.verify().fault is None
    found = verified(deal.ledger, business_days_of, MilpOptimiser(), seal_holds, "c29tZWJvZHkgZWxzZQ==")
    assert found.fault is not None
    assert "another key" in found.fault.why
    deal.broker.close()


def test_an_entry_that_nobody_sealed_is_found(honest: MemoryLedger) -> None:
    unsealed = MemoryLedger()
    unsealed.rows, unsealed.kept = honest.rows, honest.kept
    found = verified(unsealed, business_days_of, MilpOptimiser(), lambda *_: True)
    assert found.fault is not None
    assert "not sealed" in found.fault.why
