"""Plans for many futures as one page that needs nothing but itself, in the look of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from pathlib import Path
from typing import Final

from offtake.adapters.report.amounts import digits, many, money, money_scale, power_scale, share
from offtake.adapters.report.document import (
    Block,
    Bullets,
    Cells,
    Figure,
    Frame,
    Report,
    Section,
    Spec,
    Table,
    Tile,
    numbers,
    text,
)
from offtake.adapters.report.drawing import (
    Room,
    amount_axis,
    line,
    named_room,
    names_axis,
    plot,
    texts,
    values,
)
from offtake.adapters.report.page import page_of
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.whole_files import write_whole
from offtake.domain.recourse import OrderNow, RollingPlan, StochasticPlan
from offtake.planner.recourse.wording import amount_of, name_of, sentences_of

MOST_BARS: Final = 16
WORST: Final = 12
DECIDED, KNOWN, ONE = "blue", "grey", "amber"  # The colours of the three, wherever they are drawn.


def write_page(plan: StochasticPlan | RollingPlan, path: Path) -> Path:
    """Writes the page; the file appears whole or not at all. Raises OSError if it cannot be written."""
    return write_whole(path, page_of(page_report(plan)).encode())


def page_report(plan: StochasticPlan | RollingPlan) -> Report:
    """The page before it is rendered."""
    if isinstance(plan, StochasticPlan):
        return _of_stochastic(plan)
    of_many = None if plan.stochastic is None else _of_stochastic(plan.stochastic)
    currency, count = plan.currency, len(plan.days)
    beyond = plan.rolled_cents - plan.known_cents
    sentences = (
        (
            f"Deciding {count} times, as more becomes known, costs {plan.party} {money(plan.rolled_cents, currency)} "
            f"in the mean of {plan.compared} futures, discounted: {money(beyond, currency)} more than knowing each "
            "future from the start."
        ),
        f"Every decision is {plan.says}.",
    )
    return Report(
        title=f"{plan.estate}: decided again and again",
        subtitle=f"for {plan.party} · {plan.begins.isoformat()} to {plan.ends.isoformat()}",
        labels=(plan.known_says,)
        if plan.finished
        else (plan.known_says, "interrupted: futures finished by then"),
        sentences=sentences if of_many is None else (*sentences, *of_many.sentences),
        tiles=(
            Tile("Deciding again", money(plan.rolled_cents, currency), f"{count} decisions, mean of futures"),
            Tile("Known from the start", money(plan.known_cents, currency), "optimistic"),
            Tile("Deciding once", money(plan.once_cents, currency), "holding to every order"),
        ),
        sections=(_rolled(plan), *(() if of_many is None else of_many.sections)),
        facts={"inputs": "many futures", "source": _source(plan)},
    )


def _of_stochastic(plan: StochasticPlan) -> Report:
    currency = plan.currency
    gained = (
        "what was not reached"
        if plan.stochastic_cents is None and not plan.one_future_cannot
        else f"more than can be said: its orders cannot be carried out in {many(len(plan.one_future_cannot), 'future')}"
        if plan.stochastic_cents is None
        else money(plan.stochastic_cents, currency)
    )
    sentences = (
        (
            f"Orders before {plan.rule.decided_until.isoformat()} are decided now for "
            f"{many(len(plan.futures), 'future')}: they cost {plan.party} "
            f"{money(plan.mean_cents, currency)} in the mean, discounted{_not_paid(plan)}."
        ),
        (
            f"Deciding for all of them, instead of one, gains {gained}; knowing the future would be worth "
            f"{money(plan.information_cents, currency)} at most."
        ),
    )
    tiles = [
        Tile("Mean cost", money(plan.mean_cents, currency), f"of {len(plan.futures)} futures, discounted"),
        Tile(
            f"Worst {share(1 - plan.rule.level)}", money(plan.worst_mean_cents, currency), "their mean cost"
        ),
        Tile("Knowing the future", money(plan.information_cents, currency), "is worth so much, at most"),
    ]
    if plan.stochastic_cents is not None:
        tiles.append(
            Tile("Deciding for all", money(plan.stochastic_cents, currency), "gained over one future's plan")
        )
    return Report(
        title=f"{plan.estate}: today's orders for many futures",
        subtitle=f"for {plan.party} · {plan.begins.isoformat()} to {plan.ends.isoformat()}",
        labels=("arithmetic checked", plan.says)
        if plan.finished
        else ("interrupted: the best so far", plan.says),
        sentences=sentences,
        tiles=tuple(tiles),
        sections=tuple(
            part for part in (_now(plan), _later(plan), _worth(plan), _futures(plan)) if part is not None
        ),
        facts={"inputs": "many futures", "source": _source(plan)},
    )


def _not_paid(plan: StochasticPlan) -> str:
    if abs(plan.not_paid_cents) <= 1e-3 * abs(plan.mean_cents):
        return ""
    return (
        f"; {money(plan.not_paid_cents, plan.currency)} of it is the price put on money that nobody promised"
    )


def _source(plan: StochasticPlan | RollingPlan) -> str:
    return f"offtake, {plan.estate}, {len(plan.futures)} futures"


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of a drawing: a span, and dots of a colour on it."""

    name: str
    low: float
    high: float
    dots: tuple[tuple[str, float], ...]  # (colour, at)
    label: str = ""


def spans(frame: Frame, marks: Sequence[Mark], unit: str, *, from_zero: bool = True) -> Spec:
    """Rows of spans with dots on them, each labelled at its right end."""
    room = named_room(frame, [one.name for one in marks], [one.label for one in marks])
    ends = [at for one in marks for at in (one.low, one.high, *(dot for _, dot in one.dots))]
    high, low = max(ends), (0.0 if from_zero else min(ends))
    edge = 0.04 * (high - low or abs(high) or 1.0)
    y = names_axis([one.name for one in marks], room)
    y["axis"] = {
        "title": None,
        "domain": False,
        "labelLimit": room.left - 18,
        "labelColor": LIGHT["ink"],
        "labelPadding": 12,
    }
    ticks = 3 if frame.narrow else 5
    x = amount_axis(unit, high + edge, "x", 0.0 if from_zero else low - edge, ticks)
    layers: list[Spec] = [
        {
            "data": values({"name": one.name, "from": one.low, "to": one.high} for one in marks),
            "mark": {"type": "rule", "color": LIGHT["grey"], "strokeWidth": 3, "opacity": 0.55},
            "encoding": {"y": y, "x": {**x, "field": "from"}, "x2": {"field": "to"}},
        }
    ]
    for colour in dict.fromkeys(colour for one in marks for colour, _ in one.dots):
        dots = [{"name": one.name, "to": at} for one in marks for name, at in one.dots if name == colour]
        layers.append(
            {
                "data": values(dots),
                "mark": {"type": "point", "filled": True, "size": 105, "opacity": 1, "color": LIGHT[colour]},
                "encoding": {"y": y, "x": x},
            }
        )
    labels = [
        {"name": one.name, "to": max([one.high, *(at for _, at in one.dots)]), "label": one.label}
        for one in marks
    ]
    layers.append(texts(labels, x, y, align="left", dx=10, baseline="middle"))
    return plot(frame, 28 * len(marks), room, layers)


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Orders of one thing over the periods that are decided now."""

    name: str
    decided: float
    one: float
    least: float
    middle: float
    most: float
    power_mw: float


def _by_thing(orders: Sequence[OrderNow]) -> list[_Amounts]:
    groups: dict[tuple[str, str], list[OrderNow]] = {}
    for row in orders:
        groups.setdefault((row.thing.kind, row.thing.supply), []).append(row)
    return [
        _Amounts(
            name_of(rows[0].thing),
            sum(row.quantity for row in rows),
            sum(row.in_one_future for row in rows),
            sum(row.known_least for row in rows),
            sum(row.known_middle for row in rows),
            sum(row.known_most for row in rows),
            rows[0].thing.power_mw_per_unit,
        )
        for rows in groups.values()
    ]


def _now(plan: StochasticPlan) -> Section:
    blocks: list[Block] = [Bullets(sentences_of(plan)[:MOST_BARS])]
    things = [one for one in _by_thing(plan.orders) if max(one.decided, one.one, one.most) > 0]
    powered = [one for one in things if one.power_mw > 0]
    if powered:
        blocks.append(_drawn(plan, powered))
    if plan.orders:
        blocks.append(_orders_table(plan))
    until = plan.rule.decided_until.isoformat()
    return Section("now", "What to order now", f"Orders of periods that begin before {until}.", tuple(blocks))


def _drawn(plan: StochasticPlan, powered: Sequence[_Amounts]) -> Figure:
    per, unit = power_scale(max(one.most, one.decided, one.one) * one.power_mw for one in powered)
    ranked = sorted(powered, key=lambda one: (-max(one.decided, one.most) * one.power_mw, one.name))

    def at(one: _Amounts, amount: float) -> float:
        return amount * one.power_mw / per

    marks = [
        Mark(
            one.name,
            at(one, one.least),
            at(one, one.most),
            ((KNOWN, at(one, one.middle)), (ONE, at(one, one.one)), (DECIDED, at(one, one.decided))),
            f"{digits(at(one, one.decided))} {unit}" if one.decided else "none",
        )
        for one in ranked[:MOST_BARS]
    ]
    cells: Cells = tuple(
        (one.name, *(at(one, amount) for amount in (one.decided, one.one, one.least, one.middle, one.most)))
        for one in ranked
    )
    heads = (
        text("what"),
        numbers("ordered now", unit, 3),
        numbers("in the plan for one future", unit, 3),
        numbers("least of known futures", unit, 3),
        numbers("middle", unit, 3),
        numbers("most", unit, 3),
    )
    return Figure(
        "orders-now",
        "Ordered now, and what each future would order if it were known",
        "Spans run from the least to the most that any future would order by then; what is ordered now suits all.",
        Table("orders-now", "Orders by what is ordered", _source(plan), heads, cells),
        lambda frame: spans(frame, marks, unit),
        (
            ("ordered now", DECIDED, "dot"),
            ("in the plan for one future", ONE, "dot"),
            ("middle of the futures, each known", KNOWN, "dot"),
        ),
    )


def _orders_table(plan: StochasticPlan) -> Table:
    heads = (
        text("what"),
        text("in"),
        text("serves from"),
        text("unit"),
        numbers("ordered now", "", 2),
        numbers("for one future", "", 2),
        numbers("known: least", "", 2),
        numbers("middle", "", 2),
        numbers("most", "", 2),
    )
    cells: Cells = tuple(
        (
            name_of(one.thing),
            one.period,
            one.serves_from.isoformat(),
            one.thing.unit,
            one.quantity,
            one.in_one_future,
            one.known_least,
            one.known_middle,
            one.known_most,
        )
        for one in plan.orders
    )
    return Table("orders-by-period", "Orders by period", _source(plan), heads, cells, 12)


def _later(plan: StochasticPlan) -> Section | None:
    if not plan.later:
        return None
    ranked = sorted(plan.later, key=lambda one: (one.probability >= 1, one.by, -one.probability))
    marks = [
        Mark(
            f"{name_of(one.thing)} · {one.period}",
            0.0,
            one.probability * 100,
            ((DECIDED if one.probability < 1 else KNOWN, one.probability * 100),),
            f"up to {amount_of(one.thing, one.most, short=True)}",
        )
        for one in ranked[:MOST_BARS]
    ]
    heads = (
        text("what"),
        text("until"),
        text("then serves from"),
        numbers("futures that take it", "%", 1),
        text("unit"),
        numbers("middle of those", "", 2),
        numbers("most", "", 2),
    )
    cells: Cells = tuple(
        (
            name_of(one.thing),
            one.period,
            one.serves_from.isoformat(),
            one.probability * 100,
            one.thing.unit,
            one.middle,
            one.most,
        )
        for one in ranked
    )
    figure = Figure(
        "options",
        "What is left open, and until when",
        "How many futures order it later. The period is the first in which any does: by then it must be taken.",
        Table("options", "Later orders", _source(plan), heads, cells),
        lambda frame: spans(frame, marks, "% of futures"),
        (
            ("an option: some futures take it", DECIDED, "dot"),
            ("every future does, in the end", KNOWN, "dot"),
        ),
    )
    options = sum(one.probability < 1 for one in plan.later)
    sure = len(plan.later) - options
    lead = f"{many(options, 'option')} to keep; {many(sure, 'thing')} ordered later in every future."
    return Section("later", "What to keep open", lead, (figure,))


def _worth(plan: StochasticPlan) -> Section:
    rows: list[tuple[str, int, int, int]] = [
        ("each future known before", plan.known_cents, plan.known_cents, plan.known_cents),
        ("today's orders, for all futures", plan.weighed_cents, plan.at_least_cents, plan.weighed_cents),
    ]
    if plan.one_future_cents is not None:
        cents = plan.one_future_cents
        rows.append(("orders of the plan for one future", cents, cents, cents))
    if plan.fresh is not None:
        fresh = plan.fresh
        rows.append(
            (
                f"today's orders, {fresh.count} fresh futures",
                fresh.mean_cents,
                fresh.low_cents,
                fresh.high_cents,
            )
        )
    per, unit = money_scale((row[1] for row in rows), plan.currency)
    colours = (KNOWN, DECIDED, ONE, DECIDED)
    if plan.one_future_cents is None:
        colours = (KNOWN, DECIDED, DECIDED, DECIDED)
    decimals = _decimals([row[1] / per for row in rows])
    marks = [
        Mark(name, low / per, high / per, ((colour, middle / per),), f"{middle / per:,.{decimals}f}")
        for (name, middle, low, high), colour in zip(rows, colours, strict=False)
    ]
    cells: Cells = tuple((name, low / per, middle / per, high / per) for name, middle, low, high in rows)
    heads = (text("what"), numbers("low", unit, 4), numbers("mean", unit, 4), numbers("high", unit, 4))
    figure = Figure(
        "worth",
        "What it costs to know less",
        "Dots are means over futures; the span of fresh futures holds the true mean in 95 of 100 samples.",
        Table("worth", "Means over futures", _source(plan), heads, cells, 8),
        lambda frame: spans(frame, marks, unit, from_zero=False),
    )
    lead = f"Knowing the future is worth {money(plan.information_cents, plan.currency)} at most."
    if plan.stochastic_cents is not None:
        lead += f" Deciding for all futures gains {money(plan.stochastic_cents, plan.currency)}."
    elif plan.one_future_cannot:
        lead += f" The plan for one future cannot be carried out in {len(plan.one_future_cannot)} of them."
    return Section("worth", "What deciding so is worth", lead, (figure,))


def _decimals(amounts: Sequence[float]) -> int:
    """Digits after the point that tell the amounts apart."""
    spread = max(amounts) - min(amounts)
    return 2 if spread <= 0 else max(2, min(6, 2 - floor(log10(spread))))


def _futures(plan: StochasticPlan) -> Section:
    ranked = sorted(plan.futures, key=lambda one: (-one.regret_cents, one.name))
    per, unit = money_scale((one.weighed_cents for one in plan.futures), plan.currency)
    heads = (
        text("future"),
        text("what it brings"),
        numbers("likely", "%", 2),
        numbers("costs", unit, 3),
        numbers("of it unmet need", unit, 3),
        numbers("funding gap", unit, 3),
        numbers("if known", unit, 3),
        numbers("regret", unit, 3),
    )
    cells: Cells = tuple(
        (
            one.name,
            one.about,
            one.probability * 100,
            one.weighed_cents / per,
            one.unmet_worth_cents / per,
            one.gap_cents / per,
            one.known_cents / per,
            one.regret_cents / per,
        )
        for one in ranked
    )
    table = Table("futures", "Every future, those first that regret most", _source(plan), heads, cells, WORST)
    blocks: tuple[Block, ...] = (table,)
    if len(plan.futures) > 1:
        blocks = (_distribution(plan, per, unit), table)
    worst = ranked[0]
    lead = (
        f"Today's orders are regretted most in {worst.name}"
        f"{f' ({worst.about})' if worst.about else ''}: by {money(worst.regret_cents, plan.currency)}."
    )
    return Section("futures", "The futures", lead, blocks)


def _distribution(plan: StochasticPlan, per: float, unit: str) -> Figure:
    sides = (
        (
            "today's orders",
            DECIDED,
            sorted((one.weighed_cents / per, one.probability) for one in plan.futures),
        ),
        ("if it were known", KNOWN, sorted((one.known_cents / per, one.probability) for one in plan.futures)),
    )
    costs = [cost for _, _, rows in sides for cost, _ in rows]
    edge = 0.04 * (max(costs) - min(costs) or 1.0)

    def draw(frame: Frame) -> Spec:
        y = amount_axis(unit, max(costs) + edge, "y", min(costs) - edge)
        x: Spec = {
            "field": "x",
            "type": "quantitative",
            "scale": {"domain": [0, 100], "nice": False},
            "axis": {"title": "% of futures", "titleAnchor": "end", "grid": False, "tickCount": 5},
        }
        layers: list[Spec] = []
        for _, colour, rows in reversed(sides):
            reached, points = 0.0, list[dict[str, object]]()
            for cost, chance in rows:
                points += [{"x": reached * 100, "to": cost}, {"x": (reached + chance) * 100, "to": cost}]
                reached += chance
            layers.append(line(points, x, y, colour))
        return plot(frame, 230, Room(bottom=44), layers)

    heads = (numbers("share of futures", "%", 2), *(numbers(name, unit, 3) for name, _, _ in sides))
    reached, cells = 0.0, list[tuple[float, float, float]]()
    for (decided, chance), (known, _) in zip(sides[0][2], sides[1][2], strict=True):
        reached += chance
        cells.append((reached * 100, decided, known))
    return Figure(
        "costs",
        "Cost over the futures",
        "Futures in the order of their cost: so many cost no more than that.",
        Table("costs", "Costs in rising order", _source(plan), heads, tuple(cells), 12),
        draw,
        tuple((name, colour, "line") for name, colour, _ in sides),
    )


def _rolled(plan: RollingPlan) -> Section:
    rows: list[tuple[str, str, int | None]] = [
        ("known from the start", KNOWN, plan.known_cents),
        ("again, from the orders for many futures", DECIDED, plan.stochastic_cents),
        ("again, each time for one future", ONE, plan.rolled_cents),
        ("once, holding to every order", "vermilion", plan.once_cents),
    ]
    found = [(name, colour, cents) for name, colour, cents in rows if cents is not None]
    per, unit = money_scale((cents for _, _, cents in found), plan.currency)
    decimals = _decimals([cents / per for _, _, cents in found])
    marks = [
        Mark(
            name,
            plan.known_cents / per,
            cents / per,
            ((colour, cents / per),),
            f"{cents / per:,.{decimals}f}",
        )
        for name, colour, cents in found
    ]
    figure = Figure(
        "ways",
        "What it costs to know less",
        "Spans run from what knowing each future from the start would cost.",
        Table(
            "ways",
            f"Means of {plan.compared} futures",
            _source(plan),
            (text("deciding"), numbers("mean cost", unit, 4), numbers("beyond knowing", unit, 4)),
            tuple((name, cents / per, (cents - plan.known_cents) / per) for name, _, cents in found),
            8,
        ),
        lambda frame: spans(frame, marks, unit, from_zero=False),
    )
    orders = Table(
        "orders-rolled",
        "What is ordered at each decision",
        _source(plan),
        (
            text("on"),
            text("what"),
            text("unit"),
            numbers("futures that order it", "%", 1),
            numbers("least", "", 2),
            numbers("middle", "", 2),
            numbers("most", "", 2),
        ),
        tuple(
            (
                one.on.isoformat(),
                name_of(one.thing),
                one.thing.unit,
                one.probability * 100,
                one.least,
                one.middle,
                one.most,
            )
            for one in plan.orders
        ),
        16,
    )
    days = ", ".join(day.isoformat() for day in plan.days)
    return Section("rolling", "Deciding again and again", f"It is decided on {days}.", (figure, orders))
