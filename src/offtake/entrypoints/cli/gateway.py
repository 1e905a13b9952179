"""`offtake gateway`: requests on their way to models, under the law; and what its receipts tell."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from offtake.entrypoints.cli.outcome import NO, leave, outcomes, say_json

gateway = typer.Typer(no_args_is_help=True, help="Route requests to models under the law, and keep receipts.")
keys = typer.Typer(no_args_is_help=True, help="Callers' keys: hashed, bound to a class, expiring, revocable.")
receipts = typer.Typer(no_args_is_help=True, help="Receipts of requests, signed.")
gateway.add_typer(keys, name="keys")
gateway.add_typer(receipts, name="receipts")

Estate = Annotated[Path, typer.Argument(help="The estate, a YAML file.")]
State = Annotated[Path, typer.Option(help="Where keys, events and receipts are kept.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
HERE = Path("gateway-state")


class Without(StrEnum):
    """What a process does with shared bounds once their store is gone."""

    close = "close"
    count_alone = "count-alone"


@gateway.command(epilog="Example: `offtake gateway serve estate.yaml --port 8080`")
def serve(
    estate: Estate,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 takes any that is free.")] = 8080,
    state: State = HERE,
    shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Send each request where its caller asked, and only note the choice."),
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes on one port, watched over; SIGHUP replaces them."),
    ] = None,
    meters: Annotated[
        str | None,
        typer.Option(
            envvar="OFFTAKE_METERS",
            help="A postgresql:// URL behind which several machines share what may be used of each bound.",
        ),
    ] = None,
    without_meters: Annotated[
        Without,
        typer.Option(
            help="What to do with shared bounds while nobody can be asked what others use: refuse, or count alone."
        ),
    ] = Without.close,
    drain: Annotated[
        int, typer.Option(min=0, max=3600, help="Seconds that answers under way have when a process ends.")
    ] = 30,
    ledger: Annotated[
        str | None,
        typer.Option(
            help="The broker's ledger, a file or a postgresql:// URL: its leases, events and readings count here, "
            "and usage is posted there day by day."
        ),
    ] = None,
    collector: Annotated[
        str | None,
        typer.Option(
            envvar="OTEL_EXPORTER_OTLP_ENDPOINT",
            help="A collector that is told of each request, OTLP over HTTP, such as http://127.0.0.1:4318 "
            "(extra `opentelemetry`).",
        ),
    ] = None,
    keep_receipts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Days that receipts are kept; then a month goes as a whole, its evidence is written, and nothing that "
            "a running window counts is removed. Without it they stay.",
        ),
    ] = None,
) -> None:
    """Serve an OpenAI-compatible endpoint over the estate's deployments, until SIGTERM or Ctrl-C.

    A change of the estate, of keys or of events is in force within a second, and no request is lost by it.
    """
    from offtake.bootstrap.gateway import Place
    from offtake.entrypoints.gateway.serving import Asked
    from offtake.entrypoints.gateway.serving import serve as run

    def say(text: str) -> None:
        typer.echo(text, err=True)

    with outcomes():
        asked = Asked(
            estate,
            Place(state),
            shadow,
            meters,
            without_meters.value,
            float(drain),
            ledger,
            collector,
            keep_receipts,
        )
        if processes is None:
            run(asked, host, port, say)
        else:
            from offtake.entrypoints.gateway.supervising import supervise

            supervise(asked, host, port, processes, say)


@gateway.command(epilog="Example: `offtake gateway event estate.yaml agi_declared --on 2027-05-01`")
def event(
    estate: Estate,
    name: Annotated[str, typer.Argument(help="An event of the estate.")],
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC); else today.")
    ] = None,
    about: Annotated[str | None, typer.Option(help="The model or supply it is about; else all.")] = None,
    state: State = HERE,
) -> None:
    """Record that an event has happened: routes that it ends are closed within a second."""
    from offtake.bootstrap.gateway import Place, record_event, today
    from offtake.entrypoints.cli.outcome import loaded

    with outcomes():
        found = loaded(estate).estate
        happened = record_event(found, Place(state).events, name, today() if on is None else on.date(), about)
        typer.echo(f"recorded: {happened.event} on {happened.on}" + (f", about {about}" if about else ""))


@keys.command("new", epilog="Example: `offtake gateway keys new estate.yaml --for assistant --from munich`")
def new_key(
    estate: Estate,
    workload: Annotated[str, typer.Option("--for", help="The class of the estate that it asks as.")],
    region: Annotated[str, typer.Option("--from", help="The region of the estate that it asks from.")],
    data_class: Annotated[str | None, typer.Option(help="A data class, if the class states none.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="A class of customer, if the class states none.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="A model that it may ask for; else all. Repeatable.")
    ] = None,
    expires: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day on which it holds no longer.")
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute, at most.")
    ] = None,
    tokens_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Tokens a minute, read and written, at most.")
    ] = None,
    at_once: Annotated[int | None, typer.Option(min=1, help="Requests at once, at most.")] = None,
    spend: Annotated[
        float | None,
        typer.Option(min=0.0, help="Money a calendar month, in the estate's currency, at most."),
    ] = None,
    state: State = HERE,
) -> None:
    """Make a key. It is printed once, and only its hash is kept."""
    from offtake.adapters.gateway_keys import new_key as make
    from offtake.bootstrap.gateway import Place, check_key
    from offtake.entrypoints.cli.outcome import loaded
    from offtake.router.allowances import Allowed, pico_of

    with outcomes():
        check_key(loaded(estate).estate, workload, region)
        secret, kept = make(
            Place(state).keys,
            workload,
            region,
            data_class,
            customer,
            model or (),
            None if expires is None else expires.date(),
            Allowed(requests_per_minute, tokens_per_minute, at_once, pico_of(spend)),
        )
        typer.echo(secret)
        typer.echo(f"{kept.id}, for {workload} from {region}; only its hash is kept", err=True)


@keys.command("list", epilog="Example: `offtake gateway keys list`")
def list_keys(state: State = HERE, as_json: Json = False) -> None:
    """Show the keys that there are: never the keys themselves."""
    from offtake.adapters.gateway_keys import read_keys
    from offtake.bootstrap.gateway import Place, today

    with outcomes():
        found = read_keys(Place(state).keys)
        if as_json:
            say_json([key.model_dump(mode="json", exclude={"hash"}) for key in found])
            return
        for key in found:
            until = f", until {key.expires}" if key.expires else ""
            models = f", models {', '.join(key.models)}" if key.models else ""
            limits = "".join(f", {text}" for text in key.limits)
            lapsed = key.lapsed(today())
            why = f"  ({lapsed})" if lapsed else ""
            typer.echo(f"{key.id}  {key.workload} from {key.region}{models}{until}{limits}{why}")


@keys.command(epilog="Example: `offtake gateway keys revoke key-1a2b3c4d5e`")
def revoke(
    key: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")], state: State = HERE
) -> None:
    """Take a key's force away, within a second."""
    from offtake.adapters.gateway_keys import revoke as gone
    from offtake.bootstrap.gateway import Place

    with outcomes():
        typer.echo(f"revoked {gone(Place(state).keys, key).id}")


@receipts.command(epilog="Example: `offtake gateway receipts verify`")
def verify(
    state: State = HERE,
    public_key: Annotated[
        Path | None, typer.Option(help="The public key, if it stands elsewhere than in the state.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check every signature, the chain of batches, and the tables that receipts refer to."""
    from offtake.adapters.receipt_corrections import verify_corrections
    from offtake.adapters.receipts_sqlite import verify as verified
    from offtake.bootstrap.gateway import Place

    with outcomes():
        place = Place(state)
        key = public_key or place.public_key
        batches, count, problems = verified(place.receipts, key)
        corrections, wrong = verify_corrections(place.receipts, key)
        problems = (*problems, *wrong)
        if as_json:
            rows = [{"batch": p.batch, "problem": p.text} for p in problems]
            say_json({"batches": batches, "receipts": count, "corrections": corrections, "problems": rows})
        else:
            for problem in problems:
                typer.echo(f"{problem.batch}: {problem.text}")
            verdict = "they do not hold" if problems else "all hold"
            corrected = f", {corrections:,} corrections" if corrections else ""
            typer.echo(f"{count:,} receipts in {batches:,} batches{corrected}: {verdict}")
        if problems:
            leave(NO)


@receipts.command(epilog="Example: `offtake gateway receipts forget --before 2025-01-01`")
def forget(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day that is kept.")],
    state: State = HERE,
) -> None:
    """Remove receipts that are older than they need be kept."""
    from offtake.adapters.receipts_sqlite import forget_before
    from offtake.bootstrap.gateway import Place

    with outcomes():
        typer.echo(f"removed {forget_before(Place(state).receipts, before.date()):,} batches")


@gateway.command(epilog="Example: `offtake gateway explain 9aca61975121-0000000001`")
def explain(
    request: Annotated[str, typer.Argument(help="A request's id, as its answer's `x-request-id` says.")],
    state: State = HERE,
    as_json: Json = False,
) -> None:
    """Say where a request went, and which clauses were asked."""
    from offtake.bootstrap.gateway import Place, explained

    with outcomes():
        receipt, lines = explained(Place(state), request)
        if as_json:
            say_json(receipt._asdict())
            return
        for line in lines:
            typer.echo(line)


@gateway.command(epilog="Example: `offtake gateway evidence --class eu --month 2026-10 --out out/evidence`")
def evidence(
    data_class: Annotated[str, typer.Option("--class", help="A data class.")],
    month: Annotated[datetime, typer.Option(formats=["%Y-%m"], help="The month.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("evidence"),
    state: State = HERE,
) -> None:
    """Write the pack that a data-protection officer asks for: where the class was processed, and what was refused."""
    from offtake.bootstrap.gateway import Place, write_pack

    with outcomes():
        files, found, problems = write_pack(Place(state), data_class, month.date(), out)
        typer.echo(
            f"{found.requests:,} requests of `{data_class}` in {found.month}: processed in "
            f"{', '.join(found.countries) or 'no country'}; {found.refused:,} refused or failed"
        )
        for file in files:
            typer.echo(f"wrote {file}")
        if problems:
            typer.echo(f"the receipts do not hold: {problems[0]}", err=True)
            leave(NO)


@gateway.command(epilog="Example: `offtake gateway replay log.csv estate.yaml --for assistant --from munich`")
def replay(
    log: Annotated[
        Path, typer.Argument(help="Our receipts, a CSV, or JSON lines such as LiteLLM's spend log.")
    ],
    estate: Estate,
    workload: Annotated[
        str | None, typer.Option("--for", help="The class, where the log states none.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--from", help="The clients' region, where the log states none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what a log of requests would have cost, and how many left a boundary, under this estate's agreements."""
    from offtake.bootstrap.gateway import replayed
    from offtake.entrypoints.cli.outcome import loaded

    with outcomes():
        found = replayed(loaded(estate).estate, log, workload, region)
        if as_json:
            from dataclasses import asdict

            say_json({**asdict(found), "total_cost": found.total_cost})
            return
        typer.echo(
            f"{found.requests:,} requests would have cost {found.total_cost:,.2f} {found.currency} by use"
        )
        for supply, count in sorted(found.routed.items(), key=lambda row: -row[1]):
            cost = found.cost[supply] / 10**12
            typer.echo(
                f"  {supply}: {count:,} requests, {found.tokens[supply]:,} tokens, {cost:,.2f} {found.currency}"
            )
        for clauses, count in sorted(found.refused.items(), key=lambda row: -row[1]):
            typer.echo(f"  refused by {clauses}: {count:,}")
        for model, count in sorted(found.unknown.items(), key=lambda row: -row[1]):
            typer.echo(f"  the class has no model `{model}`: {count:,}")
        if found.placed:
            away = sum(found.unlawful.values())
            typer.echo(
                f"of {found.placed:,} whose way is logged, {away:,} went where the law lets them not go"
            )
            for clauses, count in sorted(found.unlawful.items(), key=lambda row: -row[1]):
                typer.echo(f"  against {clauses}: {count:,}")


@gateway.command(epilog="Example: `offtake gateway rehearse --port 9101 --name frankfurt`")
def rehearse(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 takes any that is free.")] = 9101,
    name: Annotated[str, typer.Option(help="What its answers call it.")] = "rehearsal",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Run an upstream that invents its answers, and misbehaves when a request's field `misbehave` asks it to."""
    from offtake.entrypoints.gateway.rehearsal import run

    with outcomes():
        run(name, host, port, lambda text: typer.echo(text, err=True))


@gateway.command(
    epilog="Example: `offtake gateway reconcile estate.yaml invoice.csv --map 'GPT In=use/m/in'`"
)
def reconcile(
    estate: Estate,
    invoice: Annotated[Path, typer.Argument(help="The bill: FOCUS cost and usage, CSV or Parquet.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="NAME=PRODUCT/MODEL/in: what the bill calls NAME. May be repeated."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep the corrections beside the receipts, signed.")
    ] = False,
    state: State = HERE,
    as_json: Json = False,
) -> None:
    """Compare receipts with a bill of tokens, and correct what they estimated.

    An estimate is corrected to what the bill leaves for it if that lies within the bound that was stated with it;
    anything else differs, and somebody should ask. Corrections count from the next start of a process on.
    """
    from offtake.bootstrap.gateway import Place
    from offtake.bootstrap.gateway_reconciling import reconcile_receipts
    from offtake.entrypoints.cli.gateway_reconciling import show
    from offtake.entrypoints.cli.importing import pairs
    from offtake.entrypoints.cli.outcome import loaded

    with outcomes():
        found = reconcile_receipts(
            loaded(estate).estate, Place(state), invoice, pairs(mapped or []), write=write
        )
        show(found, written=write, as_json=as_json)
        if any(line.verdict not in ("agrees", "corrected") for line in found.lines) or found.unread:
            leave(NO)
