"""Both examples' reports in a real browser: three widths, both themes, print, keyboard; nothing fails or overflows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from offtake.adapters.report.writing import report_files
from reported import reported
from tools import chromium

EXAMPLES = ("company", "stargate")
WIDTHS = {"phone": 390, "tablet": 820, "desktop": 1440}
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
FOCUSABLE = """() => [...document.querySelectorAll('a[href], button, summary, [tabindex="0"]')]
  .filter((one) => one.checkVisibility({ visibilityProperty: true })).length"""
FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const all = [...document.querySelectorAll('a[href], button, summary, [tabindex="0"]')];
  const style = getComputedStyle(one);
  return [all.indexOf(one), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
}"""
OUTSIDE = """() => [...document.querySelectorAll('main :is(p, li, h1, h2, h3, strong, svg text)')]
  .filter((one) => one.checkVisibility({ opacityProperty: true }) && !one.closest('.scroll'))
  .map((one) => [one.textContent, one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.left < -1 || box.right > innerWidth + 1))
  .map(([text]) => text)"""
CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const v = c / 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0.99) return found;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const one of document.querySelectorAll('h1,h2,h3,p,li,td,th,a,summary,dt,strong,span,button')) {
    if (!one.checkVisibility() || !one.innerText?.trim() || one.closest('.skip')) continue;
    const pair = [luminance(channels(getComputedStyle(one).color)), luminance(ground(one))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) low.push([one.innerText.slice(0, 40), ratio]);
  }
  return low;
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder, found = tmp_path_factory.mktemp("reports"), dict[str, str]()
    for example in EXAMPLES:
        one = reported(example)
        path: Path = folder / f"{example}.html"
        path.write_bytes(report_files(one.plan, one.estate, one.extras, pictures=False)["report.html"])
        found[example] = path.as_uri()
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=list(QUIET))
        yield started
        started.close()


def opened(browser: Browser, url: str, width: int, theme: str) -> tuple[Page, list[str]]:
    """A page at a width in a theme, and what went wrong on it: console messages, errors, requests to anywhere."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if theme == "dark" else "light"
    )
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url != url else None)
    page.goto(url)
    return page, wrong


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_view_is_whole(browser: Browser, pages: dict[str, str], example: str, theme: str):
    for name, width in WIDTHS.items():
        page, wrong = opened(browser, pages[example], width, theme)
        sideways = cast("int", page.evaluate("document.documentElement.scrollWidth - innerWidth"))
        assert sideways <= 0, name
        assert page.evaluate(OUTSIDE) == [], name
        assert page.evaluate(CONTRAST) == [], name
        for link in page.locator("nav.contents a").all():
            target = cast("str", link.get_attribute("href"))
            page.evaluate("(target) => location.hash = target", target)
            assert page.locator(target).count() == 1
        for details in page.locator("main details").all():
            details.evaluate("(one) => one.open = true")
        assert cast("int", page.evaluate("document.documentElement.scrollWidth - innerWidth")) <= 0, name
        assert wrong == [], name
        page.context.close()


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Browser, pages: dict[str, str], example: str
):
    page, wrong = opened(browser, pages[example], WIDTHS["desktop"], "light")
    count = cast("int", page.evaluate(FOCUSABLE))
    seen: set[int] = set()
    for _ in range(count):
        page.keyboard.press("Tab")
        place, outlined = cast("tuple[int, bool]", page.evaluate(FOCUSED))
        assert outlined
        seen.add(place)
    assert len(seen) == count
    assert wrong == []
    page.context.close()


def test_the_theme_is_the_readers_until_the_button_says_otherwise(browser: Browser, pages: dict[str, str]):
    page, wrong = opened(browser, pages["company"], WIDTHS["tablet"], "dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Use the light theme").click()
    light = page.evaluate(ground)
    assert dark == "rgb(19, 22, 27)"
    assert light == "rgb(253, 253, 251)"
    assert wrong == []
    page.context.close()


def test_print_is_light_and_leaves_out_what_only_a_screen_needs(browser: Browser, pages: dict[str, str]):
    page, wrong = opened(browser, pages["company"], WIDTHS["desktop"], "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 251)"
    assert not page.locator("nav.contents").is_visible()
    assert page.locator("#figure-waterfall table").is_visible()
    assert not page.locator("#figure-load table").is_visible()
    assert wrong == []
    page.context.close()
