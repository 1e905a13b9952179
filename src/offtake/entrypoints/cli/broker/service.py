"""`offtake broker serve` and `offtake broker token`: the broker over HTTP, and who may call it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json

LedgerAt = Annotated[
    str, typer.Option("--ledger", envvar="OFFTAKE_LEDGER", help="A file, or a postgresql:// URL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TokensAt = Annotated[
    Path | None, typer.Option("--tokens", help="The file of tokens; beside the ledger, if left out.")
]
DEFAULT_LEDGER = "offtake.ledger"

tokens = typer.Typer(
    no_args_is_help=True, rich_markup_mode="markdown", help="Make, list and revoke the tokens of a service."
)


def serve(
    ledger: LedgerAt = DEFAULT_LEDGER,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = 8423,
    tokens_at: TokensAt = None,
    certificate: Annotated[Path | None, typer.Option(help="A certificate for TLS, in PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its key.")] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="A proxy on the way speaks TLS; only then listen beyond here."),
    ] = False,
    rate: Annotated[float, typer.Option(min=0.1, help="Requests a second of one token.")] = 50.0,
    burst: Annotated[float, typer.Option(min=1, help="Requests at once of one token.")] = 100.0,
    sweep_every_s: Annotated[
        float, typer.Option("--sweep-every", min=1, help="Seconds after which what is due is recorded.")
    ] = 60.0,
    respond: Annotated[
        Path | None,
        typer.Option(help="Rules by which parties answer, bid, award and approve; docs/broker-rules.md."),
    ] = None,
    webhooks: Annotated[
        Path | None, typer.Option(help="A JSON file of addresses that are told: url, secret, topics.")
    ] = None,
) -> None:
    """Serve a ledger over HTTP: commands, views and events, by token."""
    import logging

    from offtake.bootstrap import service as bootstrap
    from offtake.bootstrap.broker import open_broker, open_kept
    from offtake.bootstrap.responding import responder_of
    from offtake.entrypoints.api.access import Service
    from offtake.entrypoints.api.app import create_app
    from offtake.entrypoints.api.limits import RateLimit
    from offtake.entrypoints.api.serving import Chore, Listening
    from offtake.entrypoints.api.serving import serve as run

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with outcomes():
        listening = Listening(host, port, certificate, tls_key, behind_proxy)
        listening.check()
        known = bootstrap.tokens_of(tokens_at or bootstrap.token_file(ledger))
        open_kept(ledger).close()
        broker = open_broker(ledger)
        limits = (
            RateLimit(rate, burst, bootstrap.monotonic),
            RateLimit(rate, burst, bootstrap.monotonic),
        )
        chores = [Chore("sweep", sweep_every_s, lambda: bootstrap.sweeping(broker))]
        if respond is not None:
            chores.append(Chore("respond", 5.0, responder_of(broker, respond)))
        if webhooks is not None:
            sender = bootstrap.webhooks_of(ledger, webhooks)
            chores.append(Chore("webhooks", 1.0, sender.send))
        app = create_app(Service(broker, known, bootstrap.clock, *limits))
        typer.echo(f"serving {ledger if '://' not in ledger else 'the ledger'} on {host}:{port}", err=True)
        try:
            run(app, listening, chores)
        finally:
            broker.close()


def webhooks(ledger: LedgerAt = DEFAULT_LEDGER, as_json: AsJson = False) -> None:
    """Say how far each webhook has been told, and what was given up."""
    from dataclasses import asdict

    from offtake.bootstrap import service as bootstrap
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    with outcomes():
        cursors, dead = bootstrap.told(ledger)
        if as_json:
            hooks = [{**asdict(one.cursor), "waiting": one.waiting} for one in cursors]
            say_json({"webhooks": hooks, "dead_letters": [asdict(one) for one in dead]})
            return
        console = page_console()
        if not cursors:
            typer.echo("no webhook has been told anything; `offtake broker serve --webhooks FILE` tells them")
            return
        table = page_table("Webhooks", "webhook", "host", "told up to", "waiting", "tries", right=3)
        for one in cursors:
            at = one.cursor
            table.add_row(at.hook, at.host, f"{at.told_to:,}", f"{one.waiting:,}", str(at.tries))
        console.print(table)
        if dead:
            letters = page_table("Given up", "webhook", "topic", "why", "when", "message", right=1)
            for letter in dead:
                letters.add_row(
                    letter.hook,
                    letter.topic,
                    letter.why,
                    letter.given_up[:16].replace("T", " "),
                    str(letter.number),
                )
            console.print(letters)


def create(
    role: Annotated[
        Literal["operator", "auditor", "tenant", "provider"], typer.Argument(help="What it may do.")
    ],
    party: Annotated[
        str | None, typer.Option("--for", help="The party that a tenant or a provider is.")
    ] = None,
    days: Annotated[int, typer.Option(help="How many days it holds.")] = 90,
    ledger: LedgerAt = DEFAULT_LEDGER,
    tokens_at: TokensAt = None,
    as_json: AsJson = False,
) -> None:
    """Make a token; it is shown once, and nowhere kept."""
    from offtake.bootstrap import service as bootstrap

    with outcomes():
        secret, made = bootstrap.create_token(tokens_at or bootstrap.token_file(ledger), role, party, days)
        if as_json:
            say_json({"token": secret, **made.model_dump(mode="json", exclude={"hash"})})
            return
        typer.echo(secret)
        whose = f" for {party}" if party else ""
        typer.secho(f"{made.id}: {role}{whose}, until {made.expires:%Y-%m-%d}", dim=True, err=True)


def list_(ledger: LedgerAt = DEFAULT_LEDGER, tokens_at: TokensAt = None, as_json: AsJson = False) -> None:
    """List tokens by what is kept of them."""
    from offtake.bootstrap import service as bootstrap
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    with outcomes():
        found = bootstrap.list_tokens(tokens_at or bootstrap.token_file(ledger))
        if as_json:
            say_json([one.model_dump(mode="json", exclude={"hash"}) for one in found])
            return
        table = page_table("Tokens", "token", "role", "for", "until", "stands")
        for one in found:
            stands = one.lapsed(bootstrap.clock()) or "holds"
            table.add_row(one.id, one.role, one.party or "", f"{one.expires:%Y-%m-%d}", stands)
        page_console().print(table)


def revoke(
    id: Annotated[str, typer.Argument(help="The token's id; `offtake broker token list` shows it.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    tokens_at: TokensAt = None,
) -> None:
    """Revoke a token; a running service lets it in no longer from its next request on."""
    from offtake.bootstrap import service as bootstrap

    with outcomes():
        gone = bootstrap.revoke_token(tokens_at or bootstrap.token_file(ledger), id)
        typer.echo(f"{gone.id} is revoked")


for name, command, example in (
    ("create", create, "offtake broker token create provider --for microsoft --days 30"),
    ("list", list_, "offtake broker token list"),
    ("revoke", revoke, "offtake broker token revoke token-1a2b3c4d5e"),
):
    tokens.command(name, epilog=f"Example: `{example}`")(command)
