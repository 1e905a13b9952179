"""Migrations of the ledger's tables, forward only."""
