"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from offtake.adapters.report.amounts import tied
from offtake.adapters.report.document import Block, Bullets, Cell, Column, Figure, Prose, Report, Table
from offtake.adapters.report.palette import DARK, LIGHT
from offtake.adapters.report.tables import cell_text
from offtake.adapters.report.vega import on_page, swatch

if TYPE_CHECKING:
    from markupsafe import Markup

_PACKAGE: Final = "offtake.adapters.report"


def page_of(report: Report) -> str:
    """The page. The same report gives the same bytes."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script, style = _file("report.js"), _file("report.css")
    drawings = {figure.id: [Markup(svg) for svg in on_page(figure)] for figure in report.figures}  # noqa: S704 - our own drawings
    environment.filters["tied"] = tied
    return environment.from_string(_file("report.html")).render(
        report=report,
        drawings=drawings,
        swatch=_swatch,
        kind=_kind,
        cell=_cell,
        style=Markup(f"{_themes()}\n{style}"),  # noqa: S704 - the package's own file
        script=Markup(script),  # noqa: S704 - the package's own file
        digest=_digest(f"\n{script}"),
    )


def _cell(column: Column, value: Cell) -> str:
    return tied(cell_text(column, value))


def _file(name: str) -> str:
    return resources.files(_PACKAGE).joinpath("assets", name).read_text(encoding="utf-8")


def _swatch(mark: str, name: str) -> Markup:
    from markupsafe import Markup

    return Markup(swatch(mark, f"var(--{name})"))  # noqa: S704 - made of constants


def _kind(block: Block) -> str:
    match block:
        case Figure():
            return "figure"
        case Table():
            return "table"
        case Prose():
            return "prose"
        case Bullets():
            return "bullets"


def _digest(script: str) -> str:
    """The script's digest, so that the page allows this script and no other."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _themes() -> str:
    """The palette as CSS variables: by the reader's setting, and by the button."""
    light = ";".join(f"--{name}:{value}" for name, value in LIGHT.items())
    dark = ";".join(f"--{name}:{value}" for name, value in DARK.items())
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
        ":root[data-theme=light]{color-scheme:light}"
    )
