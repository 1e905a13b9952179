"""The words of the field: quantities, the estate, clauses, positions. Imports nothing else of offtake's."""
