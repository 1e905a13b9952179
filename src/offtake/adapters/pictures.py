"""One figure as a file: SVG, PNG or a page, by the ending of its name."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from offtake.adapters.report.document import Figure
from offtake.adapters.report.palette import DARK, LIGHT
from offtake.adapters.report.vega import alone, as_png, on_page, swatch
from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import InvalidInput, StorageFailure

ENDINGS: Final = (".svg", ".png", ".html")


def check_ending(path: Path) -> None:
    """Raises InvalidInput for a file whose ending says no kind of picture; asked before long work begins."""
    if path.suffix.lower() not in ENDINGS:
        raise InvalidInput(
            f"`{path.name}` says no kind of picture by its ending", hint="end it in .svg, .png or .html"
        )


def write_picture(figure: Figure, path: Path) -> None:
    """Writes the figure; the file appears whole or not at all.

    Raises InvalidInput for an ending that is no picture's, StorageFailure if the file cannot be written.
    """
    check_ending(path)
    ending = path.suffix.lower()
    content = _page(figure).encode() if ending == ".html" else _picture(figure, ending)
    try:
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(
            f"`{path}` was not written: {error.strerror}", hint="name another file"
        ) from None


def _picture(figure: Figure, ending: str) -> bytes:
    svg = alone(figure)
    return as_png(svg) if ending == ".png" else svg.encode()


def _page(figure: Figure) -> str:
    wide, narrow = on_page(figure)
    legend = "".join(
        f'<li><svg width="16" height="12" viewBox="0 0 16 12" aria-hidden="true">{swatch(mark, f"var(--{colour})")}'
        f"</svg>{escape(label)}</li>"
        for label, colour, mark in figure.legend
    )
    light, dark = (";".join(f"--{name}:{value}" for name, value in theme.items()) for theme in (LIGHT, DARK))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{escape(figure.title)}</title>
<link rel="icon" href="data:,">
<style>
:root{{color-scheme:light dark;{light}}}
@media (prefers-color-scheme:dark){{:root{{{dark}}}}}
body{{margin:0 auto;max-width:56rem;padding:1.5rem 1rem;background:var(--paper);color:var(--ink);
 font:1rem/1.5 "Helvetica Neue",Helvetica,Arial,"Liberation Sans",sans-serif}}
h1{{font-size:1.35rem;margin:0 0 .4rem}} p{{color:var(--soft);margin:.4rem 0}}
ul{{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0}} li svg{{margin-right:.4rem}}
figure{{margin:0}} figure>svg{{width:100%;height:auto}} figcaption{{color:var(--soft);font-size:.8rem}}
.narrow{{display:none}} @media (max-width:640px){{.wide{{display:none}} .narrow{{display:block}}}}
.wide>svg,.narrow>svg{{width:100%;height:auto}}
</style>
</head>
<body>
<main>
<h1>{escape(figure.title)}</h1>
<p>{escape(figure.says)}</p>
<ul aria-label="Legend">{legend}</ul>
<figure role="img" aria-label="{escape(figure.says)}">
<div class="wide">{wide}</div><div class="narrow">{narrow}</div>
<figcaption>Source: {escape(figure.source)}</figcaption>
</figure>
</main>
</body>
</html>
"""
