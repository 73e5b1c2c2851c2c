"""`make shots`: a picture of every page, on a phone and on a desk, for people to look at.

Phones are shown dark and in Vietnamese, desks light and in English, and both the other way
round with `--all`.  `python -m tests.browser.shots orders` takes those whose name begins so.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests import plugin

FOLDER: Final = Path(__file__).parents[2] / "var" / "shots"
_USUAL: Final = ((390, "dark", "vi"), (1280, "light", "en"))
_ALL: Final = tuple(product((390, 900, 1280), ("light", "dark"), ("en", "vi")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pages whose name begins so; default: all")
    parser.add_argument("--all", action="store_true", help="every width, theme and language")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="relaypanel-shots-") as folder:
        # A shop of its own, far from the settings of whoever looks.
        plugin.enter(Path(folder), server_url="")
        _take(asked.names, _ALL if asked.all else _USUAL)


def _take(names: list[str], ways: tuple[tuple[int, str, str], ...]) -> None:
    from tests import databases
    from tests.browser import shop as shops
    from tests.browser.pages import PAGES

    FOLDER.mkdir(parents=True, exist_ok=True)
    pages = [one for one in PAGES if not names or one.name.startswith(tuple(names))]
    with (
        databases.fresh("sqlite") as database_url,
        shops.open_shop(database_url) as shop,
        shops.open_browser() as browser,
    ):
        shops.live_a_little(shop)
        for width, theme, language in ways:
            visit = shops.Visit(shop=shop, browser=browser)
            size = {"width": width, "height": shops.HEIGHT}
            people = {
                who: visit.as_one(who, viewport=size, color_scheme=theme)
                for who in {one.who for one in pages if not one.is_public}
            }
            visitor = visit.as_visitor(viewport=size, color_scheme=theme)
            for one in pages:
                page = visitor if one.is_public else people[one.who]
                visit.speak(page, language)
                visit.open(page, one)
                _save(page, f"{one.name}-{width}-{theme}-{language}.png")
            visit.close()


def _save(page: Page, name: str) -> None:
    # What htmx fetches after the load belongs to the picture.
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / name, full_page=True)
    sys.stdout.write(f"{FOLDER / name}\n")


if __name__ == "__main__":
    main()
