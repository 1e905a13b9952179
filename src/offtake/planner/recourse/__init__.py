"""Plans under many futures: what is decided now for all of them, and what is left to each."""
