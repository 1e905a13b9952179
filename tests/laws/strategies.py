"""Random agreements, positions and actions over a small world, so that they meet often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from offtake.domain.estate import Estate
from offtake.domain.position import Approval, Discharge, Happened, Position, Reading
from offtake.domain.selection import ACTIONS, NOBODY, Action, Interval, SupplyFacts, WorkloadFacts

PROVIDERS = ("x", "y", "z")
PARTIES = ("p", "q", "z")
MODELS = {"m1": ("v", ("agi",)), "m2": ("w", ()), "m3": ("v", ("open", "agi"))}
REGIONS = {"es": "ES", "se": "SE", "us": "US"}
EVENTS = ("declared", "unsupported")
NEEDS = ("n1", "n2")
WORKLOADS = ("chat", "batch", "run")
FIRST = date(2026, 1, 1)

days = st.integers(0, 240).map(lambda n: FIRST + timedelta(days=n))
early = st.integers(0, 30).map(lambda n: FIRST + timedelta(days=n))
Texts = Mapping[str, Any]


def few(values: tuple[str, ...]) -> st.SearchStrategy[list[str]]:
    """One or two of these."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


selections = st.fixed_dictionaries(
    {},
    optional={
        "workloads": few(WORKLOADS),
        "purposes": few(("training", "inference")),
        "parties": few(PARTIES),
        "models": few(tuple(MODELS)),
        "vendors": few(("v", "w")),
        "tags": few(("agi", "open")),
        "channels": few(("api", "stateless-api")),
        "customers": few(("government", "public")),
        "providers": few(PROVIDERS),
        "owners": few(PARTIES),
        "forms": few(("owned", "leased", "tokens")),
        "sites": few(("s1", "s2")),
    },
).flatmap(
    lambda keys: st.lists(st.sampled_from(sorted(keys) or [""]), max_size=1).map(
        lambda kept: {key: keys[key] for key in kept if key}
    )
)


def clause(kind: str, required: Texts, optional: Texts | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """A clause of a kind with what every clause may state."""
    stated = st.fixed_dictionaries({"kind": st.just(kind), **required}, optional={**(optional or {})})
    common = st.fixed_dictionaries(
        {
            "from": st.none() | early,
            "until": st.none() | st.none() | days,
            "until_event": st.sampled_from((None, None, None, *EVENTS)),
            "covers": selections,
            "excepts": st.just([]) | st.lists(selections.filter(bool), max_size=1),
        }
    )
    return st.tuples(stated, common).map(
        lambda both: {**both[0], **{key: value for key, value in both[1].items() if value not in (None, [])}}
    )


counts = st.sampled_from(("40 accelerators", "100 accelerators", "150 accelerators"))
monies = st.sampled_from(("50 USD", "100 USD", "90 EUR"))
windows = st.sampled_from(("any-time", "month", "quarter", "year", "term"))
_kinds = few(("place", "process", "acquire", "hold"))

exclusivities = clause("exclusivity", {"to": few(PROVIDERS)}, {"actions": _kinds})
residencies = clause(
    "residency",
    {"data_classes": st.just(["eu"]), "boundary": st.sampled_from((["EU"], ["EU", "EFTA"], ["se"]))},
    {"includes": few(("processing", "rest", "logs"))},
)
latencies = clause("latency", {"bound": st.sampled_from(("20 ms", "60 ms", "100 ms"))})
ceilings = clause("ceiling", {"measure": st.just("accelerators"), "upper": counts}, {"window": windows})
spending_ceilings = clause("ceiling", {"measure": st.just("money"), "upper": monies}, {"window": windows})
budgets = clause(
    "budget",
    {"payer": st.sampled_from(PARTIES), "amount": monies},
    {"window": windows, "spends": few(("tokens", "lease", "capital")), "fund": st.just("pot")},
)
commitments = clause(
    "commitment",
    {
        "payer": st.sampled_from(PARTIES),
        "payee": st.sampled_from(PARTIES),
        "measure": st.just("money"),
        "amount": monies,
    },
    {"within": st.just("cap")},
)
licences = clause("licence", {"licensee": st.sampled_from(PARTIES)}, {"grants": _kinds}).filter(
    lambda c: "owners" not in c.get("covers", {})
)
endings = clause(
    "governance", {"on_event": st.sampled_from(EVENTS), "ends_rights_of": st.sampled_from(PARTIES)}
)
approvals = clause(
    "governance",
    {"approver": st.just("board")},
    {"actions": _kinds, "above": monies, "on_event": st.sampled_from(EVENTS)},
)
launches = clause("launch-priority", {"first": few(PROVIDERS), "days": st.sampled_from((30, 90))}).map(
    lambda c: {**c, "unless_event": "unsupported"} if "until_event" not in c else c
)
refusals = clause(
    "first-refusal",
    {"holder": st.sampled_from(PARTIES)},
    {
        "over": st.sampled_from(("acquisition", "traffic")),
        "threshold": counts,
        "rank": st.integers(1, 2),
        "part": st.fixed_dictionaries(
            {}, optional={"minimum": st.just(32), "multiple": st.just(16), "whole_gangs": st.booleans()}
        ),
    },
)
clauses = st.one_of(
    exclusivities,
    residencies,
    latencies,
    ceilings,
    spending_ceilings,
    budgets,
    licences,
    endings,
    approvals,
    launches,
    refusals,
)


@st.composite
def agreements(draw: st.DrawFn, id: str) -> dict[str, Any]:
    """An agreement of a few clauses with an amendment or none."""
    keys = [f"{id}{n}" for n in range(draw(st.integers(1, 3)))]
    found = {key: draw(clauses) for key in keys}
    if draw(st.integers(0, 3)) == 0:
        found["cap"], found["inner"] = draw(spending_ceilings), draw(commitments)
        keys = [*keys, "cap"]
        if "within" not in found["inner"]:
            del found["inner"]
    amendment = st.fixed_dictionaries(
        {"signed": days},
        optional={
            "ends": st.dictionaries(st.sampled_from(keys), days, min_size=1, max_size=1),
            "clauses": st.dictionaries(
                st.sampled_from([key for key in keys if key != "cap"] + ["added"]), clauses, max_size=1
            ),
        },
    )
    amendments = draw(st.lists(amendment, max_size=2))
    return {"between": ["p", "q"], "signed": draw(early), "clauses": found, "amendments": amendments}


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """An estate of two or three agreements."""
    ids = ("a", "b", "c")[: draw(st.integers(1, 3))]
    return Estate.model_validate(
        {
            "offtake": 1,
            "horizon": {"from": FIRST, "until": date(2028, 1, 1)},
            "currencies": {"EUR": ["1.10 USD", "1.05 USD from 2026-04-01"]},
            "regions": {id: {"jurisdiction": country} for id, country in REGIONS.items()},
            "latency": {
                "pairs": {"es": {"se": "55 ms", "us": "95 ms"}, "us": {"us": "10 ms"}},
                "symmetric": draw(st.booleans()),
            },
            "models": {
                id: {"vendor": vendor, "tags": tags, "launched": draw(st.none() | days)}
                for id, (vendor, tags) in MODELS.items()
            },
            "workloads": {
                "chat": {
                    "kind": "inference",
                    "models": ["m1"],
                    "latency": draw(st.sampled_from((None, "60 ms"))),
                    "traffic": [{"region": "es", "in": "1 tokens/s", "out": "1 tokens/s"}],
                    "worth": "1 USD per million tokens",
                }
            },
            "funds": {"pot": {"party": "p", "amount": "100 USD", "from": draw(days)}},
            "agreements": {id: draw(agreements(id)) for id in ids},
        }
    )


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """Some days, or all days from one on."""
    begins = draw(days)
    ends = draw(st.none() | st.integers(1, 120).map(lambda n: begins + timedelta(days=n)))
    return Interval(begins, ends)


@st.composite
def workloads(draw: st.DrawFn) -> WorkloadFacts:
    """A workload, often with one of the models."""
    model = draw(st.sampled_from((None, *MODELS, *MODELS)))
    vendor, tags = MODELS[model] if model else (None, ())
    return WorkloadFacts(
        id=draw(st.sampled_from(WORKLOADS)),
        purpose=draw(st.sampled_from((None, "inference", "inference", "training"))),
        party=draw(st.none() | st.sampled_from(PARTIES)),
        model=model,
        vendor=vendor,
        tags=frozenset(tags),
        channel=draw(st.sampled_from((None, "api", "stateless-api"))),
        customer=draw(st.sampled_from((None, "government", "public"))),
        data_class=draw(st.sampled_from((None, "eu", "eu"))),
        client_region=draw(st.none() | st.sampled_from(sorted(REGIONS))),
    )


_places = st.sampled_from(
    (
        None,
        frozenset({"SE"}),
        frozenset({"ES", "CH"}),
        frozenset({"US"}),
        frozenset({"*"}),
        frozenset({"SE", "US"}),
    )
)


@st.composite
def supplies(draw: st.DrawFn) -> SupplyFacts:
    """A supply of one of the providers, or of none."""
    return SupplyFacts(
        id=draw(st.sampled_from(("s1/gpu", "s2/gpu", "d1/t"))),
        form=draw(st.sampled_from(("owned", "leased", "tokens"))),
        provider=draw(st.sampled_from((None, *PROVIDERS, *PROVIDERS))),
        party=draw(st.sampled_from((None, *PARTIES, *PARTIES))),
        site=draw(st.sampled_from((None, "s1", "s2"))),
        region=draw(st.none() | st.sampled_from(sorted(REGIONS))),
        deployment=draw(st.sampled_from((None, "d1"))),
        may_process_in=draw(_places),
        rests_in=draw(_places),
        logs_in=draw(_places),
    )


amounts = st.sampled_from([Decimal(n) for n in (10, 20, 32, 40, 48, 60, 90, 100, 120)])


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """An action with or without quantities, money, a need and discharges."""
    return Action(
        kind=draw(st.sampled_from(("acquire", "process", "place", *ACTIONS))),
        interval=draw(intervals()),
        actor=draw(st.none() | st.sampled_from(PARTIES)),
        counterparty=draw(st.none() | st.sampled_from(PARTIES)),
        workload=draw(st.just(NOBODY) | workloads()),
        supply=draw(supplies()),
        quantities=draw(st.just(()) | amounts.map(lambda n: (("accelerators", n),))),
        money=draw(st.none() | amounts),
        currency=draw(st.sampled_from(("USD", "EUR", "GBP", None))),
        spending=draw(st.sampled_from((None, "tokens", "lease"))),
        need=draw(st.none() | st.sampled_from(NEEDS)),
        need_size=draw(st.none() | amounts),
        gang=draw(st.booleans()),
        discharges=draw(st.sampled_from((frozenset(), frozenset({"d1"})))),
    )


@st.composite
def positions(draw: st.DrawFn, meters: tuple[str, ...], procedures: tuple[str, ...]) -> Position:
    """What has happened, what these meters read, and how these procedures were answered."""
    happened = st.builds(
        Happened, st.sampled_from(EVENTS), days, st.sampled_from((None, None, "m1", "s1", "d1", "x"))
    )
    ends = st.none() | st.integers(60, 300).map(lambda n: FIRST + timedelta(days=n))
    reading = st.builds(Reading, st.sampled_from((*meters, *procedures, "other")), days, ends, amounts)
    reading = reading.filter(lambda r: r.ends is None or r.begins < r.ends)
    discharge = st.builds(
        Discharge,
        st.sampled_from(("d1", "d2")),
        st.sampled_from((*procedures, "other")),
        st.none() | st.sampled_from(NEEDS),
        amounts,
        days,
        ends,
        st.booleans(),
    )
    approval = st.builds(
        Approval, st.sampled_from((*procedures, "other")), st.none() | st.sampled_from(NEEDS)
    )
    return Position(
        happened=tuple(draw(st.lists(happened, max_size=4))),
        readings=tuple(draw(st.lists(reading, max_size=3))),
        discharges=tuple(draw(st.lists(discharge, max_size=2))),
        approvals=tuple(draw(st.lists(approval, max_size=1))),
        launches=draw(st.dictionaries(st.sampled_from(sorted(MODELS)), days, max_size=1)),
    )
