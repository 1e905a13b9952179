"""`offtake laws years`: what one loss takes in later years, if past progress went on."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json

# The halvings of `offtake.demand.training.effective`, in months; stated here so that --help needs no numpy.
_ALGORITHMS: float = 8.0
_PRICES: float = 24.84


def years(
    loss: Annotated[str | None, typer.Option(help="The loss to reach, in nats per token.")] = None,
    flop: Annotated[str | None, typer.Option(help="Or the FLOP that are needed on --law-from.")] = None,
    law: Annotated[str, typer.Option("--law", help="A law that states losses.")] = "besiroglu",
    law_from: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day whose algorithms the law describes.")
    ] = datetime(2022, 3, 29),  # noqa: DTZ001 - a day without a clock: Hoffmann et al. 2022 is of 29 March
    begin: Annotated[int, typer.Option("--from", help="The first year, whose price is today's.")] = 2026,
    end: Annotated[int, typer.Option("--until", help="The year after the last.")] = 2032,
    halving_months: Annotated[
        float, typer.Option(min=0, help="In which algorithms halve the FLOP; 0 holds them still.")
    ] = _ALGORITHMS,
    price_halving_months: Annotated[
        float, typer.Option(min=0, help="In which the price of a FLOP halves; 0 holds it still.")
    ] = _PRICES,
    accelerator: Annotated[
        str, typer.Option(help="Rented by the hour: a100, h100, h800 or tpu-v4.")
    ] = "h100",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show how better algorithms and cheaper FLOP move what a loss takes, year by year, if past progress went on."""
    from offtake.bootstrap import scaling, training
    from offtake.demand.training.effective import ALGORITHMS_SOURCE, PRICES_SOURCE
    from offtake.domain.errors import InvalidInput

    with outcomes():
        if (loss is None) == (flop is None):
            raise InvalidInput("say what is to be reached", hint="--loss 1.9, or --flop 5e25")
        if loss is not None:
            needed = scaling.flop_for_loss(law, scaling.amount(loss, "loss"))
        else:
            needed = scaling.amount(flop or "", "flop")
        found = training.later(
            needed,
            accelerator,
            (begin, end),
            law_from.date(),
            halving_months / 12 or None,
            price_halving_months / 12 or None,
        )
        rows = list(
            zip(found.on, found.flop.tolist(), found.usd_per_flop.tolist(), found.usd.tolist(), strict=True)
        )
        if as_json:
            say_json(
                {
                    "years": [
                        {"on": on.isoformat(), "flop": c, "usd_per_flop": price, "usd": usd}
                        for on, c, price, usd in rows
                    ],
                    "algorithms": ALGORITHMS_SOURCE,
                    "prices": PRICES_SOURCE,
                }
            )
            return
        from offtake.entrypoints.cli.laws_asking import large
        from offtake.entrypoints.cli.plan_page import page_console, page_table

        what = f"a loss of {loss} under {law}" if loss is not None else f"what took {needed:.3g} FLOP"
        table = page_table(f"What {what} takes", "year", "FLOP", "USD per EFLOP", "USD", right=3)
        for on, c, price, usd in rows:
            table.add_row(str(on.year), f"{c:.3g}", f"{price * 1e18:.3g}", large(usd))
        page_console().print(table)
        if halving_months:
            typer.echo(f"Algorithms: the FLOP halve in {halving_months:g} months ({ALGORITHMS_SOURCE}).")
        if price_halving_months:
            typer.echo(f"Prices: a FLOP's halves in {price_halving_months:g} months ({PRICES_SOURCE}).")
        typer.echo("Trends of the past, held on: nobody knows that they go on.")
