"""The law of an estate: agreements compiled to four primitives, and the decision on an action."""
