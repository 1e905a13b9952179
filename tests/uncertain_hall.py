"""A hall for accelerators whose need, power, prices and clauses are uncertain: small enough to plan for many times."""

from __future__ import annotations

ESTATE = """\
offtake: 1
name: A hall
horizon: {from: 2026-01-01, until: 2028-01-01, periods: quarter, discount: 5 %}
parties: {lab: {}, cloud: {}}
providers: {own: {party: lab}, cloud: {party: cloud}}
regions: {here: {jurisdiction: DE}}
accelerators:
  gpu: {price: 30000 USD/accelerator, power: 1.5 kW, life: 5 years, lead: 3 months}
sites:
  hall:
    region: here
    provider: own
    owner: lab
    status: contracted
    power: [{value: 0.4 MW from 2026-01-01, status: energised}, {value: 1.2 MW from 2026-10-01}]
    builds: [gpu]
    energy_price: 60 USD/MWh
models: {m: {launched: 2025-01-01, rates: {gpu: {out: 300 tokens/s}}}}
products:
  tokens: {kind: tokens, provider: cloud, prices: {m: {in: 2 USD/Mtoken, out: 6 USD/Mtoken}}, limit: 60000 tokens/s}
deployments: {d: {provider: cloud, region: here, model: m, products: [tokens], may_process_in: [DE]}}
workloads:
  chat:
    kind: inference
    models: [m]
    worth: 40 USD/Mtoken
    traffic: [{region: here, in: 60000 tokens/s, out: 60000 tokens/s, growth: 60 %}]
events: {end: {}}
agreements:
  house:
    between: [lab, cloud]
    signed: 2025-01-01
    clauses:
      leave: {kind: governance, on_event: end, ends_rights_of: cloud, running: cut}
futures:
  variables:
    need: {demand: chat, kind: growth, volatility: 25 %, assumed: true}
    price: {price: tokens, kind: lognormal, deviation: 30 %, assumed: true}
    grid: {delay: hall, kind: triangular, low: 0 months, mode: 2 months, high: 9 months, assumed: true}
    leaves: {event: end, kind: hazard, rate: 20 %, assumed: true}
    nothing: {figure: 'workloads.chat.traffic[0].growth', kind: uniform, low: 1, high: 1, assumed: true}
  correlations: {market: {of: [price, grid], all: 0.5}}
"""
