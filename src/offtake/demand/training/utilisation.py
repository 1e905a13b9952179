"""What share of its peak an accelerator reaches in training, and what share of hours end up as progress, measured.

MFU counts 6·N·D against peak while steps run (Chowdhery et al. 2022, appendix B). Goodput is the share of wall-clock
hours that the run keeps: restarts, lost steps and waiting are the rest. Both fall with scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from offtake.domain.errors import InvalidInput

_LLAMA_3: Final = "Grattafiori et al. 2024 (Llama 3), arXiv:2407.21783"
_PALM: Final = "Chowdhery et al. 2022 (PaLM), arXiv:2204.02311"


@dataclass(frozen=True, slots=True)
class Chip:
    """Of published runs: dense bf16 peak in FLOP/s, IT power in W with its server, rent in USD an hour."""

    name: str
    peak_flop_per_s: float
    power_w: float
    power_source: str
    usd_per_hour: float
    price_source: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A share that was measured from so many accelerators up, in which run, and where it is written."""

    chip: str
    from_accelerators: int
    share: float
    source: str
    run: str = ""
    recomputed: bool = False
    assumed: bool = False


CHIPS: Final = {
    chip.name: chip
    for chip in (
        Chip(
            "a100",
            312e12,
            6500 / 8,
            "NVIDIA, DGX A100 data sheet: 6.5 kW at most for eight",
            2.62,
            "Azure, East US, A100 80 GB for one year, May 2022 (Epoch AI, hardware prices, CC BY 4.0)",
        ),
        Chip(
            "h100",
            989e12,
            1453.0,
            "Epoch AI, all-in IT power per accelerator, May 2026",
            2.35,
            "press, March 2026, one year",
        ),
        Chip(
            "h800",
            989e12,
            1453.0,
            "assumed as H100",
            2.00,
            "DeepSeek-AI 2024, arXiv:2412.19437, table 1 (assumed there)",
        ),
        Chip(
            "tpu-v4",
            275e12,
            378.5,
            f"{_PALM}, appendix B: measured system power",
            2.03,
            "Google Cloud, us-central2, for one year, May 2022 (Epoch AI, hardware prices, CC BY 4.0)",
        ),
    )
}

MFU: Final = (
    Measured(
        "a100",
        1,
        0.514,
        "Korthikanti et al. 2022, arXiv:2205.05198, table 5: 175B without full recomputation",
    ),
    Measured("a100", 2_240, 0.542, "Korthikanti et al. 2022, arXiv:2205.05198: 530B on 2,240"),
    Measured(
        "a100",
        1,
        0.47 * 6 / 8,
        "Narayanan et al. 2021, arXiv:2104.04473, table 1: 145.6B on 1,536, 47 % with recomputation, × 6/8",
        recomputed=True,
    ),
    Measured(
        "a100",
        3_072,
        0.52 * 6 / 8,
        "Narayanan et al. 2021, arXiv:2104.04473, table 1: 1008B on 3,072, 52 % with recomputation, × 6/8",
        recomputed=True,
    ),
    Measured("h100", 1, 0.43, f"{_LLAMA_3}, table 4: 405B on 8,192", run="Llama 3.1 405B"),
    Measured("h100", 8_193, 0.41, f"{_LLAMA_3}, table 4: 405B on 16,384", run="Llama 3.1 405B"),
    Measured("h800", 1, 0.43, "assumed as H100", assumed=True),
    Measured(
        "tpu-v4",
        1,
        0.457,
        f"{_PALM}, 540B on 6,144: without attention, as 6·N·D counts (46.2 % with it)",
        run="PaLM 540B",
    ),
)
_GOODPUT_AT_SCALE: Final = f"{_LLAMA_3}, section 3.3.4: over 90 % effective training time on 16,384"
GOODPUT: Final = tuple(
    one
    for chip in CHIPS
    for one in (
        Measured(chip, 1, 0.95, "assumed: few interruptions on so few", assumed=True),
        Measured(
            chip,
            2_048,
            0.90,
            _GOODPUT_AT_SCALE if chip == "h100" else f"assumed as H100 ({_GOODPUT_AT_SCALE})",
            run="Llama 3.1 405B" if chip == "h100" else "",
            assumed=chip != "h100",
        ),
    )
)


def typical_mfu(chip: str, accelerators: float, *, recomputed: bool = False) -> Measured:
    """The MFU measured on a kind of accelerator at the largest scale not above this one. Raises InvalidInput."""
    return _at(MFU, chip, accelerators, recomputed=recomputed)


def typical_goodput(chip: str, accelerators: float) -> Measured:
    """The goodput of a kind of accelerator at a scale. Raises InvalidInput for a kind that nothing is known of."""
    return _at(GOODPUT, chip, accelerators, recomputed=False)


def _at(known: tuple[Measured, ...], chip: str, accelerators: float, *, recomputed: bool) -> Measured:
    if chip not in CHIPS:
        near = get_close_matches(chip, CHIPS, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"measured: {', '.join(CHIPS)}"
        raise InvalidInput(f"nothing measured is known of `{chip}` in training", hint=hint)
    mine = [one for one in known if one.chip == chip and one.recomputed == recomputed]
    if not mine:  # Only A100 was measured both ways.
        mine = [one for one in known if one.chip == chip]
    reached = [one for one in mine if one.from_accelerators <= max(1.0, accelerators)]
    return max(reached, key=lambda one: one.from_accelerators)
