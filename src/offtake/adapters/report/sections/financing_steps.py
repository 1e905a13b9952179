"""From announced to committed to drawn to paid: a borrower's money as steps, each with its cause."""

from __future__ import annotations

from typing import Final

from offtake.adapters.report.amounts import listed, money
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.programmes import programme_totals
from offtake.adapters.report.sections.waterfall import Step
from offtake.planner.finance.statements import MICROS_PER_CENT, Accounts
from offtake.planner.finance.summary import Summary, committed_of

CENT: Final = 0.5  # Steps below it are of no size.


def steps_to_paid(matter: Matter, accounts: Accounts, summary: Summary) -> tuple[Step, ...]:
    """The steps in order, in cents; those of no size are left out, levels apart."""
    announced = sum(one.announced for one in programme_totals(matter) if one.spent is not None)
    steps = (*_promises(accounts, summary, announced), *_payments(accounts, summary))
    return tuple(step for step in steps if step.kind == "level" or step.amount > CENT)


def _promises(accounts: Accounts, summary: Summary, announced: float) -> list[Step]:
    """From what programmes announced, if any did, to what is drawn of what sources promise."""
    sources, currency = accounts.borrower.sources, accounts.currency
    committed, drawn = _cents(summary.committed), _drawn(accounts)
    by = listed(f"{one.id} {money(_cents(committed_of(one)), currency)}" for one in sources)
    left = listed(
        one.id for one in sources if committed_of(one) > accounts.drawn_by_source[one.id] + MICROS_PER_CENT
    )
    found: list[Step] = []
    if announced:
        found.append(Step("announced", "level", announced, "the programmes whose sites stand here"))
        missing = max(announced - committed, 0.0)
        found.append(Step("not committed", "less", missing, "announced, and no source of it is stated"))
    found.append(Step("committed", "level", committed, by))
    cause = f"{left}: not needed, too early, too late or too dear"
    found.append(Step("not drawn", "less", committed - drawn, cause))
    return found


def _payments(accounts: Accounts, summary: Summary) -> list[Step]:
    """From what is drawn to all that is paid."""
    drawn, gap = _drawn(accounts), _cents(summary.gap)
    paid = _cents(sum(summary.uses.values()) - summary.uses["cash at the end"])
    own = money(_cents(summary.sources["its own receipts"]), accounts.currency)
    return [
        Step("drawn", "level", drawn, "equity, debt and what customers paid ahead"),
        Step("own receipts", "more", paid - drawn - gap, f"of {own} received; the rest stays in the bank"),
        Step("the gap", "gap", gap, "money that nobody has promised"),
        Step("paid", "level", paid, "capital, operation, interest, fees, repayments and tax"),
    ]


def _drawn(accounts: Accounts) -> float:
    return _cents(sum(accounts.drawn_by_source.values()))


def _cents(micros: float) -> float:
    return micros / MICROS_PER_CENT
