"""Training runs: from FLOP to accelerator-hours, days, energy and money; runs of an estate; published ones."""
