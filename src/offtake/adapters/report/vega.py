"""Figures as pictures: Vega-Lite specs rendered to static SVG and PNG, with no browser and no network."""

from __future__ import annotations

import re
from html import escape
from textwrap import wrap
from typing import Final

from offtake.adapters.report.document import NARROW, WIDE, Figure, Frame, Spec
from offtake.adapters.report.palette import LIGHT, as_variables

VEGA_LITE: Final = "5.21"
FONT: Final = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
_INNER: Final = re.compile(r' (?:aria-[a-z]+|role|pointer-events|class|opacity)="(?:[^"]*)"')
_EMPTY: Final = re.compile(r'<path[^>]* display="none"/>|<path d="M0,0h0v0h0Z"/>')
_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")
_ID: Final = re.compile(r'(id="|url\(#)([A-Za-z_]+\d+)')


def drawn(figure: Figure, frame: Frame) -> str:
    """The figure as SVG in the light colours, without title or source."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(_themed(figure.draw(frame), frame), vl_version=VEGA_LITE)
    svg = _EMPTY.sub("", _INNER.sub(_kept, svg))
    svg = _NUMBER.sub(lambda found: f"{float(found.group()):.2f}".rstrip("0").rstrip("."), svg)
    svg = _at_width(svg, frame.width)
    size = "n" if frame.narrow else "w"
    # The renderer counts its ids through the whole process; counted per drawing, the same figure has the same bytes.
    numbered: dict[str, int] = {}

    def named(found: re.Match[str]) -> str:
        number = numbered.setdefault(found.group(2), len(numbered) + 1)
        return f"{found.group(1)}{figure.id}-{size}-{number}"

    return _ID.sub(named, svg)


def _at_width(svg: str, width: int) -> str:
    """The drawing in a box as wide as its frame, so that all are shown at one scale."""
    head, body = svg.split(">", 1)
    head = re.sub(r'viewBox="0 0 [\d.]+ ', f'viewBox="0 0 {width} ', head)
    head = re.sub(r' width="[^"]*"', f' width="{width}"', head, count=1)
    return f"{head}>{body}"


def _kept(found: re.Match[str]) -> str:
    """Of the attributes that only a live view needs, those that change the drawing."""
    part = found.group()
    return part if part.startswith(" opacity") and part != ' opacity="1"' else ""


def on_page(figure: Figure) -> tuple[str, str]:
    """The figure for a wide page and for a phone, in colours that follow the theme."""
    return inline(drawn(figure, WIDE)), inline(drawn(figure, NARROW))


def inline(svg: str) -> str:
    """A drawing as part of a page: it takes its size, colours and font from there, and is named there."""
    head, body = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    if box is None:
        raise ValueError("a drawing without a viewBox")
    shown = as_variables(body).replace(f' font-family="{FONT}"', "")
    return f'<svg {box.group()} aria-hidden="true" focusable="false">{shown}'


def alone(figure: Figure) -> str:
    """The figure as an SVG file of its own: title, sentence, legend, drawing and source."""
    inner = drawn(figure, WIDE)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', inner)
    if box is None:
        raise ValueError("a drawing without a viewBox")
    width, height = float(box.group(1)), float(box.group(2))
    parts: list[str] = []
    y = 34.0
    for line in wrap(figure.title, 80):
        parts.append(_line(line, 24, y, 20, LIGHT["ink"], bold=True))
        y += 26
    for line in wrap(figure.says, 125):
        parts.append(_line(line, 24, y, 13.5, LIGHT["soft"]))
        y += 19
    legend, y = _legend(figure, width, y + 4)
    parts.append(legend)
    body = inner.split(">", 1)[1]
    parts.append(f'<g transform="translate(24,{y:g})">{body.rsplit("</svg>", 1)[0]}</g>')
    y += height + 22
    for line in wrap(f"Source: {figure.source}", 150):
        parts.append(_line(line, 24, y, 11, LIGHT["soft"]))
        y += 15
    total, tall = width + 48, y + 8
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total:g}" height="{tall:g}" '
        f'viewBox="0 0 {total:g} {tall:g}" role="img"><title>{escape(figure.title)}</title>'
        f"<desc>{escape(figure.says)} Source: {escape(figure.source)}</desc>"
        f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>{"".join(parts)}</svg>\n'
    )


def as_png(svg: str) -> bytes:
    """A drawing as PNG at twice its size."""
    import vl_convert

    return vl_convert.svg_to_png(svg, scale=2)


def _line(words: str, x: float, y: float, size: float, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{FONT}" font-size="{size:g}"{weight} fill="{colour}">'
        f"{escape(words)}</text>"
    )


def swatch(mark: str, colour: str) -> str:
    """A sign of the legend, 16 by 12."""
    shapes = {
        "outline": f'<rect x="1.5" y="1.5" width="13" height="9" fill="{colour}" fill-opacity="0.22" '
        f'stroke="{colour}" stroke-width="1.5" stroke-dasharray="3 2"/>',
        "line": f'<path d="M0 6h16" stroke="{colour}" stroke-width="2.5"/>',
        "dot": f'<circle cx="8" cy="6" r="4.5" fill="{colour}"/>',
        "diamond": f'<path d="M8 0.5L13.5 6L8 11.5L2.5 6Z" fill="{colour}"/>',
        "tick": f'<path d="M1 6h14" stroke="{colour}" stroke-width="3"/>',
        "light": f'<rect x="1" y="1" width="14" height="10" fill="{colour}" fill-opacity="0.45"/>',
    }
    return shapes.get(mark, f'<rect x="1" y="1" width="14" height="10" rx="1.5" fill="{colour}"/>')


def _legend(figure: Figure, width: float, y: float) -> tuple[str, float]:
    """The legend in rows, and where the drawing begins below it."""
    parts: list[str] = []
    x = 24.0
    for label, colour, mark in figure.legend:
        room = 30 + 7.0 * len(label)
        if x + room > width + 24 and x > 24:
            x, y = 24.0, y + 22
        parts.append(f'<g transform="translate({x:g},{y - 2:g})">{swatch(mark, LIGHT[colour])}</g>')
        parts.append(_line(label, x + 22, y + 8, 12.5, LIGHT["ink"]))
        x += room
    return "".join(parts), y + (26 if figure.legend else 6)


def _themed(spec: Spec, frame: Frame) -> Spec:
    size = 11 if frame.narrow else 12.5
    axis: Spec = {
        "labelColor": LIGHT["soft"],
        "titleColor": LIGHT["soft"],
        "labelFontSize": size,
        "titleFontSize": size,
        "titleFontWeight": "normal",
        "gridColor": LIGHT["grid"],
        "domainColor": LIGHT["line"],
        "tickColor": LIGHT["line"],
        "labelPadding": 6,
        "ticks": False,
        "labelOverlap": False,
    }
    config: Spec = {
        "font": FONT,
        "view": {"stroke": None},
        "axis": axis,
        "text": {"color": LIGHT["ink"], "fontSize": size},
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": None,
        "config": config,
        **spec,
    }
