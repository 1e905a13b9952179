"""The engine of milliseconds: where a request may run, and where it should. It decides; others carry bytes."""
