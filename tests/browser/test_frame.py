"""What stands before scripts run: the bar on top, its links, the product's name; the scripts take it over."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell
from tests.browser.test_budget import COUNT_SHIFTS, MOST_SHIFT, shift
from tests.world import Organization

MODULES = re.compile(r"/static/(?!theme).*\.js$")
SIZES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 700}},
}
# An element is the same one as before if it still has what was written on it.
MARK = "for (const element of document.querySelectorAll('header, header *, main')) element.stood = true"
ELEMENTS = ["header", ".brand", "nav", "nav a[aria-current]", "main"]
STILL_THERE = "(selectors) => selectors.map((selector) => document.querySelector(selector).stood)"


def expect_frame(page: Page) -> None:
    banner = page.get_by_role("banner")
    expect(banner).to_be_visible()
    expect(banner.get_by_role("link", name="supabase-pagerduty")).to_be_visible()
    expect(banner.get_by_role("link", name="Incidents")).to_have_attribute("aria-current", "page")
    expect(banner.get_by_role("link", name="Settings")).to_be_visible()
    expect(page.locator(".skeleton-row").first).to_be_visible()


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_it_stands_while_scripts_are_on_their_way_and_nothing_jumps(
    windows: Windows, acme: Organization, size: dict[str, Any]
) -> None:
    held: list[Route] | None = []
    page = windows.window(acme.responder, **size)
    page.add_init_script(COUNT_SHIFTS)
    page.route(MODULES, lambda route: route.continue_() if held is None else held.append(route))
    page.goto("/incidents", wait_until="commit")
    expect_frame(page)
    page.evaluate(MARK)
    waiting, held = held or [], None
    for route in waiting:
        route.continue_()
    expect(bell(page)).to_be_visible()
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    assert page.evaluate(STILL_THERE, ELEMENTS) == [True] * len(ELEMENTS)
    assert shift(page) < MOST_SHIFT


def test_it_stands_where_scripts_never_come(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_FAILED")
    page = windows.window(acme.responder)
    page.route(re.compile(r"/static/.*\.js$"), lambda route: route.abort())
    page.goto("/incidents")
    expect_frame(page)


def test_without_scripts_it_says_that_they_are_needed(windows: Windows) -> None:
    page = windows.open(None, "/incidents", java_script_enabled=False)
    expect(page.get_by_role("banner")).to_be_visible()
    expect(page.get_by_role("heading", name="This app needs JavaScript")).to_be_visible()
    expect(page.locator(".skeleton-row").first).to_be_hidden()


def test_a_page_whose_script_cannot_be_fetched_says_so(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_FAILED")
    script = re.compile(r"/static/settings-.*\.js$")
    page = windows.window(acme.responder)
    page.route(script, lambda route: route.abort())
    page.goto("/incidents")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("main").get_by_text("This page could not be fetched.")).to_be_visible()
    page.unroute(script)
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_a_page_whose_script_is_not_there_yet_appears_when_the_network_is_back(
    windows: Windows, acme: Organization
) -> None:
    windows.watch.expect("ERR_FAILED", "ERR_INTERNET_DISCONNECTED")
    page = windows.window(acme.responder)
    script = re.compile(r"/static/settings-.*\.js$")
    page.route(script, lambda route: route.abort())
    page.goto("/incidents")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("main").get_by_text("The service cannot be reached.")).to_be_visible()
    page.unroute(script)
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


def test_what_is_opened_later_is_there_without_a_network(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = windows.window(acme.responder)
    with page.expect_response(re.compile(r"/static/settings-.*\.js$")):
        page.goto("/incidents")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
