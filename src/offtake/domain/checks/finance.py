"""Money that cannot be drawn, or cannot be repaid as stated."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from offtake.domain.checks.findings import Finding, Path, error, warning
from offtake.domain.estate import Estate
from offtake.domain.finance import Debt, Equity, Financing, Prepayment

MOST_INTEREST = Decimal(1)  # A year: what is above was meant as percent.


def check_finance(estate: Estate) -> Iterator[Finding]:
    """Terms too short, shares above the whole, a party in two groups; `check_periods` looks at the windows."""
    owner: dict[str, str] = {}
    for party, financing in estate.finance.items():
        here: Path = ("finance", party)
        for member in (party, *financing.consolidates):
            if member in owner:
                message = f"`{member}` is consolidated by `{owner[member]}` already"
                yield error("finance", (*here, "consolidates"), message, "each party in one group")
            owner[member] = party
        yield from _ratios(here, financing)
        yield from _together(here, financing)
        for id, source in financing.sources.items():
            where = (*here, "sources", id)
            if not isinstance(source, Equity):
                yield from _repaid(where, source)
            if isinstance(source, Debt):
                yield from _debt(where, source)


def _ratios(here: Path, financing: Financing) -> Iterator[Finding]:
    if financing.gearing is not None and financing.gearing.amount >= 1:
        yield error(
            "finance", (*here, "gearing"), "debt alone cannot pay for everything", "a share such as `70 %`"
        )
    if financing.dscr is not None and financing.dscr.amount < 1:
        yield warning("finance", (*here, "dscr"), "below 1 the debt service is not covered", "such as `1.3`")

    if financing.tax is not None and financing.tax.amount >= 1:
        yield error("finance", (*here, "tax"), f"{financing.tax} leaves nothing", "a share such as `25 %`")


def _together(here: Path, financing: Financing) -> Iterator[Finding]:
    """Sources in groups: known, each in one group, and open on the same days."""
    seen: set[str] = set()
    for n, group in enumerate(financing.pro_rata):
        where = (*here, "pro_rata", n)
        known = [financing.sources[id] for id in group if id in financing.sources]
        for id in group:
            if id not in financing.sources:
                yield error(
                    "finance", where, f"`{id}` is no source of this party", ", ".join(financing.sources)
                )
            elif id in seen:
                yield error("finance", where, f"`{id}` is drawn in proportion already", "each source once")
            elif financing.sources[id].amount.amount == 0:
                yield error("finance", where, f"`{id}` has no amount to be in proportion to", "an amount")
            seen.add(id)
        if len({(one.begins, one.ends, one.after) for one in known}) > 1:
            message = "they open or close on different days, so they cannot be drawn in proportion"
            yield error("finance", where, message, "the same `from`, `until` and `after`")


def _repaid(where: Path, source: Debt | Prepayment) -> Iterator[Finding]:
    first = source.ends if source.grace is None else source.grace.after(source.ends)
    last = source.term.after(source.ends)
    if last <= first:
        message = f"all is to be repaid on {last}, before repayment begins on {first}"
        yield error("finance", (*where, "term"), message, "a term longer than the grace")


def _debt(where: Path, debt: Debt) -> Iterator[Finding]:
    for key in ("upfront_fee", "commitment_fee"):
        fee = getattr(debt, key)
        if fee is not None and fee.amount >= 1:
            yield error("finance", (*where, key), f"{fee} is more than the whole", "a share such as `1 %`")
    if any(step.figure.amount >= MOST_INTEREST for step in debt.interest):
        yield error(
            "finance", (*where, "interest"), "it doubles the debt every year", "a share such as `7 %`"
        )
    if debt.interest.at(debt.begins) is None:
        yield error(
            "finance", (*where, "interest"), f"no rate is in force when it opens on {debt.begins}", "`7 %`"
        )
