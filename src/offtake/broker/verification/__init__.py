"""A ledger derived again from its events alone: an auditor with a state and an arithmetic of its own.

It shares the law (`decide` is what the agreements mean), the shapes of events and the hash of a document with the
broker, and none of what the broker decides, counts or folds with.
"""

from offtake.broker.verification.chain import Kept
from offtake.broker.verification.findings import Fault, Verification
from offtake.broker.verification.walk import verified

__all__ = ["Fault", "Kept", "Verification", "verified"]
