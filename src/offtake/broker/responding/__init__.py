"""Answers by rule: what parties answer, bid, award and approve without anybody at a desk, through the same commands."""
