"""A plan's money, read from its file: accounts of who borrows, and whom a party lives on."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.domain.errors import InvalidInput
from offtake.domain.handoffs import BorrowerPlan, CapacityPlan

if TYPE_CHECKING:
    from offtake.planner.finance.statements import Accounts
    from offtake.planner.finance.summary import Summary, Tenancy


def read(path: Path) -> CapacityPlan:
    """A plan from its file or folder. Raises InvalidInput if it is none, or was redacted."""
    from offtake.adapters.plan_files import read_plan

    plan = read_plan(path / "plan.json" if path.is_dir() else path)
    if plan.redacted:
        raise InvalidInput(
            "a plan without its prices or parties has no accounts", hint="give it as it was made"
        )
    return plan


def borrowed(plan: CapacityPlan) -> tuple[tuple[Accounts, Summary], ...]:
    """The accounts of every borrower. Raises InvalidInput if the plan has none."""
    from offtake.planner.finance.statements import accounts_of
    from offtake.planner.finance.summary import summary_of

    if not plan.finance:
        raise InvalidInput(
            "the plan's estate states nobody's sources of money",
            hint="state them under `finance:` (docs/finance.md), or ask for a party with --for",
        )
    found = [accounts_of(plan, borrower) for borrower in plan.finance]
    return tuple((accounts, summary_of(plan, accounts)) for accounts in found)


def lived_on(plan: CapacityPlan, party: str, stops_on: date | None) -> tuple[Accounts, Tenancy]:
    """A party's accounts, with the group's if it borrows for one, and whom it lives on.

    `stops_on` is when the largest payer stops, else the middle of the horizon. Raises InvalidInput for a party that the
    plan does not know.
    """
    from difflib import get_close_matches

    from offtake.planner.finance.statements import accounts_of
    from offtake.planner.finance.summary import tenancy_of

    traders = {name for row in plan.spend for name in (row.payer, row.payee)}
    known = sorted(traders | {one.party for one in plan.finance})
    if party not in known:
        near = get_close_matches(party, known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"parties of the plan: {', '.join(known)}"
        raise InvalidInput(f"nobody in the plan is called `{party}`", hint=hint)
    borrower = next((one for one in plan.finance if party == one.party or party in one.consolidates), None)
    accounts = accounts_of(plan, borrower or _without_sources(party))
    middle = plan.begins + (plan.ends - plan.begins) / 2
    day = next(
        (one.begins for one in plan.periods if one.begins >= (stops_on or middle)), plan.periods[-1].begins
    )
    return accounts, tenancy_of(accounts, day)


def _without_sources(party: str) -> BorrowerPlan:
    return BorrowerPlan(
        party=party,
        consolidates=(),
        opening_cash_cents=0,
        minimum_cash_cents=0,
        gearing=None,
        dscr=None,
        reserve=None,
        gap_price="0",
        sources=(),
        flows=(),
        cash=(),
    )
