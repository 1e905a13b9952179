"""Needs: filed and cancelled."""

from __future__ import annotations

from collections.abc import Collection

from offtake.broker.asking import aggregated
from offtake.broker.commands import Cancel, FileNeed
from offtake.broker.deciding.call import Call, Outcome, check_id, refusal
from offtake.broker.events import NeedCancelled, NeedFiled
from offtake.broker.library import whole_steps
from offtake.broker.profile import ZERO
from offtake.broker.terms import Need
from offtake.broker.transitions import moved
from offtake.domain.checks.findings import close_match, listed
from offtake.domain.errors import InvalidInput


def file_need(call: Call, command: FileNeed) -> Outcome:
    need = command.need
    if need.id in call.state.deals:
        raise InvalidInput(f"there is a need `{need.id}` already", hint="give the new one another id")
    check_need(call, need)
    filed = call.then(NeedFiled(need=need), need=need.id)
    if all(procedure.aggregates_within is None for procedure in call.rules.law.procedures):
        return filed
    after = call.after(filed)
    return (*filed, *aggregated(call.rules, call.policy, after.state, need, call.now))


def check_need(call: Call, need: Need) -> None:
    """Raises InvalidInput for a need that cannot be filed."""
    check_id(need.id)
    estate = call.rules.estate
    years = (need.ends - need.begins).days / 365.25
    problems = [
        (need.quantity <= 0, "the quantity is above zero"),
        (
            whole_steps(need.measure, need.quantity) != need.quantity,
            f"{need.measure} are dealt in whole steps",
        ),
        (need.ends <= need.begins, "the term ends after it begins"),
        (
            years > call.policy.maximum_term_years,
            f"a term has at most {call.policy.maximum_term_years} years",
        ),
        (not 0 <= need.minimum <= need.quantity, "the minimum lies between nothing and the quantity"),
        (
            len(need.tranches) > call.policy.maximum_tranches,
            f"at most {call.policy.maximum_tranches} tranches",
        ),
        (
            bool(need.tranches) and sum((t.quantity for t in need.tranches), ZERO) != need.quantity,
            "the tranches add up to the quantity",
        ),
        (
            any(not 0 <= t.floor <= t.quantity or t.quantity <= 0 for t in need.tranches),
            "a floor fits its tranche",
        ),
        (
            need.latency_ms is not None and need.client_region is None,
            "a bound on latency needs a client region",
        ),
    ]
    for wrong, expected in problems:
        if wrong:
            raise InvalidInput(f"the need `{need.id}` cannot be filed: {expected}")
    if estate.parties:
        _known(need.party, estate.parties, "party")
    if need.model is not None:
        _known(need.model, estate.models, "model")
    for accelerator in need.accelerators:
        _known(accelerator, estate.accelerators, "accelerator")
    for region in need.regions:
        _known(region, estate.regions, "region")
    call.rules.workload(need)


def _known(name: str, names: Collection[str], what: str) -> None:
    """Raises InvalidInput for a name that the estate does not have, with what may have been meant."""
    if name not in names:
        meant = close_match(name, names)
        hint = f"it has {listed(names)}" if meant is None else f"did you mean `{meant}`?"
        raise InvalidInput(f"the estate has no {what} `{name}`", hint=hint)


def cancel(call: Call, command: Cancel) -> Outcome:
    deal = call.deal(command.need)
    if moved(deal.stage, "cancel") is None:
        return refusal(command.need, f"the need is {deal.stage}")
    return (NeedCancelled(need=command.need),)
