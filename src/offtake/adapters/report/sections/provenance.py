"""What the report rests on: terms left out, duties to ask, how the arithmetic was checked, and every source."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from offtake.adapters.report.amounts import count
from offtake.adapters.report.document import Block, Bullets, Cells, Prose, Section, Table, numbers, text
from offtake.adapters.report.matter import Matter

PLAIN: Final = {
    "row_violation": "every limit is kept",
    "column_violation": "every quantity lies within its own bounds",
    "row_dual_sign": "the worth of every limit has the right sign",
    "reduced_cost_sign": "nothing left out would have been worth taking",
    "complementarity": "only limits that bind have a worth",
    "duality_gap": "no cheaper plan exists: the bound from below meets the cost",
    "objective_stated": "the cost stated is the cost of what is ordered",
    "integrality": "what is sold whole is taken whole",
    "gap_stated_for_integers": "the proof covers the whole choices too",
}


def terms(matter: Matter) -> Section | None:
    """Terms that the agreements state and the plan leaves out, and who must be asked first."""
    blocks: list[Block] = []
    if matter.plan.unmodelled:
        blocks.append(Bullets(tuple(f"{row.term} ({row.agreement})" for row in matter.plan.unmodelled)))
    asked = tuple(
        f"{matter.party(row.who)} {'must be asked first' if row.kind == 'ask' else 'must approve first'}: "
        f"{row.clause}, for {count(row.actions)} actions"
        for row in matter.plan.obligations
    )
    if asked:
        blocks += [Prose("Before the plan can be carried out:"), Bullets(asked)]
    if not blocks:
        return None
    lead = f"{len(matter.plan.unmodelled)} terms of the agreements are not part of the arithmetic. Read them beside it."
    return Section("terms", "Terms left out", lead, tuple(blocks))


def checks(matter: Matter) -> Section:
    """The certificate in plain words."""
    certificate = matter.plan.certificate
    rows: Cells = tuple(
        (
            _plain(check.name),
            _off(check.value, check.tolerance),
            f"{100 * check.tolerance:.4g} %",
            "yes" if check.passed else "no",
        )
        for check in certificate.checks
    )
    heads = (text("what was checked"), text("off by"), text("allowed"), text("passed"))
    lead = (
        f"{len(certificate.checks)} checks passed, and {count(certificate.actions_replayed)} actions of the plan "
        "were replayed one by one through the agreements, which refused none."
    )
    meaning = (
        "“Arithmetic checked” means that code which shares nothing with the planner added the plan up again and "
        "proved that no cheaper plan exists for these inputs. It does not mean that the inputs are true: they are "
        "as true as their sources."
    )
    foresight = (
        f"The plan is {matter.plan.says}: it knows every price, delivery and need of the horizon in advance, "
        "and nobody does. What happens will cost more."
    )
    return Section(
        "checks",
        "How it was checked",
        lead,
        (
            Prose(meaning),
            Prose(foresight),
            Table("checks", "Checks of the arithmetic", matter.source(), heads, rows),
        ),
    )


def _off(value: float, tolerance: float) -> str:
    """What a check is off by, in hundredths of its size; the digits are in the plan."""
    if value == 0:
        return "nothing"
    return f"{100 * value:.2g} %" if value >= tolerance else f"less than {100 * tolerance:.4g} %"


def _plain(name: str) -> str:
    if name.endswith(" added again"):
        return f"the tables give the same {name.removesuffix(' added again')}"
    return PLAIN.get(name, name.replace("_", " "))


def sources(matter: Matter) -> Section | None:
    """Every source with how many numbers rest on it, and where."""
    used: dict[str, list[str]] = defaultdict(list)
    for path, figure in matter.figures:
        name = figure.source if figure.source and not figure.assumed else "assumed, without a source"
        used[name].append(path.split(".")[0])
    if not used:
        return None
    order = sorted(used, key=lambda name: (-len(used[name]), name))
    rows: Cells = tuple((name, ", ".join(sorted(set(used[name]))), len(used[name])) for name in order)
    heads = (text("source"), text("used in"), numbers("numbers"))
    lead = f"{len(order)} sources stand behind {count(len(matter.figures))} numbers."
    return Section(
        "sources",
        "Sources",
        lead,
        (Table("sources", "Sources of the estate's numbers", matter.source(), heads, rows, 40),),
    )
