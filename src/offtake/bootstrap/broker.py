"""A broker on its ledger, with its optimiser, calendars, seal and clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.adapters.ledger_sql import SqlLedger, open_ledger
from offtake.adapters.sealing import sealer_at
from offtake.broker.commands import Cancel, FileNeed
from offtake.broker.deciding import Desk
from offtake.broker.events import AgreementAmended, LedgerOpened
from offtake.broker.folding import write
from offtake.broker.library import Library
from offtake.broker.policy import Policy
from offtake.broker.reading import as_of
from offtake.broker.service import Broker
from offtake.broker.state import Draft, State
from offtake.broker.verification import Verification, verified
from offtake.domain.errors import InvalidInput, StorageFailure


def now() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


def desk(policy: Policy | None = None) -> Desk:
    """What decisions are made with."""
    return Desk(Library(business_days_of), policy or Policy(), MilpOptimiser())


def key_file(ledger: str) -> Path:
    """Where the key that seals a ledger is kept: beside its file, or in the user's folder for a database."""
    if "://" not in ledger:
        return Path(f"{ledger}.key")
    folder = Path.home() / ".config" / "offtake"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / "ledger.key"


def open_broker(ledger: str, key: Path | None = None, policy: Policy | None = None) -> Broker:
    """The broker of a ledger: a file, or a postgresql:// URL. Raises StorageFailure if it cannot be reached."""
    kept: SqlLedger = open_ledger(ledger)
    return Broker(desk(policy), kept, sealer_at(key or key_file(ledger)), now)


def read_amendment(path: Path) -> str:
    """An amendment's file, YAML or JSON, as JSON. Raises InvalidInput if it cannot be read."""
    from offtake.adapters.estate_yaml.fragment import fragment_json

    return fragment_json(path)


def planned(
    broker: Broker, path: Path, begins: date | None, ends: date | None
) -> tuple[str, tuple[FileNeed | Cancel, ...]]:
    """A plan's digest, and the commands after which the ledger asks for what the plan does.

    Raises InvalidInput if the file is no plan.
    """
    import hashlib

    from offtake.adapters.plan_files import read_plan
    from offtake.broker.planned import difference

    plan = read_plan(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest, difference(broker.state(), plan, begins, ends)


def open_kept(ledger: str) -> SqlLedger:
    """A ledger that is only read. Raises InvalidInput if there is none."""
    if "://" not in ledger and not Path(ledger).exists():
        raise InvalidInput(f"there is no ledger `{ledger}`", hint="offtake broker open ESTATE --ledger FILE")
    return open_ledger(ledger)


def known_at(ledger: str, then: datetime) -> State:
    """The state by what was recorded up to a time, everything due by then counted."""
    kept = open_kept(ledger)
    at_desk, draft = desk(), Draft(State())
    for one in kept.happenings():
        if one.recorded > then:
            break
        for event in one.events:
            if isinstance(event, LedgerOpened | AgreementAmended):
                at_desk.library.add_document(kept.document(event.estate) or "")
        write(at_desk.library, draft, one.events, one.recorded, one.seq)
    state = draft.finish()
    return as_of(at_desk, state, then) if state.seq else state


def verify(ledger: str, public_key: str | None, progress: Callable[[str, int, int], None]) -> Verification:
    """Everything in a ledger derived again. Nothing of the broker's decisions is used for it."""
    from offtake.adapters.sealing import seal_holds

    kept = open_kept(ledger)
    return verified(kept, business_days_of, MilpOptimiser(), seal_holds, public_key, progress)


def export(ledger: str, out: Path) -> int:
    """Writes documents, entries and seals, one JSON a line, whole or not at all; how many lines."""
    import json
    from tempfile import NamedTemporaryFile

    kept, lines = open_kept(ledger), 0
    try:
        with NamedTemporaryFile("w", dir=out.parent, prefix=f".{out.name}.", delete=False) as draft:
            for record in _records(kept):
                draft.write(json.dumps(record, ensure_ascii=False) + "\n")
                lines += 1
        Path(draft.name).replace(out)
    except OSError as error:
        raise StorageFailure(f"`{out}` was not written: {error.strerror}") from None
    return lines


def _records(kept: SqlLedger) -> Iterator[dict[str, object]]:
    for digest, kind, body in kept.documents():
        yield {"is": "document", "kind": kind, "hash": digest, "body": body}
    for seq, digest, body in kept.bodies():
        yield {"is": "entry", "seq": seq, "hash": digest, "body": body}
    for seal in kept.seals():
        yield {"is": "seal", **asdict(seal)}
