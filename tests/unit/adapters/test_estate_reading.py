"""Entries that are not well formed: every one is told at once, at its place, in the words of the author."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.adapters.estate_yaml import (
    Loaded,
    Problem,
    Problems,
    load_estate_text,
    problem_lines,
    problem_records,
)
from offtake.domain.estate import Site, TokensByUse
from offtake.domain.quantities import parse_dated

HEAD = "offtake: 1\nhorizon: {from: 2026-01-01, until: 2028-01-01}\n"


def loaded(text: str) -> Loaded:
    found = load_estate_text(HEAD + text, "e.yaml")
    assert isinstance(found, Loaded), problem_lines(found.problems)
    return found


def errors(text: str, head: str = HEAD) -> tuple[Problem, ...]:
    found = load_estate_text(head + text, "e.yaml")
    assert isinstance(found, Problems)
    return found.errors


def test_all_problems_come_at_once_each_at_its_place() -> None:
    text = """\
offtake: 1
horizn: {from: 2026-01-01, until: 2028-01-01}
regions:
  no-1: {jurisdiction: NOR}
sites:
  abilene:
    staus: x
    status: energized
    energy_price: 12 USD
  b:
    region: no-1
    power: [{valu: 12 MW}]
workloads:
  t: {kind: trainin}
  u: {kind: training, window: {from: 2026-01-32}}
  v: {}
"""
    found = {(p.path, p.code, p.line, p.column, p.suggestion) for p in errors(text, head="")}
    assert found == {
        ("horizon", "missing", 1, 1, None),
        ("horizn", "unknown-key", 2, 1, "horizon"),
        ("regions.no-1.jurisdiction", "form", 4, 24, None),
        ("sites.abilene.region", "missing", 6, 3, None),
        ("sites.abilene.staus", "unknown-key", 7, 5, "status"),
        ("sites.abilene.status", "unknown-word", 8, 13, "energised"),
        ("sites.abilene.energy_price", "quantity", 9, 19, None),
        ("sites.b.power[0].value", "missing", 12, 13, None),
        ("sites.b.power[0].valu", "unknown-key", 12, 14, "value"),
        ("workloads.t", "unknown-kind", 14, 3, "training"),
        ("workloads.u.window.until", "missing", 15, 23, None),
        ("workloads.u.window.from", "type", 15, 38, None),
        ("workloads.v", "missing-kind", 16, 3, None),
    }


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("sites: {s: {region: r, power: 5 MW, pue: about one}}", "sites.s.pue", "`1.25`"),
        ("accelerators: {a: {price: 37500}}", "accelerators.a.price", "`37500 USD/accelerator`"),
        (
            "accelerators: {a: {price: 1,5 USD/accelerator}}",
            "accelerators.a.price",
            "`37500 USD/accelerator`",
        ),
        ("accelerators: {a: {life: long}}", "accelerators.a.life", "`18 months`"),
        ("accelerators: {a: {peak: {bf16: 1 GW}}}", "accelerators.a.peak.bf16", "`2.5 PFLOP/s`"),
        ("regions: {r: {}}", "regions.r.jurisdiction", "a text (ISO country code)"),
        ("agreements: {a: {between: [], signed: 2026-01-01}}", "agreements.a.between", "a list"),
        ("accelerators: {a: {lead: {value: 3}}}", "accelerators.a.lead", "`18 months`"),
        ("parties: {a: {assumed: maybe}}", "parties.a.assumed", "true or false"),
        ("hours: {bad id!: {weight: 1}}", "hours.bad id!", "letters, digits and `. _ + -`, at most 64"),
        ("currency: euro", "currency", "an ISO code of three capitals"),
        ("plans: x", "plans", "offtake, name, include"),
    ],
)
def test_an_error_shows_what_would_be_right(text: str, path: str, expected: str) -> None:
    found = [problem for problem in errors(text) if problem.path == path]
    assert len(found) == 1
    assert (found[0].expected or "").startswith(expected)


def test_no_message_speaks_of_pydantic() -> None:
    for problem in errors("sites: 5\nworkloads: {a: 1}\nanswers: {}\nfor: [x]\nlatency: no\nname: true"):
        assert "Input should" not in problem.message
        assert "valid" not in problem.message


def test_a_kind_that_is_also_a_key_does_not_shift_the_place() -> None:
    text = (
        "workloads:\n  t:\n    kind: training\n    training: 5\n    window: {from: soon, until: 2027-01-01}\n"
    )
    found = {(problem.path, problem.line) for problem in errors(text)}
    assert found == {("workloads.t.training", 6), ("workloads.t.window.from", 7)}


def test_errors_inside_clauses_of_an_amendment_have_their_place() -> None:
    text = """\
parties: {a: {}}
agreements:
  clauses:
    between: [a]
    signed: 2026-01-01
    amendments:
      - signed: 2026-06-01
        clauses:
          c: {kind: ceiling, measure: accelerators, uper: 5}
"""
    found = {(problem.path, problem.line) for problem in errors(text)}
    base = "agreements.clauses.amendments[0].clauses.c"
    assert found == {(f"{base}.upper", 11), (f"{base}.uper", 11)}


def test_plain_meanings_are_read() -> None:
    found = loaded("""\
name: 2026
parties:
  a:
regions: {n: {jurisdiction: NO}}
models: {4.1: {vendor: a}}
providers: {p: }
products: {t: {kind: tokens, provider: p, prices: {4.1: {in: 1 USD/Mtoken, out: 2 USD/Mtoken}}}}
deployments: {d: {provider: p, region: n, model: 4.1, products: t, may_process_in: NO, from: '2026-02-01'}}
workloads:
agreements:
  x: {between: a, signed: 2026-01-01, clauses: {c: {kind: ceiling, measure: accelerators, upper: 100}}}
sites:
  one: {region: n, power: 20 MW}
  two: {region: n, power: [{value: 12.5 MW, from: 2026-01-01}, 15 MW from 2027-01-01]}
""")
    estate = found.estate
    assert estate.name == "2026"
    assert estate.deployments["d"].model == "4.1"
    assert estate.deployments["d"].products == ("t",)
    assert estate.deployments["d"].may_process_in == ("NO",)
    assert estate.deployments["d"].begins == date(2026, 2, 1)
    assert [mw(estate.sites[name]) for name in ("one", "two")] == [[20], [Decimal("12.5"), 15]]


def mw(site: Site) -> list[Decimal]:
    return [parse_dated(str(step.value), "power").figure.amount for step in site.power]


def test_prices_stay_exact() -> None:
    found = loaded("""\
providers: {p: {}}
models: {m: {}}
products: {t: {kind: tokens, provider: p, prices: {m: {in: 0.1 USD/Mtoken, out: 0.30 USD per million tokens}}}}
accelerators: {a: {mfu: 0.1}}
""")
    product = found.estate.products["t"]
    assert isinstance(product, TokensByUse)
    assert product.prices["m"].tokens_in.steps[0].figure.amount == Decimal("0.1")
    assert product.prices["m"].tokens_out.steps[0].figure.amount == Decimal("0.30")
    assert found.estate.accelerators["a"].mfu is not None
    assert found.estate.accelerators["a"].mfu.amount == Decimal("0.1")


def test_a_number_is_no_day() -> None:
    for text in ("1735689600", "20260101", "2026"):
        (problem,) = errors(f"parties: {{a: {{}}}}\nagreements: {{x: {{between: [a], signed: {text}}}}}")
        assert (problem.path, problem.code) == ("agreements.x.signed", "type")


def test_a_truth_is_no_text() -> None:
    (problem,) = errors("name: true")
    assert problem.message == "`true` is not a text"


def test_positions_lead_to_values_and_keys() -> None:
    found = loaded(
        "sites:\n  s:\n    region: r\n    power:\n      - 5 MW\nregions:\n  r: {jurisdiction: US}\n"
    )
    assert (
        found.positions.value(("sites", "s", "region")).line,
        found.positions.value(("sites", "s")).line,
    ) == (5, 4)
    assert found.positions.value(("sites", "s", "power", 0)).column == 9
    assert found.positions.value(("sites", "s", "energy_price")).line == 4  # Not written: what is around it.
    assert found.positions.key(("sites", "s", "power")).line == 6


def test_lines_and_records_tell_the_same() -> None:
    problems = errors("sits: {}")
    assert (
        problem_lines(problems)[0]
        == "e.yaml:3:1: error: sits: the key `sits` is not known here [unknown-key]"
    )
    assert problem_lines(problems)[-1] == "    did you mean: sites"
    (record,) = problem_records(problems)
    assert record["suggestion"] == "sites"
    assert record["line"] == 3


def test_an_unknown_version_is_refused() -> None:
    (problem,) = errors("", head="offtake: 2\nhorizon: {from: 2026-01-01, until: 2027-01-01}\n")
    assert (problem.path, problem.expected) == ("offtake", "1")
