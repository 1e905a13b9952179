"""Whatever lenders ask for, a plan is certified, its sources are its uses, and its balance balances."""

from __future__ import annotations

import random

import pytest

from offtake.planner.finance.statements import accounts_of, recount_finance
from offtake.planner.finance.summary import summary_of
from planned import planned

ESTATE = """
offtake: 1
name: financed
for: lab
horizon: {from: 2026-01-01, until: 2029-01-01, periods: quarter, discount: 8 %}
currencies: {EUR: [1.10 USD, 1.25 USD from 2027-01-01, 0.95 USD from 2028-07-01]}
events: {signing: {date: 2026-08-15}, listing: {}}
currency: USD
parties: {lab: {}, builder: {}, owners: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall: {region: here, provider: n, owner: builder, tenant: lab, power: [{value: 2 MW}], builds: [chip],
    rent: 1.80 USD/accelerator-hour, energy_price: 50 USD/MWh}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 20 USD per million tokens,
    revenue: [5 USD per million tokens, 4 USD per million tokens from 2028-01-01],
    traffic: [{region: here, in: 0 tokens/s, out: 100000 tokens/s, growth: 30 %}]}
finance:
  builder:
"""


def loan(dice: random.Random, name: str) -> str:
    begins = dice.choice(["2025-06-01", "2026-01-01", "2026-05-17", "2027-02-01"])
    ends = dice.choice(["2027-03-15", "2028-01-01", "2030-09-01"])
    rate = dice.choice(["0 %", "4 %", "[9 % from 2025-01-01, 3 % from 2028-02-01]"])
    parts = [
        f"kind: debt, provider: bank, amount: {dice.choice([1, 5, 40, 300])} million {dice.choice(['USD', 'EUR'])}",
        f"from: {begins}, until: {ends}, interest: {rate}, term: {dice.choice(['18 months', '9 years'])}",
        *(["upfront_fee: 2 %"] if dice.random() < 0.5 else []),
        *(["commitment_fee: 1 %"] if dice.random() < 0.5 else []),
        *([f"grace: {dice.choice(['3 months', '1 year'])}"] if dice.random() < 0.5 else []),
        *(["repayment: bullet"] if dice.random() < 0.4 else []),
        *([f"after: {dice.choice(['signing', 'listing'])}"] if dice.random() < 0.3 else []),
    ]
    return f"      {name}: {{{', '.join(parts)}}}\n"


def terms(dice: random.Random) -> str:
    lines = [
        f"    gearing: {dice.choice([20, 60, 90])} %\n",
        f"    dscr: {dice.choice(['1.0', '1.3', '2.5'])}\n",
        f"    reserve: {dice.choice(['1 month', '6 months', '14 months'])}\n",
        "    minimum_cash: 2 million USD\n",
        "    opening_cash: 3 million USD\n",
        f"    gap_price: {dice.choice([1, 30, 200])} %\n",
        f"    tax: {dice.choice([10, 35])} %\n",
        f"    receivables: {dice.choice(['20 days', '4 months'])}\n",
        f"    payables: {dice.choice(['15 days', '5 months'])}\n",
    ]
    text = "".join(line for line in lines if dice.random() < 0.5) + "    sources:\n"
    amount = dice.choice([0, 2, 20, 500])
    text += f"      own: {{kind: equity, provider: owners, amount: {amount} million USD, from: 2026-03-01}}\n"
    if dice.random() < 0.5:
        text += "      ahead: {kind: prepayment, provider: lab, amount: 4 million USD, from: 2026-01-01, "
        text += "until: 2027-01-01, term: 1 year}\n"
    return text + "".join(loan(dice, f"loan-{n}") for n in range(dice.choice([0, 1, 1, 2])))


@pytest.mark.parametrize("seed", range(20))
def test_any_terms_have_a_certified_answer(seed: int) -> None:
    dice = random.Random(seed)
    party = (None, "builder", "bank")[seed % 3]
    plan = planned(ESTATE + terms(dice), party=party)
    accounts = accounts_of(plan, plan.finance[0])
    summary = summary_of(plan, accounts)
    assert max(one.relative for one in recount_finance(plan)) <= 1e-6
    assert sum(summary.sources.values()) == sum(summary.uses.values())
    for one in accounts.periods:
        owned = one.cash + one.assets + one.receivables
        assert owned == one.debt + one.prepaid + one.payables + one.paid_in + one.retained
