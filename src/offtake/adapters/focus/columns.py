"""The columns of FOCUS by version: one list for who reads and who writes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Version = Literal["1.0", "1.1", "1.2", "1.3", "1.4"]
Dataset = Literal["CostAndUsage", "ContractCommitment"]
VERSIONS: Final[tuple[Version, ...]] = ("1.0", "1.1", "1.2", "1.3", "1.4")


@dataclass(frozen=True, slots=True)
class Column:
    """A column, the version that brought it, and the last that has it (None: the newest)."""

    id: str
    since: Version
    until: Version | None = None

    def stands_in(self, version: Version) -> bool:
        """Whether a version has the column."""
        return self.since <= version and (self.until is None or version <= self.until)


def _columns(since: Version, ids: str, until: Version | None = None) -> tuple[Column, ...]:
    return tuple(Column(id, since, until) for id in ids.split())


COST_AND_USAGE: Final = (
    *_columns(
        "1.0",
        "AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd "
        "BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd "
        "ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName "
        "CommitmentDiscountStatus CommitmentDiscountType ConsumedQuantity ConsumedUnit ContractedCost "
        "ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingQuantity "
        "PricingUnit RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory ServiceName SkuId "
        "SkuPriceId SubAccountId SubAccountName Tags",
    ),
    # Replaced by ServiceProviderName and HostProviderName; gone in 1.4.
    *_columns("1.0", "ProviderName PublisherName", "1.3"),
    *_columns(
        "1.1",
        "CapacityReservationId CapacityReservationStatus CommitmentDiscountQuantity CommitmentDiscountUnit "
        "ServiceSubcategory SkuMeter SkuPriceDetails",
    ),
    *_columns(
        "1.2",
        "BillingAccountType InvoiceId PricingCurrency PricingCurrencyContractedUnitPrice "
        "PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice SubAccountType",
    ),
    *_columns(
        "1.3",
        "AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags "
        "ContractApplied HostProviderName ServiceProviderName",
    ),
    *_columns("1.4", "CommitmentProgramEligibilityDetails InvoiceDetailId"),
)

CONTRACT_COMMITMENT: Final = (
    *_columns(
        "1.3",
        "BillingCurrency ContractCommitmentCategory ContractCommitmentCost ContractCommitmentDescription "
        "ContractCommitmentId ContractCommitmentPeriodEnd ContractCommitmentPeriodStart ContractCommitmentQuantity "
        "ContractCommitmentType ContractCommitmentUnit ContractId ContractPeriodEnd ContractPeriodStart",
    ),
    *_columns(
        "1.4",
        "ContractCommitmentApplicability ContractCommitmentBenefitCategory ContractCommitmentCreated "
        "ContractCommitmentDiscountPercentage ContractCommitmentDurationType "
        "ContractCommitmentFulfillmentInterval ContractCommitmentLastUpdated ContractCommitmentLifecycleStatus "
        "ContractCommitmentModel ContractCommitmentOfferCategory ContractCommitmentPaymentInterval "
        "ContractCommitmentPaymentModel ContractCommitmentPaymentUpfrontPercentage InvoiceIssuerName PricingCurrency "
        "PricingCurrencyContractCommitmentCost ServiceProviderName",
    ),
)

# Custom columns of offtake's own commitments: what FOCUS has no words for.
OWN_MEASURE: Final = "x_OfftakeMeasure"
OWN_MAKE_UP: Final = "x_OfftakeMakeUpWindows"
OWN_SHORTFALL: Final = "x_OfftakeShortfallShare"
OWN_OF_COMMITMENTS: Final = (OWN_MEASURE, OWN_MAKE_UP, OWN_SHORTFALL)

# Without these no charge, and no commitment, can be read.
NEEDED_OF_CHARGES: Final = (
    "BilledCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
)
NEEDED_OF_COMMITMENTS: Final = tuple(
    column.id for column in CONTRACT_COMMITMENT if column.since == "1.3" and "Description" not in column.id
)


def columns_of(dataset: Dataset, version: Version) -> tuple[str, ...]:
    """The columns of a data set in a version, in alphabetical order as FOCUS lists them."""
    columns = COST_AND_USAGE if dataset == "CostAndUsage" else CONTRACT_COMMITMENT
    return tuple(sorted(column.id for column in columns if column.stands_in(version)))


def dataset_of(columns: Iterable[str]) -> Dataset:
    """Which data set a table with these columns is."""
    return "ContractCommitment" if "ContractCommitmentCategory" in set(columns) else "CostAndUsage"


def version_of(columns: Iterable[str]) -> Version:
    """The oldest version that has all of a table's FOCUS columns. A table may lack some, so it may be newer."""
    there = set(columns)
    known = CONTRACT_COMMITMENT if dataset_of(there) == "ContractCommitment" else COST_AND_USAGE
    newest: Version = "1.0"
    for column in known:
        if column.id in there and column.since > newest:
            newest = column.since
    return newest
