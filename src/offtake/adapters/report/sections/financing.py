"""Is the money there: sources and uses, from announced to drawn, debt and its cover, the gap, and what comes back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from offtake.adapters.report.amounts import listed, money, money_scale, share
from offtake.adapters.report.document import (
    Block,
    Cells,
    Figure,
    Frame,
    Prose,
    Section,
    Spec,
    Table,
    numbers,
    text,
)
from offtake.adapters.report.drawing import (
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    end_labels,
    line,
    named_room,
    names_axis,
    plot,
    stack,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, column_of
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.report.sections.financing_steps import steps_to_paid
from offtake.adapters.report.sections.waterfall import draw_steps
from offtake.planner.finance.statements import MICROS_PER_CENT, Accounts, PeriodAccount, accounts_of
from offtake.planner.finance.summary import Summary, summary_of

GAP: Final = "nobody has promised"
OWN: Final = "its own receipts"
STYLES: Final[Mapping[str, Style]] = {
    OWN: Style("grey"),
    "equity": Style("blue"),
    "debt": Style("amber"),
    "paid ahead by customers": Style("green"),
    GAP: Style("vermilion"),
}
STEPS_LEGEND: Final = (
    ("a level", "blue", "fill"),
    ("not there", "vermilion", "light"),
    ("added", "green", "light"),
    (GAP, "vermilion", "fill"),
)
DENSE: Final = 16


def financing(matter: Matter) -> Section | None:
    """The money of the borrowers that the estate states; None without any, or without prices."""
    if not matter.priced or not matter.plan.finance:
        return None
    blocks: list[Block] = []
    leads: list[str] = []
    for borrower in matter.plan.finance:
        accounts = accounts_of(matter.plan, borrower)
        summary = summary_of(matter.plan, accounts)
        leads.append(_lead(matter, accounts, summary))
        blocks += _blocks(matter, accounts, summary)
    blocks.append(Prose(_caution(matter)))
    return Section("financing", "Is the money there?", " ".join(leads), tuple(blocks))


def _blocks(matter: Matter, accounts: Accounts, summary: Summary) -> list[Block]:
    several = len(matter.plan.finance) > 1
    one = _Borrower(matter, accounts, summary, f"-{accounts.borrower.party}" if several else "")
    found: list[Block] = [one.paid_by(), one.steps(), one.sources_and_uses()]
    if any(period.debt for period in accounts.periods):
        found.append(one.debt())
    if any(period.cover is not None for period in accounts.periods):
        found.append(one.cover())
    return [*found, one.returns()]


def _cents(micros: float) -> float:
    return micros / MICROS_PER_CENT


def _lead(matter: Matter, accounts: Accounts, summary: Summary) -> str:
    """What is built, what of the promises is drawn, and what nobody has promised from when on."""
    currency = accounts.currency
    name = matter.party(accounts.borrower.party)
    built = money(_cents(summary.uses["capital"]), currency)
    drawn = money(_cents(sum(accounts.drawn_by_source.values())), currency)
    promised = money(_cents(summary.committed), currency)
    said = (
        f"{name[:1].upper()}{name[1:]} builds for {built}. Of {promised} that was promised, {drawn} is drawn"
    )
    if summary.gap:
        return f"{said}; {money(_cents(summary.gap), currency)} nobody has promised, from {summary.gap_opens} on."
    return f"{said}, and no gap opens: the rest is paid out of what it receives."


def _caution(matter: Matter) -> str:
    """What the accounts leave out, and which promises are assumed."""
    taxed = all(one.tax for one in matter.plan.finance)
    said = "" if taxed else "All is before tax. "
    said += (
        "Worths and rates count what assets and debt are at the horizon's end; a plan is the best case with "
    )
    said += "perfect foresight, and its lenders and owners have none."
    assumed = [terms.id for one in matter.plan.finance for terms in one.sources if terms.assumed]
    waiting = [f"{t.id} for {t.waits_for}" for one in matter.plan.finance for t in one.sources if t.waits_for]
    if assumed:
        said += f" Assumed, not reported: {listed(assumed, 8)}."
    if waiting:
        said += f" Waiting for what does not happen in this plan: {listed(waiting, 8)}."
    return said


class _Borrower:
    """One borrower's figures and tables."""

    def __init__(self, matter: Matter, accounts: Accounts, summary: Summary, suffix: str) -> None:
        self.matter, self.accounts, self.summary, self.suffix = matter, accounts, summary, suffix
        self.currency = accounts.currency
        self.party = matter.party(accounts.borrower.party)
        self.source = matter.source(f"finance.{accounts.borrower.party}.")

    def paid_by(self) -> Figure:
        """Each period's payments by where the money for them comes from."""
        parts: dict[str, dict[str, float]] = {name: defaultdict(float) for name in STYLES}
        for one in self.accounts.periods:
            at = column_of(one.period.label)
            paid = one.uses + one.tax
            brought = {"equity": one.equity, "debt": one.drawn, "paid ahead by customers": one.paid_ahead}
            for name, amount in {**brought, GAP: one.gap}.items():
                parts[name][at] += _cents(amount)
            parts[OWN][at] += _cents(max(paid - sum(brought.values()) - one.gap, 0))
        shown = {name: dict(found) for name, found in parts.items() if any(found.values())}
        totals = (sum(found.get(at, 0.0) for found in shown.values()) for at in self.matter.columns)
        per, unit = money_scale(totals, self.currency)
        scaled = {name: {at: cents / per for at, cents in found.items()} for name, found in shown.items()}
        says = f"Each column is all that {self.party} pays, coloured by where the money comes from."
        if self.summary.gap_opens is not None:
            says += f" From {self.summary.gap_opens} on some of it comes from nobody."
        cells: Cells = tuple(
            (at, name, amount)
            for at in self.matter.columns
            for name in scaled
            if (amount := scaled[name].get(at))
        )
        title = f"What {self.party} pays, and with whose money"
        columns_ = (text("period"), text("money"), numbers("paid", unit, 3))
        return Figure(
            f"paid-with{self.suffix}",
            title,
            says,
            Table(f"paid-with{self.suffix}", title, self.source, columns_, cells),
            lambda frame: _stacked(frame, self.matter.columns, scaled, unit),
            tuple(STYLES[name].legend(name) for name in scaled),
        )

    def steps(self) -> Figure:
        """From announced to committed to drawn to paid."""
        steps = steps_to_paid(self.matter, self.accounts, self.summary)
        per, unit = money_scale((step.amount for step in steps), self.currency)
        cells: Cells = tuple(
            (step.name, (-1 if step.kind == "less" else 1) * step.amount / per, step.cause) for step in steps
        )
        drawn = _cents(sum(self.accounts.drawn_by_source.values()))
        paid = steps[-1].amount
        says = f"Of {money(paid, self.currency)} that is paid over the horizon, {money(drawn, self.currency)} is drawn "
        says += "from those who promised it."
        return Figure(
            f"promised{self.suffix}",
            "From announced to committed to drawn",
            says,
            Table(
                f"promised{self.suffix}",
                "From announced to committed to drawn, over the horizon",
                self.source,
                (text("step"), numbers("money", unit, 3), text("cause")),
                cells,
            ),
            lambda frame: draw_steps(frame, steps, per, unit, lambda cents: money(cents, self.currency)),
            STEPS_LEGEND,
            open=True,
        )

    def sources_and_uses(self) -> Figure:
        """Two lists of bars that add up to the same."""
        sides = (("from", self.summary.sources, "blue"), ("for", self.summary.uses, "amber"))
        rows = [
            (
                f"{'' if side == 'from' else 'for '}{name}",
                _cents(amount),
                "vermilion" if "gap" in name else colour,
            )
            for side, amounts, colour in sides
            for name, amount in amounts.items()
            if amount > MICROS_PER_CENT
        ]
        per, unit = money_scale((amount for _, amount, _ in rows), self.currency)
        whole = _cents(sum(self.summary.sources.values()))
        cells: Cells = tuple(
            (side, name, _cents(amount) / per)
            for side, amounts, _ in sides
            for name, amount in amounts.items()
        )
        return Figure(
            f"sources-uses{self.suffix}",
            "Sources and uses over the horizon",
            f"Both sides come to {money(whole, self.currency)}.",
            Table(
                f"sources-uses{self.suffix}",
                "Sources and uses over the horizon",
                self.source,
                (text("side"), text("what"), numbers("money", unit, 3)),
                cells,
            ),
            lambda frame: _bars(frame, rows, per, unit, self.currency),
            (
                ("where it comes from", "blue", "fill"),
                ("what it is for", "amber", "fill"),
                (GAP, "vermilion", "fill"),
            ),
        )

    def debt(self) -> Figure:
        """What is owed at the end of each period."""
        owed = self.matter.lasting({one.period.label: _cents(one.debt) for one in self.accounts.periods})
        per, unit = money_scale(owed.values(), self.currency)
        most = max(owed, key=lambda at: owed[at])
        cells: Cells = tuple((at, owed.get(at, 0.0) / per) for at in self.matter.columns)
        scaled = {"debt": {at: cents / per for at, cents in owed.items()}}
        last = owed.get(self.matter.columns[-1], 0.0)
        says = f"Debt is highest in {most}: {money(owed[most], self.currency)}. "
        says += (
            f"{money(last, self.currency)} of it is left at the horizon's end."
            if last
            else "All of it is repaid."
        )
        return Figure(
            f"debt{self.suffix}",
            "Debt outstanding at the end of each period",
            says,
            Table(
                f"debt{self.suffix}",
                "Debt outstanding at the end of each period",
                self.source,
                (text("period"), numbers("debt", unit, 3)),
                cells,
            ),
            lambda frame: _stacked(frame, self.matter.columns, scaled, unit, named=False),
        )

    def cover(self) -> Figure:
        """Operating cash over debt service, beside what lenders ask for."""
        found = _covers(self.accounts.periods)
        asked = self.accounts.borrower.dscr
        covenant = None if asked is None else float(asked)
        says = "How many times the cash of operation covers interest and what amortises"
        says += "." if covenant is None else f"; lenders ask for {covenant:.2f}, once repayment has begun."
        if self.summary.least_cover is not None:
            value, when = self.summary.least_cover
            says += f" The least is {float(value):.2f}, in {when}."
        cells: Cells = tuple(found.items())
        return Figure(
            f"cover{self.suffix}",
            "Cover of the debt service",
            says,
            Table(
                f"cover{self.suffix}",
                "Cover of the debt service by period",
                self.source,
                (text("period"), numbers("operating cash over debt service", "", 2)),
                cells,
            ),
            lambda frame: _cover(frame, self.matter.columns, found, covenant),
        )

    def returns(self) -> Table:
        """What the project and its owners have of it."""
        summary, rows = self.summary, list[tuple[str, str]]()
        rows.append(("worth of the project", money(_cents(summary.project_worth), self.currency)))
        rows.append(("its internal rates", listed(share(one) for one in summary.project_rates) or "none"))
        rows.append(("worth to the owners", money(_cents(summary.owners_worth), self.currency)))
        rows.append(("their internal rates", listed(share(one) for one in summary.owners_rates) or "none"))
        years = summary.paid_back_years
        rows.append(("paid back after", "not within the horizon" if years is None else f"{years:.1f} years"))
        rows.append(("equity at risk", money(_cents(summary.at_risk), self.currency)))
        if summary.break_even is not None:
            words = (
                f"{share(float(summary.break_even))} of the receipts: so far may rent times utilisation fall"
            )
            rows.append(("debt service is just met with", words))
        return Table(
            f"returns{self.suffix}",
            f"What comes back, discounted at {share(self.matter.plan.discount_per_year)} a year",
            self.source,
            (text("what"), text("comes to")),
            tuple(rows),
        )


def _covers(periods: tuple[PeriodAccount, ...]) -> dict[str, float]:
    """Cover by column: operating cash of its days over their debt service."""
    cash: dict[str, int] = defaultdict(int)
    service: dict[str, int] = defaultdict(int)
    for one in periods:
        if one.debt_service:
            cash[column_of(one.period.label)] += one.operating_cash
            service[column_of(one.period.label)] += one.debt_service
    return {at: cash[at] / service[at] for at in service}


def _stacked(
    frame: Frame,
    labels: list[str],
    parts: Mapping[str, Mapping[str, float]],
    unit: str,
    *,
    named: bool = True,
) -> Spec:
    wide = not frame.narrow and named
    room = Room(right=190 if wide else 14)
    height = 230 if frame.narrow else 280
    rows, tallest = stack(labels, parts)
    top = ceiling(tallest * 1.04)
    x, y = time_axis(labels, frame), amount_axis(unit, top)
    layers = columns(rows, STYLES, x, y, dense=len(labels) > DENSE and frame.narrow)
    if wide:
        layers.append(
            end_labels(rows, _fullest(labels, parts), y, top, height, frame.width - room.left - room.right)
        )
    return plot(frame, height, room, layers)


def _fullest(labels: list[str], parts: Mapping[str, Mapping[str, float]]) -> str:
    """The last column, beside which series are named."""
    return next((at for at in reversed(labels) if any(found.get(at) for found in parts.values())), labels[-1])


def _bars(frame: Frame, rows: list[tuple[str, float, str]], per: float, unit: str, currency: str) -> Spec:
    names = [name for name, _, _ in rows]
    labels = [money(amount, currency) for _, amount, _ in rows]
    room = named_room(frame, names, labels)
    top = ceiling(max(amount for _, amount, _ in rows) / per)
    y = names_axis(names, room)
    x = {**amount_axis(unit, top, "x", ticks=2 if frame.narrow else 5), "field": "zero"}
    data = [
        {"name": name, "zero": 0.0, "to": amount / per, "colour": LIGHT[colour], "label": label}
        for (name, amount, colour), label in zip(rows, labels, strict=True)
    ]
    fill: Spec = {"field": "colour", "type": "nominal", "scale": None}
    bars: Spec = {
        "data": values(data),
        "mark": {"type": "bar"},
        "encoding": {"y": y, "x": x, "x2": {"field": "to"}, "fill": fill},
    }
    words = texts(data, {**x, "field": "to"}, y, align="left", dx=6, baseline="middle")
    return plot(frame, 28 * len(rows), room, [bars, words])


def _cover(frame: Frame, labels: list[str], found: Mapping[str, float], covenant: float | None) -> Spec:
    room = Room(right=14 if frame.narrow else 110)
    shown = {at: value for at, value in found.items() if value >= 0}
    highest = max((*shown.values(), covenant or 0.0, 1.0))
    usual = sorted(shown.values())[len(shown) // 2] if shown else 1.0
    top = ceiling(min(highest, 4 * max(usual, covenant or 1.0)) * 1.05)
    x, y = time_axis(labels, frame), amount_axis("times", top)
    data = [{"x": at, "to": min(value, top)} for at, value in shown.items()]
    layers: list[Spec] = [
        line(data, x, y, "blue"),
        {
            "data": values(data),
            "mark": {"type": "circle", "size": 34, "color": LIGHT["blue"], "opacity": 1},
            "encoding": {"x": x, "y": y},
        },
    ]
    if covenant is not None:
        rule = [{"x": labels[-1], "to": covenant, "label": f"lenders ask {covenant:.2f}"}]
        layers.insert(
            0,
            {
                "data": values(rule),
                "mark": {
                    "type": "rule",
                    "color": LIGHT["vermilion"],
                    "strokeWidth": 1.5,
                    "strokeDash": [5, 3],
                },
                "encoding": {"y": y},
            },
        )
        if not frame.narrow:
            width = frame.width - room.left - room.right
            layers.append(texts(rule, {"value": width + 8}, y, align="left", baseline="middle"))
    return plot(frame, 180 if frame.narrow else 210, room, layers)
