"""What can be wrong with an estate whose entries are each well formed. Pure: an estate in, findings out."""

from __future__ import annotations

from offtake.domain.checks.accounts import check_accounts
from offtake.domain.checks.actuals import check_actuals
from offtake.domain.checks.finance import check_finance
from offtake.domain.checks.findings import Finding
from offtake.domain.checks.futures import check_futures
from offtake.domain.checks.hours import check_hours
from offtake.domain.checks.money import check_money
from offtake.domain.checks.periods import check_periods
from offtake.domain.checks.power import check_power
from offtake.domain.checks.ranges import check_ranges
from offtake.domain.checks.references import check_references
from offtake.domain.checks.rights import check_rights
from offtake.domain.checks.serving import check_serving
from offtake.domain.checks.usage import check_usage
from offtake.domain.estate import Estate

__all__ = ["Finding", "check_estate"]

_CHECKS = (
    check_references,
    check_ranges,
    check_periods,
    check_money,
    check_finance,
    check_accounts,
    check_power,
    check_hours,
    check_usage,
    check_serving,
    check_rights,
    check_actuals,
    check_futures,
)


def check_estate(estate: Estate) -> tuple[Finding, ...]:
    """Every error and warning that needs no law, family by family in the order of the file."""
    return tuple(finding for check in _CHECKS for finding in check(estate))
