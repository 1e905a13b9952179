"""Estates as workbooks (.xlsx): one sheet for each kind of entry, and back without loss."""
