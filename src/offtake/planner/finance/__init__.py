"""Money solved with the build: sources of a party's money as columns and rows, read back, and counted again exactly.

docs/finance.md writes them as mathematics.
"""
