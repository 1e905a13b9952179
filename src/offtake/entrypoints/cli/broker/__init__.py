"""`offtake broker`: commands to the broker, and where its deals stand. Each group of commands is a file here."""

from __future__ import annotations

import typer

from offtake.entrypoints.cli.broker import (
    answers,
    keeping,
    leases,
    needs,
    quoting,
    responding,
    service,
    simulating,
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Ask who gets the next need: first refusal, overflow, leases, on a ledger.",
)
app.add_typer(service.tokens, name="token")

for name, command, example in (
    ("open", keeping.open_, "offtake broker open estate.yaml --ledger deals.db"),
    ("serve", service.serve, "offtake broker serve --ledger deals.db"),
    ("webhooks", service.webhooks, "offtake broker webhooks --ledger deals.db"),
    (
        "file-need",
        needs.file_need,
        "offtake broker file-need n1 '300 MW' --for openai --from 2026-07-01 --until 2031-07-01",
    ),
    (
        "quote",
        quoting.quote,
        "offtake broker quote '300 MW' --for openai --from 2026-07-01 --until 2031-07-01",
    ),
    ("answer", answers.answer, "offtake broker answer n1 --by microsoft --take azure-georgia='100 MW'"),
    ("acknowledge", answers.acknowledge, "offtake broker acknowledge n1 --by microsoft"),
    ("bid", answers.bid, "offtake broker bid n1 abilene/gb200 '300 MW' '2.03 USD/accelerator-hour'"),
    ("withdraw", answers.withdraw, "offtake broker withdraw n1.abilene.gb200"),
    ("award", needs.award, "offtake broker award n1"),
    ("respond", responding.respond, "offtake broker respond rules.yaml --ledger deals.db"),
    (
        "simulate",
        simulating.simulate,
        "offtake broker simulate estate.yaml --trace jobs.csv --without draft --out deals.html",
    ),
    ("extend", leases.extend, "offtake broker extend n1-1 --until 2033-07-01"),
    ("cancel", needs.cancel, "offtake broker cancel n1"),
    ("release", leases.release, "offtake broker release n1-1 --on 2030-01-01"),
    ("approve", answers.approve, "offtake broker approve charter.board --by board --need n1"),
    ("record-event", keeping.record_event, "offtake broker record-event agi-declared --on 2027-05-01"),
    ("amend", keeping.amend, "offtake broker amend microsoft-openai amendment.yaml"),
    (
        "read-meter",
        keeping.read_meter,
        "offtake broker read-meter alpha-cloud.spend 30000 --from 2026-01-01 --until 2026-02-01",
    ),
    ("correct", keeping.correct, "offtake broker correct r1 --because 'counted twice'"),
    ("sweep", keeping.sweep, "offtake broker sweep"),
    ("status", keeping.status, "offtake broker status n1"),
    (
        "import",
        needs.import_,
        "offtake broker import out/stargate/plan.json --from 2026-07-01 --until 2026-10-01",
    ),
):
    app.command(name, epilog=f"Example: `{example}`")(command)
