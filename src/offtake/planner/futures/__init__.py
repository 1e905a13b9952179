"""Many futures: drawn from what the estate says is uncertain, each planned for by itself, and told together."""
