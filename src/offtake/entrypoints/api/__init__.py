"""The broker over HTTP: parse, ask the broker, answer; nothing else."""
