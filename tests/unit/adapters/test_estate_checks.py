"""Entries that are well formed and do not fit together: one change to a sound estate, and what is found."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml import Problem, load_estate_text

SOUND = """\
offtake: 1
currency: USD
currencies: {EUR: 1.10 USD}
for: lab
horizon: {from: 2026-01-01, until: 2029-01-01}
hours: {busy: {weight: 0.25}, quiet: {weight: 0.75}}
parties: {lab: {}, cloud: {}}
providers:
  own: {party: lab}
  cloud-one: {party: cloud}
  other: {}
regions: {us: {jurisdiction: US}, de: {jurisdiction: DE}}
latency: {pairs: {us: {us: 2 ms, de: 90 ms}, de: {de: 2 ms}}}
accelerators:
  chip: {peak: {bf16: 2 PFLOP/s}, power: 2 kW, price: 40000 USD/accelerator, life: 5 years, mfu: 40 %}
programmes:
  whole: {power: 30 MW, money: 10 billion USD}
sites:
  hall:
    region: us
    provider: own
    owner: lab
    part_of: whole
    power: [10 MW from 2026-01-01, 30 MW from 2027-01-01]
    stock: [{accelerator: chip, count: 5000, from: 2026-01-01}]
    builds: [chip]
products:
  lease: {kind: accelerator-hours, provider: cloud-one, region: de, accelerator: chip, price: 2 EUR/accelerator-hour}
  metered: {kind: tokens, provider: other, prices: {chat: {in: 1 USD/Mtoken, out: 4 USD/Mtoken}}}
models:
  chat: {vendor: lab, rates: {chip: {in: 9000 tokens/s, out: 900 tokens/s}}}
deployments:
  chat-de: {provider: other, region: de, model: chat, products: [metered], may_process_in: [EU]}
workloads:
  run:
    {kind: training, party: lab, flop: 1e25 FLOP, window: {from: 2026-03-01, until: 2027-01-01}}
  talk:
    {kind: inference, party: lab, models: [chat], data_class: eu, latency: 100 ms, profile: {busy: 1.6, quiet: 0.8},
     traffic: [{region: de, in: 9000 tokens/s, out: 900 tokens/s}], worth: 9 USD/Mtoken}
funds:
  money: {party: lab, amount: 10 billion USD, part_of: whole}
agreements:
  deal:
    between: [lab, cloud]
    signed: 2026-01-01
    clauses:
      first: {kind: first-refusal, holder: cloud, covers: {forms: [leased]}}
      stay: {kind: residency, data_classes: [eu], boundary: [EU]}
      spend: {kind: commitment, payer: lab, payee: cloud, measure: money, amount: 5 million USD, window: year}
      most: {kind: budget, payer: lab, amount: 9 million USD, window: year}
    amendments:
      - signed: 2026-06-01
        ends: {first: 2028-01-01}
events: {declared: {}}
answers:
  - {clause: deal.first, offers: 100 accelerators, price: 2 USD/accelerator-hour}
"""


def found(*changes: tuple[str, str]) -> tuple[Problem, ...]:
    text = SOUND
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    return load_estate_text(text, "e.yaml").problems


def test_a_sound_estate_has_no_problem() -> None:
    assert found() == ()


REFERENCES = [
    ("for: lab", "for: lob", "for", "lab"),
    ("own: {party: lab}", "own: {party: labs}", "providers.own.party", "lab"),
    ("region: us\n", "region: ue\n", "sites.hall.region", "us"),
    ("provider: own\n", "provider: onw\n", "sites.hall.provider", "own"),
    ("owner: lab", "owner: lap", "sites.hall.owner", "lab"),
    ("part_of: whole\n", "part_of: hole\n", "sites.hall.part_of", "whole"),
    ("[{accelerator: chip", "[{accelerator: chop", "sites.hall.stock[0].accelerator", "chip"),
    ("builds: [chip]", "builds: [chip, ship]", "sites.hall.builds[1]", "chip"),
    ("prices: {chat:", "prices: {chet:", "products.metered.prices.chet", "chat"),
    ("rates: {chip:", "rates: {chap:", "models.chat.rates.chap", "chip"),
    ("products: [metered]", "products: [metred]", "deployments.chat-de.products[0]", "metered"),
    ("models: [chat]", "models: [chatt]", "workloads.talk.models[0]", "chat"),
    ("traffic: [{region: de", "traffic: [{region: dee", "workloads.talk.traffic[0].region", "de"),
    ("profile: {busy: 1.6, quiet", "profile: {bussy: 1.6, quiet", "workloads.talk.profile.bussy", "busy"),
    ("money: {party: lab", "money: {party: lib", "funds.money.party", "lab"),
    ("between: [lab, cloud]", "between: [lab, clout]", "agreements.deal.between[1]", "cloud"),
    ("holder: cloud", "holder: clowd", "agreements.deal.clauses.first.holder", "cloud"),
    ("payee: cloud", "payee: cluod", "agreements.deal.clauses.spend.payee", "cloud"),
    ("amount: 9 million USD", "fund: mony", "agreements.deal.clauses.most.fund", "money"),
    ("{first: 2028-01-01}", "{frist: 2028-01-01}", "agreements.deal.amendments[0].ends.frist", "first"),
    ("clause: deal.first", "clause: deal.frst", "answers[0].clause", "deal.first"),
    ("clause: deal.first", "clause: first", "answers[0].clause", "deal.first"),
    ("latency: {pairs: {us: {us", "latency: {pairs: {us: {uss", "latency.pairs.us.uss", "us"),
    (
        "holder: cloud,",
        "holder: cloud, until_event: declard,",
        "agreements.deal.clauses.first.until_event",
        "declared",
    ),
    (
        "covers: {forms: [leased]}",
        "covers: {products: [leese]}",
        "agreements.deal.clauses.first.covers.products[0]",
        "lease",
    ),
    (
        "amount: 5 million USD,",
        "amount: 5 million USD, within: spent,",
        "agreements.deal.clauses.spend.within",
        None,
    ),
    ("declared: {}", "declared: {about: chet}", "events.declared.about", "chat"),
]


@pytest.mark.parametrize(("before", "after", "path", "meant"), REFERENCES)
def test_a_dangling_reference_is_told_with_what_was_meant(
    before: str, after: str, path: str, meant: str | None
) -> None:
    problems = [p for p in found((before, after)) if p.path == path and p.severity == "error"]
    assert [(p.code, p.suggestion) for p in problems] == [("unknown-reference", meant)]
    number = SOUND[: SOUND.index(before)].count("\n") + 1
    assert problems[0].line == number + (0 if "\n" not in before.strip() else 1)


ERRORS = [
    ("until: 2029-01-01", "until: 2025-01-01", "horizon.until", "dates"),
    ("until: 2029-01-01", "until: 2026-01-01", "horizon.until", "dates"),
    ("until: 2029-01-01", "until: 2126-01-01", "horizon.until", "horizon"),
    ("window: {from: 2026-03-01, until: 2027-01-01}", "window: {from: 2027-03-01, until: 2027-01-01}",
     "workloads.run.window.until", "dates"),
    ("holder: cloud,", "holder: cloud, from: 2028-01-01, until: 2027-01-01,",
     "agreements.deal.clauses.first.until", "dates"),
    ("holder: cloud,", "holder: cloud, until: 2025-01-01,", "agreements.deal.clauses.first.until", "dates"),
    ("- signed: 2026-06-01", "- signed: 2025-06-01", "agreements.deal.amendments[0].signed", "dates"),
    ("weight: 0.25", "weight: 0.35", "hours", "weights"),
    ("busy: 1.6", "busy: 2.6", "workloads.talk.profile", "profile"),
    ("power: [10 MW from", "power: [10 EUR from", "sites.hall.power[0].value", "quantity"),
    ("30 MW from 2027-01-01", "30 MW from 2026-01-01", "sites.hall.power[1]", "dates"),
    ("30 MW from 2027-01-01]", "{value: 30 MW from 2027-01-01, from: 2028-01-01}]",
     "sites.hall.power[1].value", "dates"),
    ("provider: own\n", "provider: own\n    power_is: facility\n", "sites.hall.power_is", "pue"),
    ("provider: own\n", "provider: own\n    pue: 0.9\n", "sites.hall.pue", "pue"),
    (", life: 5 years", "", "sites.hall.builds[0]", "figures-missing"),
    ("life: 5 years", "life: 0 years", "accelerators.chip.life", "range"),
    ("life: 5 years", "life: 9999 years", "accelerators.chip.life", "range"),
    ("mfu: 40 %", "mfu: 140 %", "accelerators.chip.mfu", "range"),
    ("out: 900 tokens/s}}}", "out: 0 tokens/s}}}", "models.chat.rates.chip.out", "range"),
    ("signed: 2026-01-01", "signed: 0001-01-01", "agreements.deal.signed", "range"),
    ("products: [metered]", "products: [lease]", "deployments.chat-de.products[0]", "wrong-product"),
    ("prices: {chat: {in: 1 USD/Mtoken, out: 4 USD/Mtoken}}", "prices: {chit: {in: 1 USD/Mtoken, out: 4 USD/Mtoken}}",
     "deployments.chat-de.products[0]", "wrong-product"),
    ("flop: 1e25 FLOP", "parameters: 70 billion", "workloads.run", "figures-missing"),
    ("flop: 1e25 FLOP", "flop: 1e25 FLOP, minimum: 9, maximum: 8", "workloads.run.maximum", "range"),
    ("EUR: 1.10 USD", "EUR: 1.10 EUR", "currencies.EUR", "quantity"),
    ("EUR: 1.10 USD", "EUR: [1 USD from 2026-01-01, 2 USD from 2026-01-01]", "currencies.EUR[1]", "dates"),
    ("{EUR: 1.10 USD}", "{}", "products.lease.price", "no-rate"),
    ("EUR: 1.10 USD", "EUR: 1.10 USD from 2026-02-01", "products.lease.price", "no-rate"),
    ("amount: 5 million USD", "amount: 5 million GBP", "agreements.deal.clauses.spend.amount", "no-rate"),
    ("amount: 5 million USD", "amount: 5 MW", "agreements.deal.clauses.spend.amount", "quantity"),
    ("amount: 9 million USD, ", "", "agreements.deal.clauses.most", "clause"),
    ("measure: money, amount: 5 million USD", "measure: tokens, amount: 5 trillion tokens",
     "agreements.deal.clauses.spend", "clause"),
    ("boundary: [EU]", "boundary: [EUU]", "agreements.deal.clauses.stay.boundary[0]", "unknown-place"),
    ("may_process_in: [EU]", "may_process_in: [Europe]", "deployments.chat-de.may_process_in[0]", "unknown-place"),
    ("offers: 100 accelerators", "offers: 100 MW", "answers[0].offers", "quantity"),
    ("price: 2 USD/accelerator-hour}", "price: 2 USD/MWh}", "answers[0].price", "quantity"),
    ("clause: deal.first", "clause: deal.spend", "answers[0].clause", "not-a-right"),
    ("holder: cloud,", "holder: cloud, threshold: 5 GW,", "agreements.deal.clauses.first.threshold", "quantity"),
    ("holder: cloud,", "holder: cloud, maximum_price: 5 USD,",
     "agreements.deal.clauses.first.maximum_price", "quantity"),
    ("whole: {power", "whole: {part_of: part, power", "programmes.part.part_of", "part-of-circle"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "path", "code"), ERRORS)
def test_an_error_is_found_at_its_place(before: str, after: str, path: str, code: str) -> None:
    extra = (
        (("programmes:\n", "programmes:\n  part: {part_of: whole}\n"),) if code == "part-of-circle" else ()
    )
    problems = found((before, after), *extra)
    assert (path, code) in {(p.path, p.code) for p in problems if p.severity == "error"}
    assert all(problem.line > 1 for problem in problems)


def test_what_a_step_of_power_adds_is_part_of_what_the_step_says() -> None:
    step = ("30 MW from 2027-01-01]", "{value: 30 MW from 2027-01-01, part_of: later}]")
    assert found(step, ("  whole: {", "  later: {power: 20 MW}\n  whole: {")) == ()
    (problem,) = found(step, ("  whole: {", "  later: {power: 19 MW}\n  whole: {"))
    assert (problem.path, problem.code) == ("programmes.later.power", "counted-twice")


WARNINGS = [
    ("window: {from: 2026-03-01", "window: {from: 2025-03-01", "workloads.run.window", "outside-horizon"),
    ("until: 2029-01-01", "until: 2026-02-01", "workloads.run.window", "outside-horizon"),
    ("holder: cloud,", "holder: cloud, from: 2030-01-01,", "agreements.deal.clauses.first.from", "outside-horizon"),
    ("30 MW from 2027", "8 MW from 2027", "sites.hall.power[1]", "power-falls"),
    ("count: 5000", "count: 5100", "sites.hall.stock", "over-power"),
    ("whole: {power: 30 MW", "whole: {power: 29 MW", "programmes.whole.power", "counted-twice"),
    ("money: 10 billion USD", "money: 9 billion USD", "programmes.whole.money", "counted-twice"),
    ("money: 10 billion USD", "money: 9 billion EUR", "programmes.whole.money", "counted-twice"),
    ("peak: {bf16", "peak: {fp8", "workloads.run", "no-supply"),
    (", mfu: 40 %}", "}", "workloads.run", "figures-missing"),
    ("- {clause: deal.first, offers: 100 accelerators, price: 2 USD/accelerator-hour}", "[]",
     "agreements.deal.clauses.first", "no-answer"),
    (", may_process_in: [EU]", "", "agreements.deal.clauses.stay", "residency-unknown"),
    ("us: {us: 2 ms, de: 90 ms}", "us: {us: 2 ms}", "workloads.talk.latency", "latency-unknown"),
    ("{forms: [leased]}", "{forms: [provisioned]}", "agreements.deal.clauses.first.covers", "covers-nothing"),
    ("{forms: [leased]}", "{models: [chat], purposes: [training]}",
     "agreements.deal.clauses.first.covers", "covers-nothing"),
    ("{forms: [leased]}", "{forms: [leased]}, excepts: [{regions: [us]}, {regions: [de]}]",
     "agreements.deal.clauses.first.covers", "covers-nothing"),
    ("data_classes: [eu]", "data_classes: [euu]", "agreements.deal.clauses.stay.data_classes[0]", "unknown-word"),
    ("amount: 9 million USD", "amount: 4 million USD", "agreements.deal.clauses.most", "bound-below-commitment"),
    ("most: {kind: budget, payer: lab, amount: 9 million USD",
     "most: {kind: ceiling, measure: money, upper: 4 million EUR", "agreements.deal.clauses.most",
     "bound-below-commitment"),
    ("most:", "more: {kind: commitment, payer: lab, payee: cloud, measure: money, amount: 5 million USD}\n      most:",
     "agreements.deal.clauses.most", "bound-below-commitment"),
    ("{provider: other, region: de", "{provider: cloud-one, region: de",
     "deployments.chat-de.products[0]", "wrong-provider"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "path", "code"), WARNINGS)
def test_a_warning_is_found_at_its_place(before: str, after: str, path: str, code: str) -> None:
    problems = found((before, after))
    assert (path, code) in {(p.path, p.code) for p in problems if p.severity == "warning"}
    assert {p.severity for p in problems} == {"warning"}


def test_a_class_that_nothing_serves_will_be_unmet() -> None:
    problems = found(
        ("models:\n  chat:", "models:\n  rare: {}\n  chat:"), ("models: [chat], data", "models: [rare], data")
    )
    assert ("workloads.talk.models", "no-supply") in {(p.path, p.code) for p in problems}


def test_a_falling_step_with_another_status_is_no_fall() -> None:
    assert (
        found(("30 MW from 2027-01-01]", "{value: 9.9 MW from 2027-01-01, status: announced}]"))[0].code
        != "power-falls"
    )


def test_two_exclusivities_that_leave_nothing_are_both_named() -> None:
    one = "one: {kind: exclusivity, to: [own], covers: {workloads: [talk]}, from: 2027-01-01, until: 2028-01-01}"
    two = "two: {kind: exclusivity, to: [other], covers: {workloads: [talk]}}"
    (problem,) = found(("most:", f"{one}\n      {two}\n      most:"), ("latency: 100 ms, ", ""))
    assert (problem.severity, problem.code, problem.path) == ("warning", "nothing-lawful", "workloads.talk")
    assert "from 2027-01-01 to 2028-01-01" in problem.message
    assert "`deal.one`" in problem.message
    assert "`deal.two`" in problem.message


def test_a_commitment_that_an_amendment_replaces_is_not_added_to_itself() -> None:
    new = "spend: {kind: commitment, payer: lab, payee: cloud, measure: money, amount: 6 million USD, window: year}"
    assert found(("ends: {first: 2028-01-01}", f"clauses:\n          {new}")) == ()


def test_an_agreement_may_bear_the_name_of_the_programme_that_it_is_part_of() -> None:
    assert found(("deal:\n", "deal:\n    part_of: deal\n"), ("  whole:", "  deal: {}\n  whole:")) == ()
