"""A real browser in front of the application, under a real server, in front of the emulator.

Needs Debian's chromium and the package playwright (``make test-browser`` installs both); without
them these tests are skipped. SCREENSHOTS names a folder to keep pictures in.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from chat2api_core.config import Settings
from chat2api_core.emulator import Emulator
from chat2api_core.server import application, serving
from chat2api_core.wiring import Gateway, build

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ADMIN = "adm-0123456789"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        for item in items:
            if "/browser/" in str(item.path):
                item.add_marker(pytest.mark.skip(reason="there is no chromium"))


class Site:
    """The served application and its settings file."""

    def __init__(self, url: str, gateway: Gateway, file: Path, emulator: Emulator) -> None:
        self.url = url
        self.gateway = gateway
        self.file = file
        self.emulator = emulator


Serve = Callable[..., Site]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve with this settings file and these variables, in front of the emulator."""
    with ExitStack() as stack:

        def begin(text: str, **environ: str) -> Site:
            emulator = Emulator()
            upstream = stack.enter_context(serving(emulator, "critical"))
            file = tmp_path / "conf" / "app.dev.yaml"
            file.parent.mkdir()
            file.write_text(text)

            def adapt(fresh: Settings) -> Settings:
                return structs.replace(
                    fresh,
                    base_urls=(upstream,),
                    auth_url=upstream,
                    usage_counter="estimate",
                    random_token=False,
                )

            known = {"STORE_URL": "memory:", "LOG_LEVEL": "critical"}
            gateway = build(environ=known | environ, cwd=tmp_path, adapt=adapt)
            url = stack.enter_context(serving(application(gateway)))
            return Site(url, gateway, file, emulator)

        yield begin


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


NewPage = Callable[..., "Page"]


@pytest.fixture
def new_page(browser: "Browser") -> "Iterator[NewPage]":
    """A page in a browser of its own. It fails the test on any complaint of the browser: an error
    in a script, or something that the pages' policy forbids."""
    complaints: list[str] = []
    with ExitStack() as stack:

        def make(language: str = "en-GB", **options: Any) -> "Page":
            context = browser.new_context(locale=language, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(8000)
            page.on("pageerror", lambda error: complaints.append(str(error)))

            def listen(message: object) -> None:
                text = str(getattr(message, "text", ""))
                # A refusal is also a line on the console; those are wanted here and there.
                if getattr(message, "type", "") == "error" and "status of 4" not in text:
                    complaints.append(text)

            page.on("console", listen)
            return page

        yield make
    assert complaints == []


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> "Callable[[Page, str], None]":
    """Keeps a picture of the page, if somebody wants to look at it."""
    folder = os.environ.get("SCREENSHOTS", "")

    def keep(page: "Page", name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    return keep
