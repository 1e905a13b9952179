"""What holds for every plan: random small estates, whose plans are certified and replayed through the law."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from offtake.domain.handoffs import CapacityPlan, InfeasiblePlan
from planned import priced, solved

Data = dict[str, Any]
REGIONS = ("us", "de", "ch")
PLACES = (None, ["EU"], ["EU", "EFTA"], ["global"], ["US"])
DAYS = (None, "2026-05-10", "2026-07-01", "2026-10-20")
# Clauses that only forbid or bound: a plan without one of them never costs more.
BARS = ("exclusivity", "residency", "latency", "licence", "ceiling", "budget")


@st.composite
def clauses(draw: st.DrawFn) -> Data:
    """One clause about the estate of `estates`."""
    kind = draw(st.sampled_from((*BARS, "commitment", "price", "launch-priority")))
    amount = draw(st.integers(1, 4000))
    covers = draw(
        st.sampled_from(({}, {"providers": ["p"]}, {"channels": ["api"]}, {"client_regions": ["de"]}))
    )
    stated: dict[str, Data] = {
        "exclusivity": {"to": [draw(st.sampled_from(("p", "q")))], "covers": covers},
        "residency": {
            "data_classes": ["private"],
            "boundary": draw(st.sampled_from((["EU"], ["EU", "EFTA"], ["US"]))),
        },
        "latency": {"bound": f"{draw(st.integers(5, 150))} ms", "covers": covers},
        "licence": {"licensee": draw(st.sampled_from(("p", "q"))), "covers": {"models": ["x"]}},
        "ceiling": {
            "measure": "tokens",
            "upper": f"{amount} million tokens",
            "window": "month",
            "covers": covers,
        },
        "budget": {
            "payer": "us",
            "amount": f"{amount} USD",
            "window": draw(st.sampled_from(("quarter", "year"))),
        },
        "commitment": {
            "payer": "us",
            "payee": "p",
            "measure": "tokens",
            "amount": f"{amount} million tokens",
            "window": "quarter",
            "shortfall": "1.5 USD/Mtoken",
            "make_up": draw(st.integers(0, 2)),
            "covers": {"providers": ["p"]},
        },
        "price": {
            "payer": "us",
            "payee": "p",
            "measure": "tokens",
            "window": "year",
            "tiering": draw(st.sampled_from(("marginal", "all-units"))),
            "tiers": [
                {"up_to": f"{amount} million tokens", "price": f"{draw(st.integers(1, 3))} USD/Mtoken"},
                {"price": f"{draw(st.integers(1, 3))} USD/Mtoken"},
            ],
            "covers": {"providers": ["p"]},
        },
        "launch-priority": {"first": ["p"], "days": draw(st.integers(1, 200)), "covers": {"models": ["x"]}},
    }
    begins, ends = draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))
    found = {"kind": kind, **stated[kind]}
    if begins is not None:
        found["from"] = begins
    if ends is not None and (begins is None or begins < ends):
        found["until"] = ends
    return found


@st.composite
def estates(draw: st.DrawFn) -> Data:
    """Two sellers of a model in two places, up to three needs, up to four clauses."""
    deployments: Data = {}
    for provider in ("p", "q"):
        for n in range(draw(st.integers(1, 2))):
            places = draw(st.sampled_from(PLACES))
            deployments[f"{provider}-{n}"] = {
                "provider": provider,
                "region": draw(st.sampled_from(REGIONS)),
                "model": "x",
                "products": [f"{provider}-use"],
                **({} if places is None else {"may_process_in": places}),
            }
    pairs = {
        one: {other: f"{draw(st.integers(2, 140))} ms" for other in REGIONS if draw(st.booleans())}
        for one in REGIONS
    }
    prices = {p: f"{draw(st.integers(1, 9))} USD/Mtoken" for p in ("p", "q")}
    limits = {p: draw(st.sampled_from(({}, {"limit": "700 tokens/s"}))) for p in ("p", "q")}
    return {
        "offtake": 1,
        "for": "us",
        "horizon": {"from": "2026-01-01", "until": "2027-01-01", "discount": "6 %"},
        "hours": {"day": {"weight": "50 %"}, "night": {"weight": "50 %"}},
        "parties": {name: {} for name in ("us", "p", "q")},
        "providers": {"p": {}, "q": {}},
        "regions": dict(zip(REGIONS, ({"jurisdiction": c} for c in ("US", "DE", "CH")), strict=True)),
        "latency": {"pairs": pairs},
        "models": {"x": {"launched": "2026-02-01"}},
        "products": {
            f"{p}-use": {
                "kind": "tokens",
                "provider": p,
                "prices": {"x": {"in": prices[p], "out": prices[p]}},
                **limits[p],
            }
            for p in ("p", "q")
        },
        "deployments": deployments,
        "workloads": {
            f"w{n}": {
                "kind": "inference",
                "party": "us",
                "models": ["x"],
                "channel": draw(st.sampled_from(("api", "product"))),
                "data_class": draw(st.sampled_from(("private", "public"))),
                "profile": {"day": 1.5, "night": 0.5},
                "worth": f"{draw(st.integers(2, 40))} USD/Mtoken",
                "traffic": [
                    {"region": draw(st.sampled_from(REGIONS)), "in": "0 tokens/s", "out": f"{load} tokens/s"}
                ],
            }
            for n, load in enumerate(draw(st.lists(st.integers(20, 600), min_size=1, max_size=3)))
        },
        "agreements": {
            "g": {
                "between": ["us", "p"],
                "signed": "2025-01-01",
                "clauses": {
                    f"c{n}": clause
                    for n, clause in enumerate(draw(st.lists(clauses(), min_size=1, max_size=4)))
                },
            }
        },
    }


def text(estate: Data) -> str:
    return yaml.safe_dump(estate, sort_keys=False)


def least(plan: CapacityPlan) -> float:
    """Cents that mean something beside a plan's cost: more than what the certificate lets pass."""
    return max(abs(plan.cost_cents), 100) * 2e-6 + 1


# A plan takes long beside what hypothesis is made for: a failing estate is shown as it was drawn.
DRAWN = settings(
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)


@settings(DRAWN, max_examples=40)
@given(estates())
def test_a_plan_is_certified_and_replayed_and_costs_no_more_without_a_bar(estate: Data) -> None:
    base = solved(text(estate))
    if isinstance(base, InfeasiblePlan):  # A budget below what a commitment asks for, used or not.
        assert all(row.source.startswith("g.") for row in base.conflicts)
        return
    assert all(check.passed for check in base.certificate.checks)
    for key, clause in estate["agreements"]["g"]["clauses"].items():
        if clause["kind"] in BARS:
            assert priced(text(estate), f"g.{key}").price_cents >= -least(base), key


@settings(DRAWN, max_examples=20)
@given(estates())
def test_merging_what_nothing_tells_apart_changes_no_cost(estate: Data) -> None:
    merged, direct = solved(text(estate)), solved(text(estate), form="direct")
    assert type(merged) is type(direct)
    if isinstance(merged, CapacityPlan) and isinstance(direct, CapacityPlan):
        assert abs(merged.cost_cents - direct.cost_cents) <= least(direct)
