"""The product's name is a setting: wherever the pages say it, it is that one, as text."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import expect

from devstack.stack import Stack
from tests.api.service_processes import ServiceProcess
from tests.browser.conftest import Windows

NAME = "Pager <b>&</b> Co"


@pytest.fixture
def named(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with a name of its own."""
    folder = tmp_path_factory.mktemp("named")
    service = ServiceProcess(stack, folder / "service.log", {"PRODUCT_NAME": NAME})
    try:
        service.start()
        yield service.url
    finally:
        service.stop()


def test_it_stands_in_the_bar_in_titles_and_in_the_installed_app(named: str, windows: Windows) -> None:
    windows.watch.origins += (named,)
    windows.watch.expect("404")
    for path, title in (("/sign-in", "Sign in"), ("/no-such-page", "Not found")):
        page = windows.window()
        page.goto(named + path)
        expect(page).to_have_title(f"{title} · {NAME}")
    page = windows.window()
    page.goto(f"{named}/sign-in")
    expect(page.get_by_role("banner")).to_contain_text(NAME)
    assert httpx.get(f"{named}/manifest.webmanifest").json()["name"] == NAME
    for path, title in (("/api/docs", "API"), ("/problems", "Problems")):
        page = windows.window()
        page.goto(named + path)
        expect(page).to_have_title(f"{title} · {NAME}")
