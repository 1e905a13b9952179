"""One suite for every database that a ledger may stand in, and for what the broker does on it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from brokered import MORNING, Rehearsal, exact, kinds, market, one, right
from brokered.postgresql import Cluster, cluster
from offtake.adapters.ledger_sql import open_ledger
from offtake.adapters.ledger_sql.schema import APPEND_ONLY
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.commands import Answer, Award, Command, FileNeed, MakeBid, Sweep
from offtake.broker.events import NeedAwarded
from offtake.broker.folding import fold
from offtake.broker.library import Library
from offtake.broker.service import Broker
from offtake.broker.state import State
from offtake.broker.terms import Bid, Need, Part
from offtake.domain.errors import Conflict, InvalidInput, StorageFailure


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger in each database."""
    if request.param == "sqlite":
        return str(tmp_path / "deals.db")
    running: Cluster = request.getfixturevalue("postgresql")
    return running.database()


@pytest.fixture
def deal(where: str, tmp_path: Path) -> Iterator[Rehearsal]:
    """A broker on an empty ledger, under a right of H's and a ceiling at B."""
    agreements = right()
    ceiling = {"kind": "ceiling", "measure": "accelerators", "upper": "100 accelerators", "window": "month"}
    agreements["lab-h"]["clauses"]["most"] = {**ceiling, "covers": {"providers": ["b"]}}
    rehearsal = Rehearsal(tmp_path, market(agreements=agreements), where=where)
    yield rehearsal
    rehearsal.broker.close()


def sold(deal: Rehearsal) -> None:
    """A deal from its need to its leases."""
    deal.need()
    deal.bid("b", 100, 1)
    deal.answer(60, 3)
    deal.awarded()


# What is kept ----------------------------------------------------------------------------------------------------


def test_what_was_appended_is_read_back(deal: Rehearsal) -> None:
    sold(deal)
    entries = list(deal.ledger.entries())
    assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5]
    assert deal.ledger.head() == (5, entries[-1].hash)
    assert [entry.previous for entry in entries] == ["", *(entry.hash for entry in entries[:-1])]
    deal.follows()


def test_a_fresh_broker_stands_where_the_first_one_does(deal: Rehearsal, tmp_path: Path) -> None:
    sold(deal)
    other = Broker(desk(), open_ledger(deal.where), sealer_at(tmp_path / "key"), lambda: MORNING)
    assert other.state() == deal.broker.state()
    other.close()


def test_postings_sum_to_nothing_and_balances_are_their_sums(deal: Rehearsal) -> None:
    sold(deal)
    balances = deal.ledger.balances()
    units = {unit for _, unit, _ in balances}
    assert all(sum(amount for _, unit, amount in balances if unit == here) == 0 for here in units)
    assert deal.ledger.balances("lab:") == [row for row in balances if row[0].startswith("lab:")]


def test_the_outbox_is_written_with_the_entry_and_told_once(deal: Rehearsal) -> None:
    sold(deal)
    waiting = deal.ledger.outbox(10)
    assert [topic for _, topic, _ in waiting] == ["holder-noticed", "market-opened", "need-awarded"]
    deal.ledger.told([number for number, _, _ in waiting[:2]])
    assert [topic for _, topic, _ in deal.ledger.outbox(10)] == ["need-awarded"]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET hash = 'x'"])
def test_the_database_itself_refuses_to_change_what_was_written(
    deal: Rehearsal, table: str, statement: str
) -> None:
    sold(deal)
    text = statement.replace("hash = 'x'", "account = 'x'") if table == "postings" else statement
    with deal.ledger.engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.exec_driver_sql(text.format(table))
    deal.follows()


def test_a_transaction_that_fails_leaves_nothing(deal: Rehearsal) -> None:
    before = deal.ledger.head()

    def failing() -> None:
        with deal.ledger.transaction() as transaction:
            transaction.keep("x", "estate", "{}")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        failing()
    assert deal.ledger.head() == before
    assert deal.ledger.document("x") is None


def test_a_ledger_of_a_later_version_is_left_alone(deal: Rehearsal) -> None:
    with deal.ledger.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InvalidInput, match="later version"):
        open_ledger(deal.where)


def test_the_state_is_the_fold_of_the_entries_in_one_go_or_in_parts(deal: Rehearsal) -> None:
    sold(deal)
    entries = list(deal.ledger.entries())
    library = Library(deal.broker.desk.library.calendars)
    library.add_document(deal.ledger.document(entries[0].estate) or "")

    def folded(state: State, some: list[Any]) -> State:
        for entry in some:
            state = fold(library, state, entry.events, entry.recorded, entry.seq)
        return state

    whole = folded(State(), entries)
    for cut in range(len(entries)):
        assert folded(folded(State(), entries[:cut]), entries[cut:]) == whole


# Commands --------------------------------------------------------------------------------------------------------


def test_a_key_counts_once(deal: Rehearsal) -> None:
    command = FileNeed(need=a_need("n1"))
    first = deal.give(command, key="same")
    again = deal.give(command, key="same")
    assert (again.repeated, again.entry) == (True, first.entry)
    with pytest.raises(Conflict, match="used for another command"):
        deal.give(FileNeed(need=a_need("n2")), key="same")


def test_a_refusal_is_remembered_as_well(deal: Rehearsal) -> None:
    deal.need()
    first = deal.give(Award(need="n1"), key="award")
    deal.bid("b", 100, 1)
    deal.answer(0)
    again = deal.give(Award(need="n1"), key="award")
    assert again.repeated
    assert again.refusal == first.refusal


def test_a_version_that_moved_on_is_a_conflict(deal: Rehearsal) -> None:
    deal.need()
    version = deal.state.versions["n1"]
    deal.give(MakeBid(bid=a_bid("n1")), expected=version)
    with pytest.raises(Conflict, match="somebody changed it first"):
        deal.give(MakeBid(bid=a_bid("n1")), expected=version)
    deal.follows()


def test_unusable_commands_leave_no_trace(deal: Rehearsal) -> None:
    before = deal.ledger.head()
    with pytest.raises(InvalidInput, match="no need"):
        deal.award("nobody")
    with pytest.raises(InvalidInput, match="whole steps"):
        deal.need(quantity="0.5")
    assert deal.ledger.head() == before


def test_a_sweep_with_nothing_due_is_no_entry(deal: Rehearsal) -> None:
    before = deal.ledger.head()
    assert deal.give(Sweep()).entry is None
    assert deal.ledger.head() == before


def test_reordered_commands_are_refused_or_stand(deal: Rehearsal) -> None:
    with pytest.raises(InvalidInput):
        deal.answer(60, 3)
    deal.need()
    assert deal.award().refusal is not None
    deal.answer(60, 3)
    assert "has answered" in str(deal.answer(0).refusal)
    deal.bid("b", 40, 1)
    deal.awarded()
    assert "the need is awarded" in str(deal.award().refusal)
    assert "the need is awarded" in str(deal.bid("b", 40, 1).refusal)
    deal.follows()


def test_the_clock_is_set_back(deal: Rehearsal) -> None:
    deal.need("n1")
    deal.at = MORNING - timedelta(days=400)
    deal.need("n2")
    times = [entry.recorded for entry in deal.ledger.entries()]
    assert times == sorted(times)
    deal.follows()


def test_commands_that_wait_share_a_commit(deal: Rehearsal) -> None:
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda n: deal.give(FileNeed(need=a_need(f"t{n}")), key=f"t{n}"), range(40)))
    assert sorted(kinds(outcome)[0] for outcome in done) == ["need-filed"] * 40
    assert len(list(deal.ledger.seals())) < 41
    assert len(deal.state.deals) == 40
    deal.follows()


# Concurrent processes and crashes ---------------------------------------------------------------------------------


def a_need(id: str, quantity: int = 60) -> Need:
    return Need(
        id=id,
        party="lab",
        measure="accelerators",
        quantity=exact(quantity),
        minimum=exact(quantity),
        begins=date(2026, 3, 1),
        ends=date(2026, 6, 1),
        currency="USD",
    )


def a_bid(need: str) -> Bid:
    return Bid(
        id=f"{need}-b",
        need=need,
        bidder="b",
        supply="b-gpu",
        quantity=exact(60),
        price=exact(1),
        currency="USD",
    )


def in_a_process(work: Callable[[], None]) -> int:
    """Runs work in a forked process; its wait status. It never returns to the tests."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def status_of(child: int) -> int:
    return os.waitpid(child, 0)[1]


def own_broker(where: str, folder: Path) -> Broker:
    return Broker(desk(), open_ledger(where), sealer_at(folder / "key"), lambda: MORNING)


def test_case_19_two_processes_ask_at_the_same_instant(deal: Rehearsal, tmp_path: Path) -> None:
    for id in ("n1", "n2"):
        deal.give(FileNeed(need=a_need(id)))
        deal.give(Answer(need=id, holder="h"))
        deal.give(MakeBid(bid=a_bid(id)))
    gate_in, gate_out = os.pipe()

    def award(id: str) -> None:
        broker = own_broker(deal.where, tmp_path)
        broker.state()
        os.read(gate_in, 1)
        broker.submit(Award(need=id), key=f"award-{id}", at=MORNING)

    children = [in_a_process(lambda id=id: award(id)) for id in ("n1", "n2")]
    os.write(gate_out, b"go")
    assert [status_of(child) for child in children] == [0, 0]
    outcomes = [deal.give(Award(need=id), key=f"award-{id}") for id in ("n1", "n2")]
    assert all(outcome.repeated for outcome in outcomes)
    won = [outcome for outcome in outcomes if outcome.refusal is None]
    assert len(won) == 1
    assert one(won[0], NeedAwarded).grants[0].quantity == 60
    deal.follows()


class Killed:
    """Ends the process, as kill -9 does, before the n-th statement that it sends to the database."""

    def __init__(self, engine: sa.Engine, at: int) -> None:
        self.left = at
        event.listen(engine, "before_cursor_execute", self.count)

    def count(self, *_: object) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def test_kill_9_at_every_statement(deal: Rehearsal, tmp_path: Path) -> None:
    """No acknowledged command is lost, and none is applied twice when all are given again."""
    acknowledged = tmp_path / "acknowledged"
    killed = survived = 0
    for boundary in range(120):
        acknowledged.write_text("")

        def work(boundary: int = boundary) -> None:
            ledger = open_ledger(deal.where)
            broker = Broker(desk(), ledger, sealer_at(tmp_path / "key"), lambda: MORNING)
            Killed(ledger.engine, boundary)
            for key, command in script(boundary):
                broker.submit(command, key=key, at=MORNING)
                with acknowledged.open("a") as file:
                    file.write(f"{key}\n")

        status = status_of(in_a_process(work))
        if os.WIFSIGNALED(status):
            killed += 1
        else:
            survived += 1
        known = {entry.key for entry in deal.ledger.entries()}
        assert set(acknowledged.read_text().split()) <= known
        if survived:
            break
        for key, command in script(boundary):
            deal.give(command, key=key)
    assert killed > 12
    assert survived == 1
    keys = [entry.key for entry in deal.ledger.entries()]
    assert len(keys) == len(set(keys))
    deal.follows()


def script(boundary: int) -> list[tuple[str, Command]]:
    """A deal as commands with their keys; each boundary has a need and months of its own."""
    begins = date(2026, 3, 1) + timedelta(days=100 * boundary)
    need = Need(
        id=f"n{boundary}",
        party="lab",
        measure="accelerators",
        quantity=exact(60),
        begins=begins,
        ends=begins + timedelta(days=30),
        currency="USD",
    )
    bid = a_bid(need.id)
    take = (Part(supply="h-gpu", quantity=exact(20)),)
    return [
        (f"c1-{boundary}", FileNeed(need=need)),
        (f"c2-{boundary}", MakeBid(bid=bid)),
        (f"c3-{boundary}", Answer(need=need.id, holder="h", takes=take, price=exact(3))),
        (f"c4-{boundary}", Award(need=need.id)),
    ]


def test_a_ledger_that_another_holds_is_a_storage_failure_and_the_key_is_safe(
    deal: Rehearsal, tmp_path: Path
) -> None:
    impatient = Broker(
        desk(), open_ledger(deal.where, wait_s=0.2), sealer_at(tmp_path / "key"), lambda: MORNING
    )
    command = FileNeed(need=a_need("n1"))
    with deal.ledger.transaction(), pytest.raises(StorageFailure) as failed:
        impatient.submit(command, key="k", at=MORNING)
    assert "same key" in str(failed.value.hint)
    assert impatient.submit(command, key="k", at=MORNING).repeated is False
    impatient.close()
    deal.follows()


def test_a_batch_that_cannot_be_written_fails_all_of_it_and_nothing_is_remembered(deal: Rehearsal) -> None:
    deal.need()

    def refuse(*_: object) -> None:
        raise KeyError("the disk is gone")

    event.listen(deal.ledger.engine, "before_cursor_execute", refuse)
    with pytest.raises(KeyError):
        deal.bid("b", 100, 1)
    event.remove(deal.ledger.engine, "before_cursor_execute", refuse)
    deal.bid("b", 100, 1)
    assert len(deal.state.bids) == 1
    deal.follows()


# One database each ------------------------------------------------------------------------------------------------


def test_a_lost_connection_in_the_middle_of_a_commit(postgresql: Cluster, tmp_path: Path) -> None:
    where = postgresql.database()
    deal = Rehearsal(tmp_path, market(agreements=right()), where=where)
    cut: list[int] = []

    def lose(*args: object) -> None:
        if args[2] == "COMMIT" and not cut:
            cut.append(postgresql.cut(where))

    event.listen(deal.ledger.engine, "before_cursor_execute", lose)
    command = FileNeed(need=a_need("n1"))
    with pytest.raises(StorageFailure) as failed:
        deal.give(command, key="k")
    assert cut[0] >= 1
    assert postgresql.password not in f"{failed.value.message} {failed.value.hint}"
    assert deal.give(command, key="k").refusal is None
    assert len(list(deal.ledger.entries())) == 2
    deal.follows()
    deal.broker.close()


def test_a_database_that_is_not_there_says_no_password(postgresql: Cluster) -> None:
    with pytest.raises(StorageFailure) as failed:
        open_ledger(f"{postgresql.server}/nowhere")
    assert postgresql.password not in failed.value.message


def test_a_full_disk_fails_the_command_and_not_the_ledger(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=right()))
    limit = [0]

    def fill(*args: Any) -> None:
        if args[2].startswith("BEGIN") and limit[0]:
            args[1].execute(f"PRAGMA max_page_count={limit[0]}")

    event.listen(deal.ledger.engine, "before_cursor_execute", fill)
    with deal.ledger.engine.connect() as connection:
        limit[0] = connection.exec_driver_sql("PRAGMA page_count").scalar() or 1
    failures: list[str] = []
    for n in range(30):
        try:
            deal.give(FileNeed(need=a_need(f"n{n}")), key=f"k{n}")
        except StorageFailure as failed:
            failures.append(failed.message)
    assert len(failures) > 10
    assert all("full" in message for message in failures)
    limit[0] = 1_000_000
    for n in range(30):
        deal.give(FileNeed(need=a_need(f"n{n}")), key=f"k{n}")
    assert len(deal.state.deals) == 30
    deal.follows()


def test_a_postgresql_whose_files_cannot_grow_fails_the_command_and_not_the_ledger(tmp_path: Path) -> None:
    largest = 20 * 2**20
    with cluster(largest_file=largest) as running:
        deal = Rehearsal(tmp_path, market(agreements=right()), where=running.database())
        filled(deal.ledger.engine, largest)
        before = deal.ledger.head()[0]
        failures: list[StorageFailure] = []
        for n in range(25):
            try:
                deal.give(FileNeed(need=a_need(f"n{n}")), key=f"k{n}")
            except StorageFailure as failed:
                failures.append(failed)
        assert failures
        assert {"make room" in str(one.hint) for one in failures} == {True}
        assert deal.ledger.head()[0] == before + 25 - len(failures)
        with deal.ledger.engine.connect() as connection:
            connection.exec_driver_sql("DELETE FROM outbox WHERE topic = 'fill'")
            connection.exec_driver_sql("VACUUM FULL outbox")
        again = [deal.give(FileNeed(need=a_need(f"n{n}")), key=f"k{n}") for n in range(25)]
        assert sum(not one.repeated for one in again) == len(failures)
        deal.follows()
        deal.broker.close()


def filled(engine: sa.Engine, largest: int) -> None:
    """The table that every command writes to, filled until its file may not grow: by long rows, then by short ones."""
    with engine.connect() as connection:
        for length in (1_000, 1):
            connection.exec_driver_sql(
                "DO $$ BEGIN LOOP BEGIN "
                f"INSERT INTO outbox (seq, topic, body, told) VALUES (1, 'fill', repeat('x', {length}), true); "
                "EXCEPTION WHEN OTHERS THEN EXIT; END; END LOOP; END $$"
            )
        size = connection.exec_driver_sql("SELECT pg_relation_size('outbox')").scalar() or 0
    assert size > largest - 2**16


def test_a_torn_last_page_loses_what_was_not_acknowledged_and_no_more(tmp_path: Path) -> None:
    """What a power cut leaves of the write-ahead log: the frames of the last commit, cut anywhere."""
    deal = Rehearsal(tmp_path, market(agreements=right()))
    for n in range(3):
        deal.give(FileNeed(need=a_need(f"n{n}")), key=f"k{n}")
    database, log = tmp_path / "deals.db", tmp_path / "deals.db-wal"
    before, before_log = database.read_bytes(), log.read_bytes()
    deal.give(FileNeed(need=a_need("n3")), key="k3")
    whole = log.read_bytes()
    deal.broker.close()
    frames = len(whole) - len(before_log)
    for n, kept in enumerate(range(0, frames, max(frames // 7, 1))):
        folder = tmp_path / f"torn{n}"
        folder.mkdir()
        (folder / "deals.db").write_bytes(before)
        (folder / "deals.db-wal").write_bytes(whole[: len(before_log) + kept])
        torn = own_broker(str(folder / "deals.db"), tmp_path)
        assert len(torn.state().deals) == 3
        assert torn.submit(FileNeed(need=a_need("n3")), key="k3", at=MORNING).repeated is False
        assert len(torn.state().deals) == 4
        torn.close()


def test_a_page_that_was_written_over_does_not_go_unnoticed(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=right()))
    sold(deal)
    with deal.ledger.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    deal.broker.close()
    path = tmp_path / "deals.db"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"quantity":"60"', b'"quantity":"61"'))
    other = Rehearsal.__new__(Rehearsal)
    other.ledger = open_ledger(path)
    found = other.verify()
    assert found.fault is not None
    assert "not what its hash says" in found.fault.why


def test_readers_do_not_wait_for_a_writer(deal: Rehearsal) -> None:
    deal.need()
    seen: list[int] = []
    with deal.ledger.transaction():
        reader = Thread(target=lambda: seen.append(deal.ledger.head()[0]))
        reader.start()
        reader.join(10)
    assert seen == [2]


def test_a_day_later_everything_due_counts_on_a_read_though_nobody_recorded_it(deal: Rehearsal) -> None:
    deal.need()
    deal.at = datetime(2026, 1, 28, tzinfo=UTC)
    assert deal.state.deals["n1"].stage == "overflow"
    assert deal.ledger.head()[0] == 2
    assert kinds(deal.sweep()) == ["notice-lapsed", "market-opened"]
