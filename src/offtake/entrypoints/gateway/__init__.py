"""The door of milliseconds: HTTP in, HTTP out."""
