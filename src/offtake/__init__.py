"""Control plane for AI compute that is bought, built and borrowed under contract."""

__version__ = "0.1.0"
