"""A bill read against an estate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap.estates import law_of
from offtake.domain.imports import AccountLine, Tally
from offtake.domain.reconciliation import Reconciliation


def reconcile(
    loaded: Loaded, bill: Path, mapped: Mapping[str, str]
) -> tuple[Reconciliation, tuple[AccountLine, ...]]:
    """Billed beside expected, and the rows of the bill that could not be read. Raises InvalidInput if none can."""
    from offtake.adapters.importers.focus import charges_in
    from offtake.adapters.importers.reading import Asked, Known
    from offtake.law.billing import Billing
    from offtake.law.reconciling import Reconciler

    tally = Tally()
    billing = Billing(loaded.estate, law_of(loaded.estate, None), mapped)
    reconciler = Reconciler(billing, bill.name)
    for _, row, charge in charges_in(Asked(bill, Known({}), tally)):
        reconciler.add(row, charge)
    return reconciler.result(tally.total("left out")), tally.lines()
