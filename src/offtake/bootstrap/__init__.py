"""The only place where parts are put together: one file for each thing that a door can ask for."""
