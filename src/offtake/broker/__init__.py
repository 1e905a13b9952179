"""The broker: who gets the next need, by the law's procedures, on a ledger that can be replayed."""
