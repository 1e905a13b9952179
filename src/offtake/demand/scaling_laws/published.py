"""Every published law by name, the source beside each constant, and the tables that they are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from math import exp
from types import MappingProxyType
from typing import Final, TypeAlias

from offtake.demand.scaling_laws.frontier import FrontierLaw
from offtake.demand.scaling_laws.kaplan import KaplanLaw
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.demand.scaling_laws.repeated import RepeatedDataLaw
from offtake.domain.errors import InvalidInput

Law: TypeAlias = ParametricLaw | KaplanLaw | FrontierLaw | RepeatedDataLaw

HOFFMANN: Final = "Hoffmann et al. 2022, arXiv:2203.15556"


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of a published table: the FLOP and tokens for which so many parameters are said to be best."""

    parameters: float
    flop: float
    tokens: float


def _rows(text: str) -> tuple[PublishedRow, ...]:
    lines = (line.split() for line in text.strip().splitlines())
    return tuple(PublishedRow(*(float(number) for number in line)) for line in lines)


# Hoffmann et al. 2022, table 3 (approach 1).
TABLE_3: Final = _rows("""
    400e6  1.92e19  8.0e9
    1e9    1.21e20  20.2e9
    10e9   1.23e22  205.1e9
    67e9   5.76e23  1.5e12
    175e9  3.85e24  3.7e12
    280e9  9.90e24  5.9e12
    520e9  3.43e25  11.0e12
    1e12   1.27e26  21.2e12
    10e12  1.30e28  216.2e12
""")
# Hoffmann et al. 2022, table A3, approach 2.
TABLE_A3_APPROACH_2: Final = _rows("""
    400e6  1.84e19  7.7e9
    1e9    1.20e20  20.0e9
    10e9   1.32e22  219.5e9
    67e9   6.88e23  1.7e12
    175e9  4.54e24  4.3e12
    280e9  1.18e25  7.1e12
    520e9  4.19e25  13.4e12
    1e12   1.59e26  26.5e12
    10e12  1.75e28  292.0e12
""")
# Hoffmann et al. 2022, table A3, approach 3, as printed. The row of 175 billion is wrong in print: 6·N·D of its own
# tokens is 1.26e25, and the rows around it say the same, so its exponent should be 25.
TABLE_A3_APPROACH_3: Final = _rows("""
    400e6  2.21e19  9.2e9
    1e9    1.62e20  27.1e9
    10e9   2.46e22  410.1e9
    67e9   1.71e24  4.1e12
    175e9  1.26e24  12.0e12
    280e9  3.52e25  20.1e12
    520e9  1.36e26  43.5e12
    1e12   5.65e26  94.1e12
    10e12  8.55e28  1425.5e12
""")
TABLE_A3_TYPO_PARAMETERS: Final = 175e9
TABLE_A3_TYPO_FLOP: Final = 1.26e25  # What the row of 175 billion should say.

# The paper prints the exponents of approaches 1 and 2 with two digits and no coefficient (table 2). Its tables give
# both: eight of nine rows lie on one line within 0.4 %; the row of 67 billion does not (2.7 and 7 % off) and is left
# out.
BESIROGLU: Final = ParametricLaw(
    "besiroglu",
    irreducible=1.8172,
    parameter_scale=482.01,
    token_scale=2085.43,
    alpha=0.3478,
    beta=0.3658,
    source="Besiroglu et al. 2024, arXiv:2404.10102, table 1: a refit of Hoffmann's figure 4",
)
HOFFMANN_1: Final = FrontierLaw(
    "hoffmann-1",
    coefficient=0.099349,
    exponent=0.498092,
    source=f"{HOFFMANN}, approach 1: read off table 3 (least squares in logs), its exponent printed as 0.50",
)
HOFFMANN_1_ROUNDED: Final = FrontierLaw(
    "hoffmann-1-rounded",
    coefficient=67e9 / 5.76e23**0.50,
    exponent=0.50,
    source=f"{HOFFMANN}, approach 1: the exponent of table 2, through the row of 67 billion of table 3",
)
HOFFMANN_2: Final = FrontierLaw(
    "hoffmann-2",
    coefficient=0.145574,
    exponent=0.489927,
    source=f"{HOFFMANN}, approach 2: read off table A3 (least squares in logs), its exponent printed as 0.49",
)
HOFFMANN_2_ROUNDED: Final = FrontierLaw(
    "hoffmann-2-rounded",
    coefficient=67e9 / 6.88e23**0.49,
    exponent=0.49,
    source=f"{HOFFMANN}, approach 2: the exponent of table 2, through the row of 67 billion of table A3",
)
HOFFMANN_3: Final = ParametricLaw(
    "hoffmann-3",
    irreducible=exp(0.52672),
    parameter_scale=406.401,
    token_scale=410.723,
    alpha=0.33917,
    beta=0.28491,
    source=f"{HOFFMANN}, approach 3, equation 10 before rounding (from the paper's TeX source)",
)
HOFFMANN_3_ROUNDED: Final = ParametricLaw(
    "hoffmann-3-rounded",
    irreducible=1.69,
    parameter_scale=406.4,
    token_scale=410.7,
    alpha=0.34,
    beta=0.28,
    source=f"{HOFFMANN}, approach 3, equation 10 as printed; it does not give the paper's own table A3",
)
KAPLAN: Final = KaplanLaw()
MUENNIGHOFF: Final = RepeatedDataLaw(
    ParametricLaw(
        "muennighoff",
        irreducible=exp(0.6254804),
        parameter_scale=exp(6.255414),
        token_scale=exp(7.3049974),
        alpha=0.3526596,
        beta=0.3526596,
        source="Muennighoff et al. 2023, arXiv:2305.16264, equations 5, 6 and 20",
    ),
    token_decay=15.387756,
    parameter_decay=5.309743,
)
_LAWS: Final[tuple[Law, ...]] = (
    BESIROGLU,
    HOFFMANN_1,
    HOFFMANN_1_ROUNDED,
    HOFFMANN_2,
    HOFFMANN_2_ROUNDED,
    HOFFMANN_3,
    HOFFMANN_3_ROUNDED,
    KAPLAN,
    MUENNIGHOFF,
)
LAWS: Final[Mapping[str, Law]] = MappingProxyType({law.name: law for law in _LAWS})

# Standard errors of Besiroglu et al. 2024, table 1, from 4,000 resamples: E, A, B, α, β.
BESIROGLU_STANDARD_ERRORS: Final = (0.026, 124.5, 1293.3, 0.015, 0.021)


def law_named(name: str) -> Law:
    """A published law. Raises InvalidInput for a name that is none, with the nearest that is."""
    found = LAWS.get(name)
    if found is None:
        near = get_close_matches(name, LAWS, n=1, cutoff=0.4)
        hint = f"did you mean `{near[0]}`?" if near else f"laws: {', '.join(LAWS)}"
        raise InvalidInput(f"no published law is called `{name}`", hint=hint)
    return found
