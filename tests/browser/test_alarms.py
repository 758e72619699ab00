"""What rings, and where else one sees that something is unread: in other tabs, beside the page, on its icon."""

import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from devstack.stack import Stack
from tests.browser.conftest import Windows
from tests.browser.steps import bell, expect_unread, open_bell, panel
from tests.world import Organization, v3

PATIENCE = 15  # seconds
SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications())
  .map(({ title, body, tag, data }) => ({ title, body, tag, data }))"""
# Chromium without windows has no place where a system shows notifications: this is one, where there is none.
TRAY = """
if (Notification.permission === 'denied') {
  const shown = new Map();
  Object.defineProperty(Notification, 'permission', { value: 'granted' });
  Notification.requestPermission = async () => 'granted';
  ServiceWorkerRegistration.prototype.showNotification = async (title, { tag, ...options }) => {
    shown.delete(tag);
    shown.set(tag, { title, tag, ...options, close: () => shown.delete(tag) });
  };
  ServiceWorkerRegistration.prototype.getNotifications = async () => [...shown.values()];
}
"""
# A sound is two tones: counts them. Headless browsers have no device to hear them on.
COUNT_TONES = """
window.tones = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); };
"""


def shown(page: Page) -> list[dict[str, Any]]:
    """The notifications of the system that stand there now."""
    found: list[dict[str, Any]] = page.evaluate(SHOWN)
    return found


def expect_shown(page: Page, *titles: str) -> None:
    """Waits until these stand there, and no others."""
    until = time.monotonic() + PATIENCE
    while (found := sorted(one["title"] for one in shown(page))) != sorted(titles):
        assert time.monotonic() < until, found
        page.wait_for_timeout(20)


def switch_on(page: Page, name: str) -> None:
    open_bell(page)
    panel(page).get_by_text("Sound and notifications").click()
    panel(page).get_by_role("switch", name=name).click()  # it is on when the browser has agreed
    expect(panel(page).get_by_role("switch", name=name)).to_be_checked()
    page.keyboard.press("Escape")


def with_alarms(windows: Windows, organization: Organization, path: str = "/incidents") -> Page:
    page = windows.window(organization.viewer, permissions=["notifications"])
    page.add_init_script(TRAY)
    page.goto(path)
    switch_on(page, "Notify me of high urgency")
    return page


def test_both_are_off_until_wanted(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents", permissions=["notifications"])
    open_bell(page)
    panel(page).get_by_text("Sound and notifications").click()
    for name in ("Notify me of high urgency", "Sound for high urgency"):
        expect(panel(page).get_by_role("switch", name=name)).not_to_be_checked()
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0


def test_only_what_is_loud_and_urgent_rings_and_it_says_what_happened(windows: Windows, acme: Organization) -> None:
    page = with_alarms(windows, acme)
    acme.send(v3(title="Low", urgency="low", incident_id="PLOW"))
    acme.send(v3(title="High", urgency="high", incident_id="PHIGH", occurred_at="2026-11-23T10:00:00Z"))
    expect_shown(page, "New alert: High")
    assert "Triggered · high urgency · Checkout API" in shown(page)[0]["body"]
    # One notification an incident, of what happened last; what is no news does not ring.
    acme.send(v3("incident.escalated", "PHIGH", title="High", occurred_at="2026-11-23T10:10:00Z"))
    expect_shown(page, "Escalated: High")
    acme.send(v3("incident.resolved", "PHIGH", title="High", occurred_at="2026-11-23T10:20:00Z"))
    acme.send(v3(title="Last", urgency="high", incident_id="PLAST"))
    expect_unread(page, 3)
    expect_shown(page, "Escalated: High", "New alert: Last")


def test_what_is_read_elsewhere_is_taken_away(windows: Windows, acme: Organization) -> None:
    page = with_alarms(windows, acme)
    sent = acme.send(v3(title="High", urgency="high")).json()["outcomes"][0]["notification_id"]
    expect_shown(page, "New alert: High")
    acme.viewer.api.post(f"/api/notifications/{sent}/read", json={}).raise_for_status()
    expect_shown(page)


def test_nothing_stays_when_one_signs_out(windows: Windows, acme: Organization) -> None:
    page = with_alarms(windows, acme)
    acme.send(v3(title="High", urgency="high"))
    expect_shown(page, "New alert: High")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect_shown(page)


def test_touching_one_opens_its_form_in_the_window_that_is_there(windows: Windows, acme: Organization) -> None:
    page = with_alarms(windows, acme)
    acme.send(v3(title="High", urgency="high"))
    expect_shown(page, "New alert: High")
    [worker] = page.context.service_workers
    # As the browser tells the worker; an event that a script made cannot wait, nor may it move the focus.
    worker.evaluate(
        "(data) => dispatchEvent(Object.assign(new Event('notificationclick'),"
        " { notification: { data, close() {} }, waitUntil: (work) => work.catch(() => {}) }))",
        {"address": (shown_at := shown(page)[0]["data"]["address"])},
    )
    expect(page.get_by_role("article")).to_contain_text("High")
    assert page.url.endswith(shown_at)
    expect_unread(page, 0)
    expect_shown(page)


def test_of_several_tabs_one_rings(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    page.context.add_init_script(COUNT_TONES)
    page.reload()
    switch_on(page, "Sound for high urgency")
    page.wait_for_function("window.tones === 2")  # it lets itself be heard
    others = [page.context.new_page() for _ in range(2)]
    for other in others:
        other.goto("/inbox")
        expect_unread(other, 0)
    for number in range(1, 4):
        acme.send(v3(title=f"High {number}", urgency="high", incident_id=f"P{number}"))
        for tab in (page, *others):
            expect_unread(tab, number)
    sounds = "async () => (await navigator.locks.query(), window.tones)"  # after the locks that were asked for before
    assert sum(tab.evaluate(sounds) for tab in (page, *others)) == 2 + 3 * 2


@pytest.mark.parametrize(
    "broken",
    [
        "navigator.locks.request = () => { throw new Error('no locks') }",
        "OscillatorNode.prototype.start = () => { throw new Error('no device') }",
        "ServiceWorkerRegistration.prototype.showNotification = () => Promise.reject(new Error('no notifications'))",
    ],
)
def test_an_alarm_that_fails_breaks_nothing(windows: Windows, acme: Organization, broken: str) -> None:
    page = with_alarms(windows, acme)
    switch_on(page, "Sound for high urgency")
    page.evaluate(f"() => {{ {broken} }}")
    for number in (1, 2):
        acme.send(v3(title=f"High {number}", urgency="high", incident_id=f"P{number}"))
        expect_unread(page, number)
        expect(page).to_have_title(re.compile(rf"^\({number}\) "))


def test_who_refuses_hears_why_nothing_is_switched_on(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    page.evaluate("() => { Notification.requestPermission = async () => 'denied' }")
    open_bell(page)
    panel(page).get_by_text("Sound and notifications").click()
    switch = panel(page).get_by_role("switch", name="Notify me of high urgency")
    switch.click()
    expect(panel(page).get_by_text("The browser does not allow notifications")).to_be_visible()
    expect(switch).not_to_be_checked()


def test_title_icon_and_the_installed_apps_badge_agree_with_the_bell(windows: Windows, acme: Organization) -> None:
    page = windows.window(acme.viewer)
    page.add_init_script("navigator.setAppBadge = async (number) => { window.badge = number }")
    page.goto("/incidents")
    expect_unread(page, 0)
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("favicon-[A-Z0-9]+.svg"))
    sent = acme.send(v3(title="High")).json()["outcomes"][0]["notification_id"]
    expect_unread(page, 1)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    expect(icon).to_have_attribute("href", re.compile("favicon-unread"))
    assert page.evaluate("window.badge") == 1
    acme.viewer.api.post(f"/api/notifications/{sent}/read", json={}).raise_for_status()
    expect_unread(page, 0)
    expect(page).not_to_have_title(re.compile(r"^\("))
    expect(icon).not_to_have_attribute("href", re.compile("unread"))
    assert page.evaluate("window.badge") == 0


def test_an_arrival_is_seen_without_a_sound(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents")
    expect_unread(page, 0)
    acme.send(v3(title="Checkout is down"))
    arrival = page.get_by_role("status").filter(has_text="New alert: Checkout is down")
    expect(arrival).to_be_visible()
    arrival.get_by_role("button", name="Open").click()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("[PagerDuty] Checkout is down")


def test_phones_can_install_it(windows: Windows, stack: Stack) -> None:
    page = windows.open(None, "/sign-in")
    told: dict[str, Any] = page.context.new_cdp_session(page).send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = httpx.get(f"{stack.service_url}/manifest.webmanifest").raise_for_status().json()
    assert manifest["start_url"] == "/inbox"
    assert manifest["display"] == "standalone"
    sizes = {(icon["sizes"], icon["purpose"]) for icon in manifest["icons"]}
    assert sizes >= {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}
    for address in (*(icon["src"] for icon in manifest["icons"]), "/apple-touch-icon.png", "/favicon.ico"):
        answer = httpx.get(f"{stack.service_url}{address}").raise_for_status()
        assert answer.headers["content-type"] in ("image/png", "image/x-icon")
    assert bell(page).count() == 0


def test_the_bar_of_the_browser_has_the_pages_colours(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents", color_scheme="light")
    metas = "[...document.querySelectorAll('meta[name=theme-color]')]"
    bars = f"{metas}.find(({{ media }}) => matchMedia(media).matches).content"
    assert page.evaluate(bars) == "#ffffff"
    page.get_by_role("button", name="Account").click()
    page.get_by_role("radio", name="dark").check()
    page.wait_for_function(f"{bars} === '#161d27'")
    page.reload()
    assert page.evaluate(bars) == "#161d27"
