"""What is uncertain about an estate, and the estates of other futures: types, distributions, reading, applying."""
