"""The broker under simulated years: many tenants, holders and bidders, crashes and delays between any two steps.

`world` draws an estate from a seed, `play` draws what people do in it, and `auditor` reads the ledger as plain JSON,
with arithmetic of its own. A run is its seed: `python -m simulation --seed 7` plays it again, and shrinks it if it
fails.
"""
