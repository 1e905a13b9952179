"""What the report says of both examples: every part is there, and its numbers are the plan's."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from offtake.adapters.report.document import Figure, Table
from offtake.adapters.report.page import page_of
from offtake.adapters.report.sections.commitments import burns
from offtake.adapters.report.sections.money_waterfall import money_steps_of
from offtake.adapters.report.sections.waterfall import Step, steps_of
from reported import Reported, reported

EXAMPLES = ("company", "stargate")
BOTH = {
    "load",
    "matrix",
    "processing",
    "spend",
    "announced",
    "burn-down",
    "commitments",
    "capacity",
    "power",
    "waterfall",
    "map",
    "clause-prices",
    "assumptions",
    "numbers",
}
NEVER = re.compile(
    r"\b(duals?|lexicographic\w*|shadow price\w*|simplex|reduced costs?|infeasib\w+)\b", re.IGNORECASE
)


@pytest.fixture(params=EXAMPLES)
def one(request: pytest.FixtureRequest) -> Reported:
    return reported(request.param)


def numbers_of(one: Reported, figure: str) -> tuple[tuple[str | float | None, ...], ...]:
    return one.figure(figure).table.rows


def test_every_part_is_there(one: Reported):
    assert {figure.id for figure in one.report.figures} >= BOTH
    tables = {block.id for part in one.report.sections for block in part.blocks if isinstance(block, Table)}
    assert {"limits", "checks", "sources"} <= tables
    assert "terms" in {part.id for part in one.report.sections}


def test_the_builder_reads_of_rights_gaps_and_partners_too():
    ids = {figure.id for figure in reported("stargate").report.figures}
    assert {"refusal-1", "unmet", "partners", "money-waterfall"} <= ids


def test_each_reads_in_its_own_terms():
    company, builder = (" ".join(reported(name).report.sentences) for name in EXAMPLES)
    assert "tokens/s" in company
    assert "EUR" in company
    assert "MW" not in company
    assert "GW" in builder
    assert "USD" in builder


def test_the_first_screen_answers_in_three_sentences(one: Reported):
    assert len(one.report.sentences) == 3
    assert all(sentence.endswith(".") for sentence in one.report.sentences)
    assert one.report.labels[:2] == (
        "arithmetic checked",
        "the best case with perfect foresight, not a forecast",
    )


def test_every_figure_and_table_names_its_source(one: Reported):
    for part in one.report.sections:
        for block in part.blocks:
            if isinstance(block, (Figure, Table)):
                assert block.source.startswith("offtake, plan of “"), block.id
                assert block.source.endswith(".")


def test_words_are_plain(one: Reported):
    page = page_of(one.report)
    words = re.sub(r"<(script|style)>.*?</\1>", "", page, flags=re.DOTALL)
    assert not NEVER.findall(re.sub(r"<[^>]+>", " ", words))


def test_each_megawatt_and_each_dollar_counts_once_on_the_way_from_announced(one: Reported):
    check(steps_of(one.matter))
    check(money_steps_of(one.matter))


def check(steps: tuple[Step, ...]) -> None:
    level = 0.0
    for step in steps:
        if step.kind == "level" and level:
            assert step.amount == pytest.approx(level, rel=1e-6), step.name
        level = (
            step.amount if step.kind == "level" else level + (1 if step.kind == "more" else -1) * step.amount
        )
        assert step.cause


def test_announced_money_is_that_of_programmes_part_of_none():
    one = reported("stargate")
    first, *_, last = money_steps_of(one.matter)
    tops = [
        programme
        for programme in one.estate.programmes.values()
        if programme.part_of is None and programme.money
    ]
    assert first.amount == sum(programme.money.value * 100 for programme in tops if programme.money)
    assert last.amount == sum(row.amount_cents for row in one.plan.spend if row.kind == "capital")


def test_each_payment_counts_once_in_the_years(one: Reported):
    paid = sum(
        row.amount_cents
        for row in one.plan.spend
        if row.payer == one.plan.party and row.kind != "salvage" and row.amount_cents > 0
    )
    table = one.figure("spend").table
    per = {"thousand": 1e5, "million": 1e8, "billion": 1e11}[table.columns[2].unit.split(" ")[1]]
    assert sum(float(row[2] or 0) for row in table.rows) * per == pytest.approx(paid, rel=1e-9)


def test_client_regions_add_to_all_of_their_tokens(one: Reported):
    sums: dict[object, float] = defaultdict(float)
    for client, _, share, _ in numbers_of(one, "matrix"):
        sums[client] += float(share or 0)
    assert sums
    assert list(sums.values()) == pytest.approx([100.0] * len(sums))


def test_what_was_needed_is_taken_overflows_or_is_left():
    one = reported("stargate")
    for row in one.plan.first_refusals:
        assert row.taken_by_holder + row.taken_elsewhere <= row.needed * (1 + 1e-6)
    assert "needed, offered, taken, overflowed" in one.figure("refusal-1").title


def test_commitments_burn_down_to_what_the_plan_leaves(one: Reported):
    ends = {
        (row.clause, row.window): max(0.0, (row.lower or 0.0) - row.counted)
        for row in one.plan.meters
        if row.lower
    }
    found = burns(one.matter)
    assert found
    for burn in found:
        left = [amount for _, amount in burn.left]
        assert left == sorted(left, reverse=True)
        assert left[-1] == pytest.approx(ends[burn.clause, burn.window], rel=1e-6, abs=1e-6 * burn.committed)


def test_where_data_is_processed_adds_up_and_stays_lawful(one: Reported):
    sums: dict[object, float] = defaultdict(float)
    for traffic, data, place, share in numbers_of(one, "processing"):
        sums[traffic] += float(share or 0)
        if data == "eu":
            assert place != "anywhere in the world"
    assert list(sums.values()) == pytest.approx([100.0] * len(sums))


def test_clauses_that_were_not_solved_are_named(one: Reported):
    unsolved = {row[0] for row in numbers_of(one, "clause-prices") if row[3] == "not solved"}
    assert unsolved == set(one.extras.clauses_not_priced)


def test_estimates_are_told_from_what_was_solved(one: Reported):
    hows = [row[-1] for row in numbers_of(one, "assumptions")]
    assert {"solved again", "estimated"} == set(hows)
