"""Rows of FOCUS tables as charges and commitments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from offtake.adapters.focus.columns import OWN_MAKE_UP, OWN_MEASURE, OWN_SHORTFALL
from offtake.adapters.tabular.cells import CellProblem, Dates, is_empty, number, text
from offtake.domain.charges import OWN_COUNTED, OWN_COUNTED_IN, Applied, Category, Charge, Discount

_CATEGORIES: Final[dict[str, Category]] = {
    "Usage": "Usage",
    "Purchase": "Purchase",
    "Tax": "Tax",
    "Credit": "Credit",
    "Adjustment": "Adjustment",
}
_LONGEST_JSON: Final = 100_000
_MAXIMUM_APPLIED: Final = 100
_LONGEST: Final = 2000
_LONGEST_EXPONENT: Final = 60
_MOST_MADE_UP: Final = 1000
_DATES: Final = Dates()
_CURRENCY: Final = re.compile("[A-Z]{3}")
# 1.3 wrote the keys with a capital D; its drafts mix both.
_CONTRACT: Final = ("ContractId", "ContractID")
_COMMITMENT: Final = ("ContractCommitmentId", "ContractCommitmentID")


@dataclass(frozen=True, slots=True)
class ContractTerm:
    """One row of the Contract Commitment data set. A field that 1.3 has not is None there.

    The last three are custom columns: a level that is written in its hours, the windows in which what was paid for may
    be made up, and the share of missing money that is owed.
    """

    contract: str
    commitment: str
    category: str  # Spend or Usage.
    type: str
    begins: date
    ends: date
    contract_begins: date
    provider: str | None
    currency: str | None = None
    cost: Decimal | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    description: str | None = None
    interval: str | None = None
    model: str | None = None
    status: str | None = None
    applicability: str | None = None
    measure: str | None = None
    make_up: int = 0
    shortfall: Decimal | None = None


def instant(cell: str, column: str) -> datetime:
    """A cell as a time in UTC; a day is its midnight. Raises CellProblem for what is neither."""
    try:
        found = datetime.fromisoformat(cell.strip())
    except ValueError:
        day = _DATES.day(cell, column)
        if day is None:
            raise CellProblem(f"`{column}` is empty") from None
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def charge_of(cells: dict[str, str]) -> Charge:
    """A row of Cost and Usage as a charge. Raises CellProblem for a row that cannot be one."""
    category = _CATEGORIES.get(cells["ChargeCategory"].strip())
    if category is None:
        reason = "`ChargeCategory` is none of Usage, Purchase, Tax, Credit, Adjustment"
        raise CellProblem(reason, cells["ChargeCategory"])
    billed, currency = number(cells["BilledCost"], "BilledCost"), _text(cells, "BillingCurrency")
    if billed is None:
        raise CellProblem("`BilledCost` is empty")
    if currency is None or len(currency) != 3 or not currency.isupper():
        raise CellProblem("`BillingCurrency` is not a code such as EUR", currency)
    begins = instant(cells["ChargePeriodStart"], "ChargePeriodStart")
    ends = instant(cells["ChargePeriodEnd"], "ChargePeriodEnd")
    if ends < begins:
        raise CellProblem("the charge period ends before it begins", cells["ChargePeriodEnd"])
    return Charge(
        category,
        _text(cells, "ServiceProviderName")
        or _text(cells, "ProviderName")
        or _text(cells, "InvoiceIssuerName")
        or "",
        currency,
        billed,
        begins,
        ends,
        instant(cells["BillingPeriodStart"], "BillingPeriodStart"),
        instant(cells["BillingPeriodEnd"], "BillingPeriodEnd"),
        effective=_number(cells, "EffectiveCost"),
        correction=_text(cells, "ChargeClass") == "Correction",
        covered=_text(cells, "PricingCategory") == "Committed",
        once=_text(cells, "ChargeFrequency") == "One-Time",
        description=_text(cells, "ChargeDescription") or "",
        service=_text(cells, "ServiceName") or "",
        service_category=_text(cells, "ServiceCategory") or "",
        quantity=_number(cells, "PricingQuantity"),
        unit=_text(cells, "PricingUnit"),
        unit_price=_number(cells, "ContractedUnitPrice"),
        region=_text(cells, "RegionId"),
        names=tuple(
            _text(cells, column) or "" for column in ("SkuPriceId", "SkuId", "ResourceId", "ResourceName")
        ),
        discount=_discount(cells),
        applied=_applied(cells.get("ContractApplied", "")),
        own={key: cell.strip() for key, cell in cells.items() if key.startswith("x_") and not is_empty(cell)},
    )


def term_of(cells: dict[str, str]) -> ContractTerm:
    """A row of Contract Commitment as a term. Raises CellProblem for a row that cannot be one."""
    category = _text(cells, "ContractCommitmentCategory")
    if category not in ("Spend", "Usage"):
        raise CellProblem("`ContractCommitmentCategory` is neither Spend nor Usage", category)
    begins = instant(cells["ContractCommitmentPeriodStart"], "ContractCommitmentPeriodStart").date()
    ends = instant(cells["ContractCommitmentPeriodEnd"], "ContractCommitmentPeriodEnd").date()
    if ends <= begins:
        raise CellProblem("the commitment ends before it begins", str(ends))
    commitment = _text(cells, "ContractCommitmentId")
    if commitment is None:
        raise CellProblem("`ContractCommitmentId` is empty")
    return ContractTerm(
        _text(cells, "ContractId") or commitment,
        commitment,
        category,
        _text(cells, "ContractCommitmentType") or category,
        begins,
        ends,
        instant(cells["ContractPeriodStart"], "ContractPeriodStart").date(),
        _text(cells, "ServiceProviderName") or _text(cells, "InvoiceIssuerName"),
        _text(cells, "BillingCurrency"),
        _number(cells, "ContractCommitmentCost"),
        _number(cells, "ContractCommitmentQuantity"),
        _text(cells, "ContractCommitmentUnit"),
        _text(cells, "ContractCommitmentDescription"),
        _text(cells, "ContractCommitmentFulfillmentInterval"),
        _text(cells, "ContractCommitmentModel"),
        _text(cells, "ContractCommitmentLifecycleStatus"),
        _text(cells, "ContractCommitmentApplicability"),
        _text(cells, OWN_MEASURE),
        _make_up(cells),
        _number(cells, OWN_SHORTFALL),
    )


def _make_up(cells: dict[str, str]) -> int:
    windows = _number(cells, OWN_MAKE_UP) or Decimal(0)
    if windows != int(windows) or not 0 <= windows <= _MOST_MADE_UP:
        raise CellProblem(f"`{OWN_MAKE_UP}` is no number of windows", str(windows))
    return int(windows)


def _text(cells: dict[str, str], column: str) -> str | None:
    cell = cells.get(column)
    return text(cell, column, longest=_LONGEST) if cell else None


def _number(cells: dict[str, str], column: str) -> Decimal | None:
    cell = cells.get(column)
    return number(cell, column) if cell else None


def _discount(cells: dict[str, str]) -> Discount | None:
    id = _text(cells, "CommitmentDiscountId")
    if id is None:
        return None
    return Discount(
        id,
        _text(cells, "CommitmentDiscountCategory"),
        _text(cells, "CommitmentDiscountType"),
        _text(cells, "CommitmentDiscountStatus"),
        _number(cells, "CommitmentDiscountQuantity"),
        _text(cells, "CommitmentDiscountUnit"),
    )


def _applied(cell: str) -> tuple[Applied, ...]:
    if is_empty(cell):
        return ()
    told = _json(cell, "ContractApplied")
    elements = told.get("Elements")
    if not isinstance(elements, list) or len(cast("list[object]", elements)) > _MAXIMUM_APPLIED:
        raise CellProblem("`ContractApplied` has no list of Elements", cell)
    return tuple(_element(element, cell) for element in cast("list[object]", elements))


def _json(cell: str, column: str) -> dict[str, Any]:
    if len(cell) > _LONGEST_JSON:
        raise CellProblem(f"`{column}` has more than {_LONGEST_JSON:,} characters")
    try:
        told: object = json.loads(cell, parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        raise CellProblem(f"`{column}` is not JSON", cell) from None
    if not isinstance(told, dict):
        raise CellProblem(f"`{column}` is not a JSON object", cell)
    return cast("dict[str, Any]", told)


def _element(element: object, cell: str) -> Applied:
    values = cast("dict[str, object]", element) if isinstance(element, dict) else {}
    contract = next((values[key] for key in _CONTRACT if key in values), None)
    commitment = next((values[key] for key in _COMMITMENT if key in values), None)
    cost = values.get("ContractCommitmentAppliedCost")
    quantity = values.get("ContractCommitmentAppliedQuantity")
    unit = values.get("ContractCommitmentAppliedUnit")
    if not isinstance(contract, str) or not isinstance(commitment, str):
        raise CellProblem("an element of `ContractApplied` names no contract or commitment", cell)
    counted, counted_in = _amount(values.get(OWN_COUNTED), cell), values.get(OWN_COUNTED_IN)
    if counted is None:
        counted_in = None
    elif not isinstance(counted_in, str) or not _CURRENCY.fullmatch(counted_in):
        raise CellProblem(f"an element of `ContractApplied` has `{OWN_COUNTED}` in no currency", cell)
    return Applied(
        contract,
        commitment,
        _amount(cost, cell),
        _amount(quantity, cell),
        unit if isinstance(unit, str) else None,
        counted,
        counted_in,
    )


def _amount(value: object, cell: str) -> Decimal | None:
    if value is None:
        return None
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _LONGEST_EXPONENT:
        raise CellProblem("an amount in `ContractApplied` is not a number", cell)
    return value
