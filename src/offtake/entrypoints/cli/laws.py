"""`offtake laws`: what scaling laws say about loss, size, tokens and FLOP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.laws_asking import (
    AsJson,
    Flop,
    LawName,
    Loss,
    Parameters,
    Tokens,
    Unique,
    amounts_of,
    chosen,
    large,
)
from offtake.entrypoints.cli.laws_fit import fit
from offtake.entrypoints.cli.laws_frontier import frontier
from offtake.entrypoints.cli.laws_years import years
from offtake.entrypoints.cli.outcome import outcomes, say_json

if TYPE_CHECKING:
    from offtake.demand.scaling_laws.optimum import Optimum
    from offtake.demand.scaling_laws.published import Law

laws = typer.Typer(
    name="laws",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Ask scaling laws about loss, model size, tokens and FLOP, or fit one.",
)


def list_laws(as_json: AsJson = False) -> None:
    """Name every published law, with its constants and where they are from."""
    from dataclasses import fields

    from offtake.bootstrap import scaling
    from offtake.demand.scaling_laws.repeated import RepeatedDataLaw

    with outcomes():
        records: list[tuple[str, dict[str, float], str]] = []
        for name, law in scaling.laws().items():
            known = law.base if isinstance(law, RepeatedDataLaw) else law
            constants = {
                one.name: float(getattr(known, one.name))
                for one in fields(known)
                if one.name not in ("name", "source")
            }
            if isinstance(law, RepeatedDataLaw):
                constants |= {"token_decay": law.token_decay, "parameter_decay": law.parameter_decay}
            records.append((name, constants, law.source))
        if as_json:
            say_json([dict(zip(("law", "constants", "source"), one, strict=True)) for one in records])
            return
        from offtake.entrypoints.cli.plan_page import page_console, page_table

        table = page_table("Scaling laws", "law", "constants", "source")
        for name, constants, source in records:
            table.add_row(name, ", ".join(f"{key} {value:.6g}" for key, value in constants.items()), source)
        page_console().print(table)


def loss(
    parameters: Parameters = None,
    tokens: Tokens = None,
    flop: Flop = None,
    unique_tokens: Unique = None,
    law: LawName = "besiroglu",
    as_json: AsJson = False,
) -> None:
    """Say the loss of a run with so many parameters and tokens; or of the best run for so many FLOP."""
    from offtake.bootstrap import scaling
    from offtake.domain.errors import InvalidInput

    with outcomes():
        given = amounts_of(parameters=parameters, tokens=tokens, flop=flop)
        unique = None if unique_tokens is None else scaling.amount(unique_tokens, "tokens")
        found: dict[str, float] = {}
        refused: dict[str, str] = {}
        for name, one in chosen(law).items():
            try:
                found[name] = _loss_of(one, given, unique)
            except InvalidInput as problem:
                if law != "all":
                    raise
                refused[name] = problem.message
        if as_json:
            say_json(
                [{"law": name, **given, "loss": value} for name, value in found.items()]
                if law == "all"
                else {"law": law, **given, "loss": found[law]}
            )
            return
        if law != "all":
            typer.echo(f"{found[law]:.4f} nats per token ({scaling.law(law).source})")
            return
        from offtake.entrypoints.cli.plan_page import page_console, page_table

        table = page_table("Loss, in nats per token", "law", "loss", right=1)
        for name, value in found.items():
            table.add_row(name, f"{value:.4f}")
        page_console().print(table)
        for reason in refused.values():
            typer.echo(reason, err=True)


def _loss_of(law: Law, given: dict[str, float], unique: float | None) -> float:
    from offtake.demand.scaling_laws.frontier import FrontierLaw
    from offtake.demand.scaling_laws.kaplan import KaplanLaw
    from offtake.demand.scaling_laws.repeated import RepeatedDataLaw
    from offtake.domain.errors import InvalidInput

    if isinstance(law, FrontierLaw):
        raise law.no_loss()
    n, d, c = (given.get(key) for key in ("parameters", "tokens", "flop"))
    if unique is not None and not isinstance(law, RepeatedDataLaw):
        raise InvalidInput(f"`{law.name}` knows no repetition", hint="give --law muennighoff")
    if n is not None and d is not None and c is None:
        if isinstance(law, RepeatedDataLaw):
            return float(law.loss(n, d, d if unique is None else unique))
        return float(law.loss(n, d))
    if isinstance(law, KaplanLaw) and len(given) == 1:
        if n is not None:
            return float(law.loss_by_parameters(n))
        return float(law.loss_by_tokens(d) if d is not None else law.loss_by_flop(c or 0.0))
    if c is not None and len(given) == 1:
        best = (
            law.for_flop(c, c if unique is None else unique)
            if isinstance(law, RepeatedDataLaw)
            else law.for_flop(c)
        )
        if best.loss is None:
            raise ValueError(f"{law.name} states no loss")
        return float(best.loss)
    raise InvalidInput(
        "a loss is that of parameters and tokens, or of FLOP",
        hint="give --parameters and --tokens, or --flop; law `kaplan` also takes --parameters or --tokens alone",
    )


def optimal(
    flop: Flop = None,
    loss: Loss = None,
    parameters: Parameters = None,
    tokens: Tokens = None,
    unique_tokens: Unique = None,
    inference_tokens: Annotated[
        str | None, typer.Option(help="Tokens that the model will serve; with --loss, they count too.")
    ] = None,
    law: LawName = "besiroglu",
    as_json: AsJson = False,
) -> None:
    """Say the best model size and tokens for a budget of FLOP, a loss, or one of the two."""
    from offtake.bootstrap import scaling
    from offtake.domain.errors import InvalidInput

    with outcomes():
        given = amounts_of(flop=flop, loss=loss, parameters=parameters, tokens=tokens)
        if len(given) != 1:
            raise InvalidInput(
                "say one thing that the run is to be best for",
                hint="--flop, --loss, --parameters or --tokens",
            )
        unique = None if unique_tokens is None else scaling.amount(unique_tokens, "tokens")
        served = None if inference_tokens is None else scaling.amount(inference_tokens, "tokens")
        rows: list[dict[str, object]] = []
        refused: list[str] = []
        for name, one in chosen(law).items():
            try:
                rows.append({"law": name, **_best(one, given, unique, served), "source": one.source})
            except InvalidInput as problem:
                if law != "all":
                    raise
                refused.append(problem.message)
        if as_json:
            say_json(rows if law == "all" else rows[0])
            return
        _say_optima(rows)
        for reason in refused:
            typer.echo(reason, err=True)


def _best(
    law: Law, given: dict[str, float], unique: float | None, served: float | None
) -> dict[str, float | None]:
    from offtake.demand.scaling_laws.frontier import FrontierLaw
    from offtake.demand.scaling_laws.parametric import ParametricLaw
    from offtake.demand.scaling_laws.repeated import RepeatedDataLaw
    from offtake.demand.scaling_laws.serving import served_optimum
    from offtake.domain.errors import InvalidInput

    what, value = next(iter(given.items()))
    if served is not None:
        if not isinstance(law, ParametricLaw) or what != "loss":
            raise InvalidInput(
                f"`{law.name}` cannot count what is served here",
                hint="give --loss with --inference-tokens, and a law such as besiroglu",
            )
        both = served_optimum(law, value, served)
        return {
            **_record(both.training),
            "serving_flop": float(both.serving_flop),
            "total_flop": float(both.total_flop),
        }
    if isinstance(law, RepeatedDataLaw):
        if what in ("parameters", "tokens"):
            raise InvalidInput(f"`{law.name}` answers for FLOP or a loss", hint="give --flop or --loss")
        # Without a stated number all tokens are unique, and the law is the one under it.
        if unique is None:
            return _record(law.base.for_flop(value) if what == "flop" else law.base.for_loss(value))
        return _record(law.for_flop(value, unique) if what == "flop" else law.for_loss(value, unique))
    if unique is not None:
        raise InvalidInput(f"`{law.name}` knows no repetition", hint="give --law muennighoff")
    if what == "loss":
        if isinstance(law, FrontierLaw):
            raise law.no_loss()
        return _record(law.for_loss(value))
    ask = {"flop": law.for_flop, "parameters": law.for_parameters, "tokens": law.for_tokens}
    return _record(ask[what](value))


def _record(best: Optimum) -> dict[str, float | None]:
    return {
        "flop": float(best.flop),
        "parameters": float(best.parameters),
        "tokens": float(best.tokens),
        "loss": None if best.loss is None else float(best.loss),
    }


def _say_optima(rows: list[dict[str, object]]) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    served = any("total_flop" in row for row in rows)
    more = ("FLOP served", "FLOP in all") if served else ()
    table = page_table(
        "The best run",
        "law",
        "FLOP",
        "parameters",
        "tokens",
        "tokens each",
        "loss",
        *more,
        right=5 + len(more),
    )
    for row in rows:
        n, d = _float(row["parameters"]), _float(row["tokens"])
        loss = row["loss"]
        cells = [str(row["law"]), f"{_float(row['flop']):.3g}", large(n), large(d), f"{d / n:.1f}"]
        cells.append("" if loss is None else f"{_float(loss):.4f}")
        if served:
            cells += [f"{_float(row['serving_flop']):.3g}", f"{_float(row['total_flop']):.3g}"]
        table.add_row(*cells)
    page_console().print(table)
    if len(rows) == 1:
        typer.echo(str(rows[0]["source"]))


def reach(
    loss: Annotated[str, typer.Option(help="The loss to reach, in nats per token.")],
    parameters: Parameters = None,
    tokens: Tokens = None,
    law: LawName = "besiroglu",
    as_json: AsJson = False,
) -> None:
    """Say the tokens with which a model of a size reaches a loss; or the size with which so many tokens do."""
    from offtake.bootstrap import scaling
    from offtake.demand.scaling_laws.optimum import training_flop
    from offtake.demand.scaling_laws.parametric import ParametricLaw
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli.outcome import NO, leave

    with outcomes():
        given = amounts_of(parameters=parameters, tokens=tokens)
        one = scaling.law(law)
        if len(given) != 1 or not isinstance(one, ParametricLaw):
            raise InvalidInput(
                "this asks a law of three terms for tokens or for a size",
                hint="give --loss, one of --parameters and --tokens, and a law such as besiroglu",
            )
        target = scaling.amount(loss, "loss")
        n, d = given.get("parameters"), given.get("tokens")
        if n is not None:
            d = float(one.tokens_for(target, n))
        elif d is not None:
            n = float(one.parameters_for(target, d))
        possible = n is not None and d is not None and n < float("inf") and d < float("inf")
        flop = float(training_flop(n, d)) if possible and n is not None and d is not None else None
        if as_json:
            say_json(
                {
                    "law": law,
                    "loss": target,
                    "reached": possible,
                    "parameters": n if possible or parameters else None,
                    "tokens": d if possible or tokens else None,
                    "flop": flop,
                }
            )
        elif flop is None:
            given_by = f"{parameters} parameters" if parameters else f"{tokens} tokens"
            best = one.for_loss(target)
            typer.echo(
                f"no: with {given_by} a loss of {target:g} is out of reach; the cheapest run has "
                f"{large(float(best.parameters))} parameters and {large(float(best.tokens))} tokens"
            )
        else:
            typer.echo(f"{large(n or 0)} parameters, {large(d or 0)} tokens, {flop:.3g} FLOP")
        if flop is None:
            leave(NO)


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


for command, name, example in (
    (list_laws, "list", "offtake laws list"),
    (loss, "loss", "offtake laws loss --parameters 70e9 --tokens 1.4e12 --law all"),
    (optimal, "optimal", "offtake laws optimal --flop 5.76e23 --law besiroglu"),
    (reach, "reach", "offtake laws reach --loss 2.0 --parameters '8 billion'"),
    (frontier, "frontier", "offtake laws frontier --law all --plot frontier.svg"),
    (years, "years", "offtake laws years --loss 1.9 --from 2026 --until 2032"),
    (fit, "fit", "offtake laws fit runs.csv --drop-highest 5 --plot fit.html"),
):
    laws.command(name, epilog=f"Example: `{example}`")(command)
