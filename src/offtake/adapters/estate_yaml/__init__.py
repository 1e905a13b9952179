"""Estates as YAML files: reading them under limits, with every problem at its line."""

from offtake.adapters.estate_yaml.nodes import Place, Positions
from offtake.adapters.estate_yaml.problems import Problem, Problems, problem_lines, problem_records
from offtake.adapters.estate_yaml.read import Loaded, load_estate, load_estate_text

__all__ = [
    "Loaded",
    "Place",
    "Positions",
    "Problem",
    "Problems",
    "load_estate",
    "load_estate_text",
    "problem_lines",
    "problem_records",
]
