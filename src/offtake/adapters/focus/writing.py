"""Charges and commitments as FOCUS 1.4 tables: the reverse of `parsing`, which reads back what is written here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from offtake.adapters.focus.columns import (
    OWN_MAKE_UP,
    OWN_MEASURE,
    OWN_OF_COMMITMENTS,
    OWN_SHORTFALL,
    columns_of,
)
from offtake.adapters.focus.parsing import ContractTerm
from offtake.domain.charges import OWN_COUNTED, OWN_COUNTED_IN, Applied, Charge

_NAMES: Final = ("SkuPriceId", "SkuId", "ResourceId", "ResourceName")


def charges_csv(charges: Iterable[Charge], account: str) -> bytes:
    """A table of Cost and Usage. `account` names the column of a charge's own that holds the account billed."""
    rows = [charge_cells(charge, account) for charge in charges]
    own = sorted({key for row in rows for key in row if key.startswith("x_")})
    return _table((*columns_of("CostAndUsage", "1.4"), *own), rows)


def terms_csv(terms: Iterable[ContractTerm], written: datetime) -> bytes:
    """A table of Contract Commitments."""
    columns = (*columns_of("ContractCommitment", "1.4"), *OWN_OF_COMMITMENTS)
    return _table(columns, [_term_cells(term, written) for term in terms])


def charge_cells(charge: Charge, account: str) -> dict[str, str]:
    """A charge as a row."""
    billed = charge.own.get(account, "")
    cost = format(charge.billed, "f")
    return {
        "BilledCost": cost,
        "BillingAccountId": billed,
        "BillingAccountName": billed,
        "BillingCurrency": charge.currency,
        "BillingPeriodStart": _instant(charge.billing_begins),
        "BillingPeriodEnd": _instant(charge.billing_ends),
        "ChargeCategory": charge.category,
        "ChargeClass": "Correction" if charge.correction else "",
        "ChargeDescription": charge.description,
        "ChargeFrequency": "One-Time" if charge.once else "Usage-Based",
        "ChargePeriodStart": _instant(charge.begins),
        "ChargePeriodEnd": _instant(charge.ends),
        "ConsumedQuantity": _number(charge.quantity if charge.category == "Usage" else None),
        "ConsumedUnit": (charge.unit or "") if charge.category == "Usage" else "",
        "ContractApplied": _applied(charge.applied),
        "ContractedCost": cost,
        "ContractedUnitPrice": _number(charge.unit_price),
        "EffectiveCost": _number(charge.effective),
        "HostProviderName": charge.provider,
        "InvoiceIssuerName": charge.provider,
        "ListCost": cost,
        "ListUnitPrice": _number(charge.unit_price),
        "PricingCategory": "Committed" if charge.covered else "Standard" if charge.names[0] else "",
        "PricingQuantity": _number(charge.quantity),
        "PricingUnit": charge.unit or "",
        "RegionId": charge.region or "",
        "ServiceCategory": charge.service_category,
        "ServiceName": charge.service,
        "ServiceProviderName": charge.provider,
        **dict(zip(_NAMES, charge.names, strict=True)),
        **charge.own,
    }


def _term_cells(term: ContractTerm, written: datetime) -> dict[str, str]:
    days = (term.ends - term.begins).days
    currency = term.currency or ""
    return {
        "BillingCurrency": currency,
        "ContractCommitmentApplicability": term.applicability or '{"IsComplexScope": true}',
        "ContractCommitmentBenefitCategory": "Availability" if term.model == "Continuous" else "Other",
        "ContractCommitmentCategory": term.category,
        "ContractCommitmentCost": _number(term.cost),
        "ContractCommitmentCreated": _day(term.contract_begins),
        "ContractCommitmentDescription": term.description or "",
        "ContractCommitmentDurationType": f"{days} Days",
        "ContractCommitmentFulfillmentInterval": term.interval or "Full Period",
        "ContractCommitmentId": term.commitment,
        "ContractCommitmentLastUpdated": _instant(written),
        "ContractCommitmentLifecycleStatus": term.status or "Active",
        "ContractCommitmentModel": term.model or "Discontinuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPaymentInterval": "Custom",
        "ContractCommitmentPaymentModel": "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": "0",
        "ContractCommitmentPeriodEnd": _day(term.ends),
        "ContractCommitmentPeriodStart": _day(term.begins),
        "ContractCommitmentQuantity": _number(term.quantity),
        "ContractCommitmentType": term.type,
        "ContractCommitmentUnit": term.unit or "",
        "ContractId": term.contract,
        "ContractPeriodEnd": _day(term.ends),
        "ContractPeriodStart": _day(term.contract_begins),
        "InvoiceIssuerName": term.provider or "",
        "PricingCurrency": currency,
        "PricingCurrencyContractCommitmentCost": _number(term.cost),
        "ServiceProviderName": term.provider or "",
        OWN_MEASURE: term.measure or "",
        OWN_MAKE_UP: str(term.make_up or ""),
        OWN_SHORTFALL: _number(term.shortfall),
    }


def _table(columns: tuple[str, ...], rows: Iterable[Mapping[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _applied(applied: tuple[Applied, ...]) -> str:
    return f'{{"Elements": [{", ".join(map(_element, applied))}]}}' if applied else ""


def _element(one: Applied) -> str:
    """Cost, or quantity with its unit: 1.4 takes exactly one of them. Amounts are JSON numbers to their last digit,
    which a float would not keep."""
    named: dict[str, str | Decimal | None] = {
        "ContractId": one.contract,
        "ContractCommitmentId": one.commitment,
    }
    if one.cost is not None:
        named["ContractCommitmentAppliedCost"] = one.cost
        if one.counted is not None:
            named |= {OWN_COUNTED: one.counted, OWN_COUNTED_IN: one.counted_in}
    else:
        named["ContractCommitmentAppliedQuantity"] = one.quantity or Decimal(0)
        named["ContractCommitmentAppliedUnit"] = one.unit
    pairs = (f"{json.dumps(key)}: {_json(value)}" for key, value in named.items())
    return f"{{{', '.join(pairs)}}}"


def _json(value: str | Decimal | None) -> str:
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)


def _number(amount: Decimal | None) -> str:
    return "" if amount is None else format(amount, "f")


def _instant(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _day(day: date) -> str:
    return _instant(datetime.combine(day, time(), UTC))
