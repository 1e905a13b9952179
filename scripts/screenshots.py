"""Pictures of the reports in out/ for the documentation: `make screenshots`."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, sync_playwright

ROOT = Path(__file__).parents[1]
INTO = ROOT / "docs" / "screenshots"
MARGIN = 24  # Pixels around an element.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@dataclass(frozen=True)
class Shot:
    """A picture: of which report, how large, in which theme, and of which element (else of the first screen)."""

    name: str
    report: str
    width: int
    height: int
    theme: str = "light"
    element: str | None = None
    scale: float = 1.0


SHOTS = (
    Shot("stargate", "stargate", 1280, 1040),
    Shot("stargate-waterfall-dark", "stargate", 1000, 900, "dark", "#figure-waterfall"),
    Shot("stargate-refusal", "stargate", 1000, 900, "light", "#figure-refusal-1"),
    Shot("company", "company", 1280, 1000),
    Shot("company-serving", "company", 1000, 900, "light", "#serving"),
    Shot("company-phone", "company", 390, 844, "dark", scale=1.5),
)


def main() -> None:
    """Takes every picture."""
    chromium = subprocess.run(
        [ROOT / "scripts" / "need.sh", "chromium"], capture_output=True, text=True, check=True
    )
    INTO.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=list(QUIET))
        for shot in SHOTS:
            small(taken(browser, shot)).save(INTO / f"{shot.name}.png", optimize=True)
        browser.close()


def taken(browser: Browser, shot: Shot) -> bytes:
    """A picture of a report."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.theme == "dark" else "light",
        device_scale_factor=shot.scale,
    )
    page = context.new_page()
    page.goto((ROOT / "out" / shot.report / "report.html").as_uri())
    if shot.element is None:
        return page.screenshot()
    page.add_style_tag(content=".top { position: static !important }")
    box = page.locator(shot.element).bounding_box()
    if box is None:
        raise ValueError(f"{shot.report} has no {shot.element}")
    clip = FloatRect(
        x=max(0.0, box["x"] - MARGIN),
        y=box["y"] - MARGIN,
        width=box["width"] + 2 * MARGIN,
        height=box["height"] + 2 * MARGIN,
    )
    return page.screenshot(full_page=True, clip=clip)


def small(picture: bytes) -> Image.Image:
    """The picture in 128 colours."""
    return Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()
