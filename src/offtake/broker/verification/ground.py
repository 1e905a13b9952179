"""What a ledger stands on: the estate, the policy and the law in force, amendments, approvals and what happened."""

from __future__ import annotations

from datetime import date

from offtake.broker.documents import law_digest
from offtake.broker.events import AgreementAmended, Approved, EventRecorded, LawInForce, LedgerOpened
from offtake.broker.policy import policy_of
from offtake.broker.verification.findings import follows
from offtake.broker.verification.inspection import Audit
from offtake.domain.position import Happened


def stood_on(audit: Audit, event: LedgerOpened | LawInForce | AgreementAmended) -> None:
    """Whether the estate, policy or law is the one that is kept and known."""
    books = audit.books
    match event:
        case LedgerOpened():
            follows(books.opened is None, "the ledger was opened before")
            books.opened, books.estate, books.policy, books.clock = (
                audit.at,
                event.estate,
                event.policy,
                event.clock,
            )
            _estate(audit, event.estate)
            kind, body = audit.documents.get(event.policy, ("", ""))
            follows(kind == "policy", "the policy that it names is not kept")
            audit.policy = policy_of(body)
        case LawInForce():
            estate = audit.library.estate(books.estate)
            signed = [a.signed for a in estate.agreements.values()]
            signed += [m.signed for a in estate.agreements.values() for m in a.amendments]
            known = max((day for day in signed if day <= audit.at.date()), default=date.min)
            follows(event.known_at == known, f"what is known on {audit.at.date()} was signed by {known}")
            books.known_at = event.known_at
            follows(law_digest(audit.rules.law) == event.law, "the law compiles to another hash")
            books.law = event.law
        case AgreementAmended():
            before = audit.library.estate(books.estate)
            _estate(audit, event.estate)
            after = audit.library.estate(event.estate)
            same = {k: v for k, v in before.agreements.items() if k != event.agreement}
            kept = {k: v for k, v in after.agreements.items() if k != event.agreement}
            changed = before.model_copy(update={"agreements": after.agreements}) == after
            follows(same == kept and changed, "more than the agreement was changed")
            old, new = before.agreements[event.agreement], after.agreements[event.agreement]
            follows(
                new.amendments[:-1] == old.amendments and new.clauses == old.clauses,
                "an amendment adds to what was agreed",
            )
            follows(new.amendments[-1].signed >= audit.at.date(), "an amendment was signed in the past")
            books.estate = event.estate


def _estate(audit: Audit, digest: str) -> None:
    kind, body = audit.documents.get(digest, ("", ""))
    follows(kind == "estate", f"the estate {digest[:12]} is not kept")
    audit.library.add_document(body)


def happened(audit: Audit, event: EventRecorded) -> None:
    """Whether something can have happened."""
    follows(event.on <= audit.at.date(), "it had not happened yet")
    audit.books.happened.append(Happened(event.event, event.on, event.about))


def approved(audit: Audit, event: Approved) -> None:
    """Whether an approval is asked for, of whoever gave it."""
    right = next((one for one in audit.rules.law.procedures if one.id == event.procedure), None)
    follows(right is not None and right.style == "approve", "no such approval is asked for")
    follows(right is not None and right.holder == event.by, f"{event.by} has nothing to approve there")
    audit.books.approvals.setdefault(event.need, []).append(event.procedure)
