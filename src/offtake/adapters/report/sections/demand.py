"""Where the need comes from: from loss to money for runs, from users to accelerators for traffic, link by link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from offtake.adapters.report.amounts import digits, many, power, power_scale
from offtake.adapters.report.document import Block, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    end_labels,
    plot,
    stack,
    time_axis,
)
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import SERIES
from offtake.demand.links import Link
from offtake.demand.traffic.chain import inference_chain
from offtake.demand.training.chain import TrainingChain, training_chain
from offtake.domain.workloads import InferenceClass, TrainingRun

SOURCES: Final = ("workloads.", "models.", "accelerators.", "laws.")
RUNS: Final = "training runs"
MOST_SERIES: Final = 6
OTHERS: Final = "other traffic"
_WORDS: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def demand(matter: Matter) -> Section | None:
    """What is needed before supply is chosen, and how each number of it follows; nothing where no run states a loss
    and no class its users."""
    runs = tuple(training_chain(matter.estate, id) for id in _ids(matter, TrainingRun))
    last = matter.last.begins
    classes = tuple(inference_chain(matter.estate, id, last) for id in _ids(matter, InferenceClass))
    told = [chain for chain in runs if chain.value("target loss") is not None]
    users = [chain for chain in classes if any(link.name == "users" for link in chain.links)]
    if not told and not users:
        return None
    blocks: list[Block] = []
    if matter.view == "power" and (figure := _need(matter, runs)) is not None:
        blocks.append(figure)
    if runs:
        blocks.append(_runs(matter, runs))
    if told:
        largest = max(told, key=lambda chain: chain.value("training FLOP") or 0.0)
        title = f"From loss to money, link by link: {largest.run}"
        blocks.append(_links(matter, f"demand-{largest.run}", title, largest.links))
    if users:
        widest = max(users, key=lambda chain: _value(chain.links, "users") or 0.0)
        title = f"From users to accelerators on {last.isoformat()}, link by link: {widest.workload}"
        blocks.append(_links(matter, f"demand-{widest.workload}", title, widest.links))
    lead = "What is needed before supply is chosen, and how each number follows from the one before."
    if told:
        given = "is" if len(told) == 1 else "are"
        lead += f" {many(len(told), 'run')} of {len(runs)} {given} given by the loss to reach."
    return Section("demand", "Where the need comes from", lead, tuple(blocks))


def _ids(matter: Matter, kind: type[TrainingRun | InferenceClass]) -> list[str]:
    return [id for id, one in matter.estate.workloads.items() if isinstance(one, kind)]


def _value(links: Iterable[Link], name: str) -> float | None:
    return next((link.value for link in links if link.name == name), None)


def _need(matter: Matter, runs: Sequence[TrainingChain]) -> Figure | None:
    """IT power that the need asks for in each period, on the accelerators that need least power for it."""
    parts: dict[str, dict[str, float]] = {RUNS: _power_of_runs(matter, runs)}
    for id in _ids(matter, InferenceClass):
        found = {
            period.label: _value(inference_chain(matter.estate, id, period.begins).links, "power") or 0.0
            for period in matter.plan.periods
        }
        parts[id] = found
    weight = {name: sum(values.values()) for name, values in parts.items()}
    kept = [name for name in parts if name != RUNS and weight[name] > 0]
    kept.sort(key=lambda name: -weight[name])
    shown = {RUNS: parts[RUNS], **{name: parts[name] for name in kept[: MOST_SERIES - 1]}}
    rest = kept[MOST_SERIES - 1 :]
    if rest:
        shown[OTHERS] = {label: sum(parts[name][label] for name in rest) for label in matter.labels}
    shown = {name: values for name, values in shown.items() if any(values.values())}
    if not shown:
        return None
    totals = {label: sum(values.get(label, 0.0) for values in shown.values()) for label in matter.labels}
    per, unit = power_scale(totals.values())
    scaled = {name: {k: value / per for k, value in values.items()} for name, values in shown.items()}
    drawn = {name: matter.mean(values) for name, values in scaled.items()}
    styles = {name: Style(SERIES[n % len(SERIES)]) for n, name in enumerate(scaled)}
    first, end = matter.labels[0], matter.labels[-1]
    says = (
        f"The need goes from {power(totals[first])} of IT power in {first} to {power(totals[end])} in {end}, on the "
        "accelerator that needs least power for each: traffic at its busiest typical hour, runs evenly over their "
        "windows. It is the need, and not what the plan serves."
    )
    table = Table(
        "demand-power",
        "IT power that the need asks for",
        matter.source(*SOURCES),
        (text("period"), *(numbers(name, unit, 2) for name in scaled)),
        tuple((label, *(values.get(label, 0.0) for values in scaled.values())) for label in matter.labels),
    )
    return Figure(
        "demand-power",
        "What the need asks for, before supply is chosen",
        says,
        table,
        lambda frame: _drawn(frame, matter.columns, drawn, styles, unit),
        tuple(style.legend(name) for name, style in styles.items()),
    )


def _power_of_runs(matter: Matter, runs: Sequence[TrainingChain]) -> dict[str, float]:
    """(period) mean IT power of all runs, each spread evenly over its window."""
    found = dict.fromkeys(matter.labels, 0.0)
    for chain in runs:
        run = matter.estate.workloads[chain.run]
        needed = chain.value("power")
        if not isinstance(run, TrainingRun) or needed is None:
            continue
        for period in matter.plan.periods:
            begins, ends = max(period.begins, run.window.begins), min(period.ends, run.window.ends)
            share = max((ends - begins).days, 0) / max((period.ends - period.begins).days, 1)
            found[period.label] += needed * share
    return found


def _drawn(
    frame: Frame,
    labels: Sequence[str],
    parts: dict[str, dict[str, float]],
    styles: dict[str, Style],
    unit: str,
) -> Spec:
    room = Room(right=14 if frame.narrow else 130)
    height = 240 if frame.narrow else 300
    rows, tallest = stack(labels, parts)
    top = ceiling(tallest)
    x, y = time_axis(labels, frame), amount_axis(unit, top)
    layers = columns(rows, styles, x, y)
    if not frame.narrow:
        width = frame.width - room.left - room.right
        layers.append(end_labels(rows, labels[-1], y, top, height, width))
    return plot(frame, height, room, layers)


def _runs(matter: Matter, runs: Sequence[TrainingChain]) -> Table:
    heads = [
        text("run"),
        text("target loss"),
        text("FLOP"),
        text("tokens"),
        text("accelerators"),
        numbers("MW"),
    ]
    if matter.priced:
        heads.append(numbers("to buy", f"{matter.estate.currency} million"))
    rows: list[tuple[str | float | None, ...]] = []
    for chain in runs:
        flop = chain.value("FLOP with better algorithms") or chain.value("training FLOP")
        count, buy = chain.value("accelerators"), chain.value("to buy")
        cells: tuple[str | float | None, ...] = (
            chain.run,
            _words(chain.value("target loss"), loss=True),
            "" if flop is None else f"{flop:.3g}",
            _words(chain.value("tokens")),
            "" if count is None else f"{count:,.0f} {chain.accelerator}",
            chain.value("power"),
        )
        rows.append((*cells, None if buy is None else buy / 1e6) if matter.priced else cells)
    return Table(
        "demand-runs", "Training runs, from loss to money", matter.source(*SOURCES), tuple(heads), tuple(rows)
    )


def _links(matter: Matter, id: str, title: str, links: Sequence[Link]) -> Table:
    hidden = () if matter.priced else ("to buy", "the run's part of it", "money")
    rows = tuple(
        (
            link.name,
            f"{_words(link.value, loss=link.name == 'target loss')} {link.unit}".strip(),
            link.how.replace("`", ""),
            "assumed" if link.assumed else link.source or "",
        )
        for link in links
        if link.name not in hidden
    )
    heads = (text("what"), text("how much"), text("how it follows"), text("where it is from"))
    return Table(id, title, matter.source(*SOURCES), heads, rows)


def _words(value: float | None, *, loss: bool = False) -> str:
    if value is None:
        return ""
    if loss:
        return f"{value:.5g}"
    if value >= 1e15:
        return f"{value:.3g}"
    for size, word in _WORDS:
        if value >= size * 0.9995:
            return f"{digits(value / size)} {word}"
    return digits(value)
