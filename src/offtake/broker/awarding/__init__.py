"""Who is awarded what: sources, the program over them, the proposal that it makes, and the grants."""
