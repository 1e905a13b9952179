"""What the commands about laws share: options, amounts as people write them, laws by name, and counts in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from offtake.demand.scaling_laws.published import Law

LawName = Annotated[
    str,
    typer.Option(
        "--law", help="A law that `offtake laws list` names, or `all`, or one's own as E,A,B,alpha,beta."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Parameters = Annotated[str | None, typer.Option(help="Parameters N, such as 70e9 or `70 billion`.")]
Tokens = Annotated[str | None, typer.Option(help="Training tokens D, such as 1.4e12.")]
Flop = Annotated[str | None, typer.Option(help="Training FLOP, such as 5.76e23.")]
Loss = Annotated[str | None, typer.Option(help="Loss in nats per token, such as 1.95.")]
Unique = Annotated[
    str | None, typer.Option(help="Unique tokens, where some are read again (law muennighoff).")
]


def amounts_of(**texts: str | None) -> dict[str, float]:
    """The amounts that were given, by name. Raises InvalidInput for one that cannot be read."""
    from offtake.bootstrap import scaling

    return {what: scaling.amount(text, what) for what, text in texts.items() if text is not None}


def chosen(name: str) -> dict[str, Law]:
    """The law of a name, or every one for `all`. Raises InvalidInput for an unknown name."""
    from offtake.bootstrap import scaling

    return dict(scaling.laws()) if name == "all" else {name: scaling.law(name)}


def large(value: float) -> str:
    """A count: `72.2 billion`, `1.33 trillion`, `8.1e15`."""
    for size, word in ((1e15, ""), (1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{value:.3g}" if not word else f"{value / size:.3g} {word}"
    return f"{value:,.0f}"


def brief(value: float) -> str:
    """A count in a narrow cell: `72.2B`, `1.33T`."""
    for size, letter in ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:,.0f}"
