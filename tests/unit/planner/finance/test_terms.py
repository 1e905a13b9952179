"""What a borrower's terms do to its plan: tax, delays, prepayments, conditions, proportions, currencies, revenue."""

from __future__ import annotations

from fractions import Fraction

import pytest

from offtake.planner.finance.statements import MICROS, Accounts, accounts_of
from offtake.planner.finance.summary import summary_of
from planned import CapacityPlan, planned

ESTATE = """
offtake: 1
name: financed
for: lab
currency: USD
horizon: {from: 2026-01-01, until: 2031-01-01, periods: quarter, discount: 8 %}
parties: {lab: {}, builder: {}, owners: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall: {region: here, provider: n, owner: builder, tenant: lab, power: [{value: 20 MW}], builds: [chip],
    rent: 1.80 USD/accelerator-hour, energy_price: 50 USD/MWh}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 20 USD per million tokens,
    traffic: [{region: here, in: 0 tokens/s, out: 100000 tokens/s, growth: 30 %}]}
"""
EQUITY = "      owners: {kind: equity, provider: owners, amount: 900 million USD}\n"


def accounts(sources: str, terms: str = "", estate: str = ESTATE) -> tuple[CapacityPlan, Accounts]:
    lines = "".join(f"    {line}\n" for line in terms.splitlines())
    plan = planned(f"{estate}finance:\n  builder:\n{lines}    sources:\n{sources}")
    return plan, accounts_of(plan, plan.finance[0])


def test_tax_is_of_profit_after_the_losses_before_it() -> None:
    line = "      line: {kind: debt, provider: bank, amount: 100 million USD, from: 2026-01-01, until: 2027-01-01, "
    line += "interest: 5 %, commitment_fee: 4 %, term: 3 years}\n"
    plan, found = accounts(line + EQUITY, "tax: 25 %")
    profits = [one.profit_before_tax for one in found.periods]
    assert profits[0] < 0 < profits[-1]  # The line costs before anything earns.
    taxed, losses = 0, 0
    for profit, one in zip(profits, found.periods, strict=True):
        due = max(profit - losses, 0)
        losses = max(losses - profit, 0)
        taxed += due
        assert one.tax == pytest.approx(due / 4, abs=1)
    assert taxed > 0
    assert summary_of(plan, found).uses["tax"] == sum(one.tax for one in found.periods)


def test_the_state_is_paid_out_of_cash_and_never_out_of_draws() -> None:
    _, found = accounts(EQUITY, "tax: 60 %")
    for one in found.periods:
        assert one.equity <= one.uses + MICROS
        assert one.cash >= -MICROS


def test_rent_that_comes_in_late_has_to_be_paid_for_meanwhile() -> None:
    _, prompt = accounts(EQUITY)
    _, late = accounts(EQUITY, "receivables: 60 days")
    _, both = accounts(EQUITY, "receivables: 60 days\npayables: 60 days")
    drawn = [found.drawn_by_source["owners"] for found in (prompt, late, both)]
    assert drawn[0] < drawn[2] < drawn[1]
    last = late.periods[-1]
    days = (last.period.ends - last.period.begins).days
    assert last.receivables == pytest.approx(last.receipts * 60 / days, abs=1)
    assert (
        sum(one.received for one in late.periods)
        == sum(one.receipts for one in late.periods) - last.receivables
    )


def test_what_a_customer_pays_in_advance_is_credited_to_the_last_unit() -> None:
    ahead = "      tenant: {kind: prepayment, provider: lab, amount: 9 million USD, from: 2026-01-01, "
    ahead += "until: 2027-01-01, grace: 3 months, term: 2 years}\n"
    thin = EQUITY.replace("900", "5")
    plan, found = accounts(ahead + thin, "gap_price: 400 %")
    drawn = found.drawn_by_source["tenant"]
    assert drawn == pytest.approx(9_000_000 * MICROS, rel=1e-6)
    assert sum(one.credited for one in found.periods) == drawn
    assert not any(one.credited for one in found.periods if one.period.begins.isoformat() < "2027-04-01")
    for one in found.periods:
        assert one.credited <= one.received_from.get("lab", 0) + MICROS
    paid = {flow.kind for flow in plan.finance[0].flows if flow.source == "tenant"}
    assert paid == {"prepaid", "credited"}


@pytest.mark.parametrize(("event", "opens"), [("{date: 2026-05-20}", "2026-05-20"), ("{}", None)])
def test_money_that_waits_for_an_event_is_not_drawn_before_it(event: str, opens: str | None) -> None:
    listed = EQUITY.replace("million USD", "million USD, after: listing")
    plan, found = accounts(
        listed, "gap_price: 900 %" if opens else "gap_price: 1 %", ESTATE + f"events: {{listing: {event}}}\n"
    )
    terms = plan.finance[0].sources[0]
    before = [one for one in found.periods if opens is None or one.period.ends.isoformat() <= opens]
    assert not any(one.equity for one in before)
    if opens is None:
        assert sum(one.gap for one in found.periods) > 0
        assert terms.waits_for == "listing"
        assert summary_of(plan, found).committed == 0
    else:
        assert (terms.waits_for, str(terms.opens)) == (None, opens)
        assert sum(one.equity for one in found.periods) > 0


def test_a_syndicate_is_drawn_in_proportion_in_every_period() -> None:
    common = "kind: debt, provider: bank, from: 2026-01-01, until: 2028-01-01, term: 5 years"
    loans = f"      dear: {{{common}, amount: 100 million USD, interest: 9 %}}\n"
    loans += f"      cheap: {{{common}, amount: 300 million USD, interest: 3 %}}\n"
    plan, found = accounts(loans + EQUITY.replace("900", "1"), "pro_rata: [[dear, cheap]]\ngap_price: 300 %")
    drawn = {
        id: {
            flow.period: flow.amount_cents
            for flow in plan.finance[0].flows
            if flow.source == id and flow.kind == "drawdown"
        }
        for id in ("dear", "cheap")
    }
    assert found.drawn_by_source["dear"] > 0
    for period, cents in drawn["dear"].items():
        assert drawn["cheap"][period] == pytest.approx(3 * cents, abs=2)


def test_debt_in_another_currency_is_repaid_at_the_rate_of_the_day() -> None:
    estate = ESTATE + "currencies: {EUR: [1.00 USD, 1.50 USD from 2028-01-01]}\n"
    loan = "      loan: {kind: debt, provider: bank, amount: 20 million EUR, from: 2026-01-01, until: 2027-01-01, "
    loan += "interest: 5 %, grace: 1 year, term: 2 years, repayment: bullet}\n"
    plan, found = accounts(loan + EQUITY.replace("900", "5"), "gap_price: 300 %", estate)
    drawn = found.drawn_by_source["loan"]
    assert drawn == pytest.approx(20_000_000 * MICROS, rel=1e-6)
    assert sum(one.repaid for one in found.periods) == pytest.approx(1.5 * drawn, rel=1e-6)
    assert sum(one.revaluation for one in found.periods) == pytest.approx(drawn / 2, rel=1e-6)
    terms = plan.finance[0].sources[0]
    assert (terms.currency, terms.amount_cents) == ("EUR", 2_000_000_000)
    assert {Fraction(rate) for rate in terms.rates} == {Fraction(1), Fraction(3, 2)}


def test_what_customers_pay_is_the_partys_revenue_and_no_supply_is_worth_more_than_it_earns() -> None:
    plain = planned(ESTATE)
    earning = planned(ESTATE.replace("worth: 20 USD", "revenue: 9 USD per million tokens, worth: 20 USD"))
    revenue = [row for row in earning.spend if row.kind == "revenue"]
    assert {(row.payer, row.payee, row.supply) for row in revenue} == {("customers", "lab", "chat")}
    served = sum(
        row.tokens_per_s * (period.ends - period.begins).days * 86_400
        for row in earning.served
        for period in earning.periods
        if period.label == row.period
    )
    assert sum(row.amount_cents for row in revenue) / 100 == pytest.approx(served * 9 / 1e6, rel=1e-6)
    assert earning.cost_cents < plain.cost_cents
    # Nothing is wanted for its own sake: what costs more than it earns is left unserved.
    poor = planned(ESTATE.replace("worth: 20 USD", "revenue: 0.5 USD per million tokens, worth: 0.1 USD"))
    assert not any(row.kind == "revenue" for row in poor.spend)
