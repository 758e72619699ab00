"""Fixtures of the browser tests: one Chromium, and windows in it for people, watched for what no page may do."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from devstack.stack import ROOT, Stack
from tests.browser.chromium import NoChromium, launch
from tests.browser.watch import Watch
from tests.one_at_a_time import one_at_a_time
from tests.world import Person

_OUTCOME = pytest.StashKey[bool]()
_PATIENCE = 15_000  # milliseconds, for a busy machine; what is expected mostly comes at once


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remembers that a test failed, so that its fixtures can take pictures."""
    report = yield
    item.stash[_OUTCOME] = item.stash.get(_OUTCOME, False) or report.failed
    return report


@pytest.fixture(scope="package", autouse=True)
def bundle() -> None:
    """The pages as their sources are now: built by whoever of the test processes comes first, if they changed."""
    with one_at_a_time():
        subprocess.run(["make", "--silent", "build"], cwd=ROOT, check=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these tests, but no others: Playwright's event loop occupies the main thread."""
    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        try:
            running = launch(playwright.chromium)
        except NoChromium as error:
            pytest.fail(str(error), pytrace=False)
        yield running
        running.close()


class Windows:
    """Opens windows: each is a context of its own, with its own storage, as on another device."""

    def __init__(self, browser: Browser, stack: Stack, watch: Watch) -> None:
        self._browser, self._stack, self.watch = browser, stack, watch
        self.contexts: list[BrowserContext] = []

    def window(self, person: Person | None = None, **options: Any) -> Page:
        """An empty page, signed in if there is a person. `options` are Playwright's for contexts."""
        state = {"cookies": [], "origins": [self._storage(person)] if person else []}
        context = self._browser.new_context(
            base_url=self._stack.service_url,
            storage_state=options.pop("storage_state", state),
            **{"locale": "en-GB", "reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(_PATIENCE)
        self.watch.attach(context)
        self.contexts.append(context)
        return context.new_page()

    def open(self, person: Person | None, path: str, **options: Any) -> Page:
        """A page at a path of the service."""
        page = self.window(person, **options)
        page.goto(path)
        return page

    def _storage(self, person: Person) -> dict[str, Any]:
        return {"origin": self._stack.service_url, "localStorage": [session_item(self._stack, person.session)]}


def session_item(stack: Stack, session: dict[str, Any]) -> dict[str, str]:
    """A session where supabase-js keeps it, under a key made of the host's first part."""
    project = (urlsplit(stack.supabase_url).hostname or "").split(".")[0]
    return {"name": f"sb-{project}-auth-token", "value": json.dumps(session)}


@pytest.fixture
def watch(stack: Stack) -> Watch:
    """What the pages of this test did that they may not; checked when it ends."""
    return Watch((stack.service_url, stack.supabase_url))


@pytest.fixture
def windows(
    browser: Browser, stack: Stack, watch: Watch, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Windows]:
    """Opens windows for people. When the test ends, none may have given reason to complain."""
    opened = Windows(browser, stack, watch)
    yield opened
    pages = [page for context in opened.contexts for page in context.pages]
    if request.node.stash.get(_OUTCOME, False) or watch.complaints():
        for number, page in enumerate(pages):
            page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
        print(f"Screenshots: {tmp_path}")  # noqa: T201 -- shown with the failure
    for context in opened.contexts:
        context.close()
    assert watch.complaints() == []
