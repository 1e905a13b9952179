"""`offtake broker simulate`: what a trace of jobs would come to under agreements, before anybody signs them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import INTERRUPTED, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.bootstrap.simulating import Wanted
    from offtake.broker.simulating.answer import Simulated
    from offtake.domain.estate import Estate


def simulate(
    estate: Annotated[Path, typer.Argument(help="The estate, with the agreements as they would be.")],
    trace: Annotated[Path, typer.Option(help="Jobs, CSV or Parquet; docs/broker-rules.md has the columns.")],
    without: Annotated[
        str | None, typer.Option(help="Beside it, the same without one of its agreements: a draft's effect.")
    ] = None,
    against: Annotated[Path | None, typer.Option(help="Beside it, the same under another estate.")] = None,
    respond: Annotated[
        Path | None,
        typer.Option(help="Rules by which parties answer; else plain ones are assumed, and said."),
    ] = None,
    party: Annotated[
        str | None,
        typer.Option("--for", help="Who needs the jobs' capacity; the estate's `for`, if left out."),
    ] = None,
    window: Annotated[
        int, typer.Option(help="Days of a window; jobs with the same windows are one need.")
    ] = 7,
    lead: Annotated[int, typer.Option(help="Days before it begins on which a need is filed.")] = 28,
    scale: Annotated[
        str, typer.Option(help="Multiplies what jobs run on, such as 16 for a larger cluster.")
    ] = "1",
    at_most: Annotated[str | None, typer.Option(help="The highest price: `3 USD/accelerator-hour`.")] = None,
    begins: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="The trace's first day; its own, or the horizon's."
        ),
    ] = None,
    calendar: Annotated[str | None, typer.Option(help="The country whose business days waits count.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="A column by another name: `accelerators=num_gpus`.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="A kind of the trace as one of the estate's: `A100-80=a100`.")
    ] = None,
    job_class: Annotated[list[str] | None, typer.Option("--class", help="Only jobs of this class.")] = None,
    seed: Annotated[int, typer.Option(help="What chances and delays between two are drawn from.")] = 0,
    keep: Annotated[
        str | None, typer.Option(help="Keep the simulated ledger in a new file, for `offtake ledger`.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page with pictures, ending in .html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Replay a trace of jobs as needs: who gets what, at what cost, how often rights are used, how long deals wait.

    Ctrl-C ends it early, with an answer of what was played until then that says so.
    """
    from offtake.bootstrap.simulating import Wanted, pairs

    with outcomes():
        wanted = Wanted(
            trace=trace,
            rules=respond,
            party=party,
            window_days=window,
            lead_days=lead,
            scale=scale,
            price_limit=at_most,
            seed=seed,
            first_day=None if begins is None else begins.date(),
            calendar=calendar,
            columns=pairs(column or (), "--column"),
            kinds=pairs(kind or (), "--kind"),
            classes=tuple(job_class or ()),
            keep=keep,
        )
        found = _found(_sides(estate, without, against), wanted)
        if out is not None:
            from offtake.adapters.simulation_page import write_simulations

            write_simulations(found, out)
        if as_json:
            from offtake.broker.simulating.records import record_of

            say_json({"simulations": [record_of(one) for one in found]})
        else:
            from offtake.entrypoints.cli.broker.simulation_table import show_simulations

            show_simulations(found)
            if out is not None:
                typer.echo(f"written: {out}")
        if not all(one.complete for one in found):
            leave(INTERRUPTED)


def _sides(path: Path, without: str | None, against: Path | None) -> list[tuple[str, Estate]]:
    """The estates that are simulated, each by its name."""
    from offtake.bootstrap import simulating as bootstrap
    from offtake.domain.errors import InvalidInput

    if without is not None and against is not None:
        raise InvalidInput("two are put side by side, not three", hint="give --without or --against")
    estate = loaded(path).estate
    if without is not None:
        return [(f"with {without}", estate), (f"without {without}", bootstrap.without(estate, without))]
    name = estate.name or path.stem
    if against is None:
        return [(name, estate)]
    other = loaded(against).estate
    second = other.name or against.stem
    return [(name, estate), (second if second != name else against.stem, other)]


def _found(sides: list[tuple[str, Estate]], wanted: Wanted) -> list[Simulated]:
    """The simulations, as far as they got: an interrupted one is the last."""
    from dataclasses import replace

    from offtake.bootstrap.simulating import simulate as simulated
    from offtake.entrypoints.cli.progress import stages_and_counts

    found: list[Simulated] = []
    with stages_and_counts() as (_, count):
        for place, (name, estate) in enumerate(sides):
            how = wanted if place == 0 else replace(wanted, keep=None)

            def progress(what: str, done: int, of: int, name: str = name) -> None:
                count(f"{name}: {what}", done, of)

            found.append(simulated(estate, name, how, progress))
            if not found[-1].complete:
                break
    return found
