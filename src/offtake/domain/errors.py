"""Errors for those who must act. An expected outcome (a refusal, an infeasible plan) is a value, never one of these."""

from __future__ import annotations


class OfftakeError(Exception):
    """Anything offtake raises on purpose; `message` is written for a person."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InvalidInput(OfftakeError):
    """What the user gave cannot be used. Mend the input and try again."""


class Conflict(OfftakeError):
    """Somebody else changed the thing first. Read it again and retry."""


class UpstreamFailure(OfftakeError):
    """A provider did not answer as it must. Retry later, or elsewhere."""


class StorageFailure(OfftakeError):
    """A file or database could not be read or written. Check the path, the space and the rights."""


class SolverFailure(OfftakeError):
    """The solver stopped without an answer, or its answer failed the certificate. Try another `--solver`."""
