"""The doors: parse, call, render; nothing else."""
