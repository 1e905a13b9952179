"""The sections of a report: each a pure function from the matter to a section, or to nothing where there is none."""
