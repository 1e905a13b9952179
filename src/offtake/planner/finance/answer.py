"""What a solution says of a borrower's money, read back in natural units: flows by period, cash, and the gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offtake.domain.handoffs import (
    NOBODY_PROMISED,
    THE_STATE,
    BorrowerPlan,
    CashRow,
    FinanceFlowRow,
    FinanceKind,
)
from offtake.planner.answer import GRAIN, Answer
from offtake.planner.finance.columns import FinanceColumns
from offtake.planner.finance.sources import SourceColumns, weights_of
from offtake.planner.instance import Floats
from offtake.planner.program import ABSENT, Block
from offtake.planner.tables import cents

UNCOUNTED: tuple[FinanceKind, ...] = (
    "equity",
    "gap",
)  # An owner's money is its own, and nobody's is no cost.


@dataclass(frozen=True, slots=True)
class FinanceFlow:
    """Money by period between a borrower and a source, undiscounted, and what it weighs in the objective."""

    kind: FinanceKind
    source: str
    payer: str
    payee: str
    amounts: Floats  # (period,)
    weight: float


def finance_flows(answer: Answer) -> tuple[FinanceFlow, ...]:
    """Every flow of every borrower, in the order of the estate."""
    found: list[FinanceFlow] = []
    for columns in answer.formulation.finance:
        for one in columns.sources:
            found.extend(_of_source(answer, columns, one))
        borrower = columns.borrower
        if columns.tax is not None:
            weight = weights_of(answer.formulation.instance.party, THE_STATE, borrower.party).cost
            paid = columns.tax.rate * _read(answer, columns.tax.taxed)
            found.append(FinanceFlow("tax", "tax", borrower.party, THE_STATE, paid, weight))
        gap = _read(answer, columns.gap)
        found.append(FinanceFlow("gap", "gap", NOBODY_PROMISED, borrower.party, gap, borrower.gap_price))
    return tuple(found)


def _of_source(answer: Answer, columns: FinanceColumns, one: SourceColumns) -> list[FinanceFlow]:
    """A source's flows in the estate's currency, at each period's rate."""
    source, borrower = one.source, columns.borrower
    id, provider, drawn, rates = (
        source.terms.id,
        source.terms.provider,
        _read(answer, one.drawn),
        source.rates,
    )
    if one.owed is None:
        return [FinanceFlow("equity", id, provider, borrower.party, drawn * rates, 0.0)]
    weights = weights_of(answer.formulation.instance.party, provider, borrower.party)
    owed = _read(answer, one.owed)
    repaid = source.due * float(drawn.sum()) * rates
    left = np.zeros(len(owed))
    left[-1] = owed[-1] * rates[-1]
    if not source.is_debt:
        return [
            FinanceFlow("prepaid", id, provider, borrower.party, drawn * rates, weights.draw),
            FinanceFlow("credited", id, borrower.party, provider, repaid, weights.principal),
            FinanceFlow("uncredited", id, borrower.party, provider, left, weights.principal),
        ]
    before = np.concatenate([[0.0], owed[:-1]])
    interest = source.interest * (before + drawn / 2) * rates
    so_far = np.cumsum(drawn)
    fee = (source.upfront + source.undrawn * (source.amount - (so_far - drawn / 2))) * rates
    return [
        FinanceFlow("drawdown", id, provider, borrower.party, drawn * rates, weights.draw),
        FinanceFlow("interest", id, borrower.party, provider, interest, weights.cost),
        FinanceFlow("fee", id, borrower.party, provider, fee, weights.cost),
        FinanceFlow("repayment", id, borrower.party, provider, repaid, weights.principal),
        FinanceFlow("outstanding", id, borrower.party, provider, left, weights.principal),
    ]


def _read(answer: Answer, block: Block) -> Floats:
    x = np.where(np.abs(answer.solution.x) < GRAIN, 0.0, answer.solution.x)
    index = block.index
    return np.where(index == ABSENT, 0.0, x[np.maximum(index, 0)]) * answer.formulation.scales.money


def financed_cost(answer: Answer) -> float:
    """What the party's own borrowing and lending add to its discounted cost; the gap's price is no money."""
    instance = answer.formulation.instance
    discounts = instance.calendar.discounts()
    return sum(
        flow.weight * float(flow.amounts @ discounts)
        for flow in finance_flows(answer)
        if flow.kind not in UNCOUNTED and instance.party in (flow.payer, flow.payee)
    )


def financed_objective(answer: Answer) -> float:
    """What all flows of finance weigh in the objective, the gap at its price."""
    discounts = answer.formulation.instance.calendar.discounts()
    return sum(flow.weight * float(flow.amounts @ discounts) for flow in finance_flows(answer))


def borrower_plans(answer: Answer) -> tuple[BorrowerPlan, ...]:
    """Each borrower as the plan hands it on, in whole cents."""
    labels = answer.formulation.instance.calendar.labels
    flows = finance_flows(answer)
    found: list[BorrowerPlan] = []
    for columns in answer.formulation.finance:
        borrower, financing = columns.borrower, columns.borrower.financing
        rows = tuple(
            FinanceFlowRow(
                period=labels[t],
                kind=flow.kind,
                source=flow.source,
                payer=flow.payer,
                payee=flow.payee,
                amount_cents=cents(flow.amounts[t]),
            )
            for flow in flows
            if borrower.party in (flow.payer, flow.payee)
            for t in range(len(labels))
            if cents(flow.amounts[t])
        )
        cash = _read(answer, columns.cash)
        funded = np.zeros(len(labels)) if columns.funded is None else _read(answer, columns.funded)
        found.append(
            BorrowerPlan(
                party=borrower.party,
                consolidates=financing.consolidates,
                opening_cash_cents=cents(borrower.opening_cash),
                minimum_cash_cents=cents(borrower.minimum_cash),
                gearing=None if financing.gearing is None else str(financing.gearing.amount),
                dscr=None if financing.dscr is None else str(financing.dscr.amount),
                reserve=None if financing.reserve is None else financing.reserve.text,
                gap_price=repr(borrower.gap_price),
                tax=None if financing.tax is None else str(financing.tax.amount),
                receivables=None if financing.receivables is None else financing.receivables.text,
                payables=None if financing.payables is None else financing.payables.text,
                sources=tuple(one.terms for one in borrower.sources),
                flows=rows,
                cash=tuple(
                    CashRow(period=label, cash_cents=cents(cash[t]), reserve_funded_cents=cents(funded[t]))
                    for t, label in enumerate(labels)
                ),
            )
        )
    return tuple(found)
