"""One outside library each, behind a port of the layers below."""
