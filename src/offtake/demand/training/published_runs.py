"""Training runs whose size, tokens and accelerator-hours were published, and what this model of cost makes of them.

FLOP are 6·N·D from the published N and D, never from hours. MFU and goodput are those of `utilisation` for the kind and
scale; where they were measured in the very run that is predicted, the prediction says so, since it then tells little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offtake.demand.scaling_laws.optimum import FLOP_PER_PARAMETER_AND_TOKEN
from offtake.demand.training.cost import RunCost, accelerator_hours, run_cost
from offtake.demand.training.utilisation import CHIPS, Measured, typical_goodput, typical_mfu

PUE: Final = 1.1  # Assumed where a run's publication states none.


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run as published: what is None was not. `derived` says what is no measurement, and `note` what else to know."""

    name: str
    parameters: float
    tokens: float
    chip: str
    accelerators: float | None
    hours: float
    source: str
    days: float | None = None
    energy_mwh: float | None = None
    usd: float | None = None
    pue: float = PUE
    recomputed: bool = False
    derived: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A published run and what is predicted for it; `circular` says what of it comes from the run itself."""

    run: PublishedRun
    flop: float
    mfu: Measured
    goodput: Measured
    cost: RunCost
    circular: tuple[str, ...]

    @property
    def error(self) -> float:
        """Predicted over reported hours, less one."""
        return self.cost.accelerator_hours / self.run.hours - 1.0


_LLAMA_3_CARD: Final = "Meta, Llama 3.1 model card, July 2024"
_AT_TDP: Final = "energy is hours × TDP"

# Accelerators, tokens, sequences to a batch and seconds a step of each stage; sequences have 4,096 tokens.
_NEMOTRON_STAGES: Final = (
    (1_536, 200e9, 768, 10.3),
    (3_072, 200e9, 1_536, 10.3),
    (6_144, 7_600e9, 2_304, 8.0),
)
_NEMOTRON_HOURS: Final = sum(
    count * tokens / (batch * 4_096) * seconds / 3_600 for count, tokens, batch, seconds in _NEMOTRON_STAGES
)

RUNS: Final = (
    PublishedRun(
        "Llama 3.1 8B", 8.03e9, 15e12, "h100", None, 1.46e6, _LLAMA_3_CARD,
        energy_mwh=1.46e6 * 700 / 1e6, derived=_AT_TDP, note="tokens are `15T+`; accelerators not stated",
    ),
    PublishedRun(
        "Llama 3.1 70B", 70.6e9, 15e12, "h100", None, 7.0e6, _LLAMA_3_CARD,
        energy_mwh=7.0e6 * 700 / 1e6, derived=_AT_TDP, note="tokens are `15T+`; accelerators not stated",
    ),
    PublishedRun(
        "Llama 3.1 405B", 405e9, 15.6e12, "h100", 16_384, 30.84e6,
        f"{_LLAMA_3_CARD}; arXiv:2407.21783, section 3.2 (tokens), table 4 (accelerators)",
        energy_mwh=30.84e6 * 700 / 1e6, derived=_AT_TDP, note="part of the run used fewer accelerators",
    ),
    PublishedRun(
        "Llama 2 70B", 70e9, 2.0e12, "a100", None, 1_720_320, "Touvron et al. 2023, arXiv:2307.09288, table 2",
        energy_mwh=1_720_320 * 400 / 1e6, derived=_AT_TDP, note="accelerators not stated",
    ),
    PublishedRun(
        "DeepSeek-V3", 37e9, 14.8e12, "h800", 2_048, 2.664e6,
        "DeepSeek-AI 2024, arXiv:2412.19437, table 1 and section 3.1",
        usd=5.328e6, derived="money is hours × an assumed USD 2",
        note="pre-training alone, 37 of 671 billion parameters active, in FP8 counted against the bf16 peak",
    ),
    PublishedRun(
        "PaLM 540B", 540.35e9, 780e9, "tpu-v4", 6_144, 1200 * 6144 + 336 * 3072,
        "Chowdhery et al. 2022, arXiv:2204.02311, table 1 and appendix B", days=64.0, pue=1.08,
        note="3,072 chips for 336 of 1,536 hours; hours include downtime and repeated steps",
    ),
    PublishedRun(
        "BLOOM 176B", 176.25e9, 366e9, "a100", 384, 1_082_990,
        "Luccioni, Viguier, Ligozat 2022, arXiv:2211.02001; Le Scao et al. 2022, arXiv:2211.05100",
        days=118.0, energy_mwh=433.196, pue=1.2, recomputed=True, derived=_AT_TDP,
    ),
    PublishedRun(
        "OPT-175B", 175e9, 300e9, "a100", 1_024, 33 * 24 * 1024,
        "Zhang et al. 2022, arXiv:2205.01068; metaseq chronicles, final update, January 2022",
        days=33.0, recomputed=True, derived="hours are FLOP at a rate, `assuming no hardware issues`",
    ),
    PublishedRun(
        "Falcon-180B", 180e9, 3.5e12, "a100", 4_096, 7.0e6,
        "TII and Hugging Face, model card and announcement, September 2023; Almazrouei et al. 2023, arXiv:2311.16867",
        note="`about 7,000,000 GPU hours` on up to 4,096",
    ),
    PublishedRun(
        "Nemotron-4 340B", 341e9, 8e12, "h100", 6_144, _NEMOTRON_HOURS, "NVIDIA 2024, arXiv:2406.11704, table 2",
        derived="hours are steps × seconds a step, without any interruption",
        note="1,536 and 3,072 accelerators for the first 400 billion tokens",
    ),
)  # fmt: skip


def predicted(run: PublishedRun) -> Prediction:
    """What the cost model says of a published run, from its N and D alone."""
    chip = CHIPS[run.chip]
    scale = 2_048.0 if run.accelerators is None else run.accelerators
    mfu = typical_mfu(run.chip, scale, recomputed=run.recomputed)
    goodput = typical_goodput(run.chip, scale)
    flop = FLOP_PER_PARAMETER_AND_TOKEN * run.parameters * run.tokens
    hours = accelerator_hours(flop, chip.peak_flop_per_s, mfu.share, goodput.share)
    circular = [
        f"{what} was measured in this run"
        for what, one in (("MFU", mfu), ("goodput", goodput))
        if one.run == run.name
    ]
    if run.derived:
        circular.append(f"reported {run.derived}")
    cost = run_cost(hours, run.accelerators, chip.power_w, run.pue, chip.usd_per_hour)
    return Prediction(run, flop, mfu, goodput, cost, tuple(circular))
