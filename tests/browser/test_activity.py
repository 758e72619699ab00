"""The Activity tab: what arrived, and what became of it."""

import subprocess

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows
from tests.browser.steps import expect_unread, scroll_through
from tests.world import Organization, World, v3


def event(page: Page, text: str) -> Locator:
    return page.get_by_role("main").get_by_role("listitem").filter(has_text=text)


def test_the_first_alert_with_the_command_that_the_page_gives(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings/activity")
    expect(page.get_by_text("Nothing has arrived yet")).to_be_visible()
    command = page.get_by_role("region", name="Command that sends a test alert").inner_text()
    subprocess.run(["bash", "-c", command], check=True, capture_output=True, timeout=30)
    expect(event(page, "Test alert")).to_contain_text("Notified")
    expect_unread(page, 1)


def test_events_are_found_and_their_payloads_shown(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="Checkout is down", incident_id="PCHECK"))
    acme.send(v3(title="Disk is full, 100%", incident_id="PDISK"))
    acme.send({"event": {**v3()["event"], "event_type": "pagey.ping", "data": {"message": "Hello", "type": "ping"}}})
    page = windows.open(acme.owner, "/settings/activity")
    expect(event(page, "Checkout is down")).to_contain_text("Notified")
    expect(event(page, "pagey.ping")).to_contain_text("Ignored")
    acme.admin.api.post("/api/integrations/pagerduty", json={"services": ["Ledger"]}).raise_for_status()
    acme.send(v3(title="Of a service that nobody chose", incident_id="PSERV"))
    expect(event(page, "nobody chose")).to_contain_text("Its service is not among those that are chosen")

    search = page.get_by_role("searchbox", name="Search title, type and ids")
    for words, found, lost in (
        ("disk IS", "Disk is full", "Checkout"),
        ("PCHECK", "Checkout is down", "Disk"),
        ("100%", "Disk is full", "Checkout"),
        ("ping", "pagey.ping", "Checkout"),
    ):
        search.fill(words)
        expect(event(page, lost)).to_have_count(0)
        expect(event(page, found)).to_have_count(1)
    for words in ('"nothing", (like.this)', "%", "\\", "*"):
        search.fill(f"{words} never")
        expect(page.get_by_text("No event matches")).to_be_visible()
    search.fill("")
    page.get_by_role("combobox", name="Outcome").select_option("Ignored")
    expect(event(page, "Checkout")).to_have_count(0)
    expect(event(page, "pagey.ping")).to_have_count(1)
    page.get_by_role("combobox", name="Outcome").select_option("Every outcome")

    page.get_by_role("button", name="Payload of Checkout is down").click()
    dialog = page.get_by_role("dialog", name="Payload")
    expect(dialog.get_by_role("region", name="Payload as JSON")).to_contain_text('"html_url"')
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Payload of Checkout is down")).to_be_focused()


def test_new_events_appear_and_old_ones_are_scrolled_to(windows: Windows, acme: Organization) -> None:
    for number in range(30):
        acme.send(v3(title=f"Alert {number}.", incident_id=f"P{number}"))
    page = windows.open(acme.admin, "/settings/activity")
    expect(event(page, "Alert 29.")).to_be_visible()
    expect(event(page, "Alert 0.")).to_have_count(0)
    scroll_through(event(page, "Alert"), 30)
    expect(event(page, "Alert 0.")).to_have_count(1)
    acme.send(v3(title="Brand new"))
    expect(event(page, "Brand new")).to_have_count(1)


def test_an_organization_without_integration_is_told_what_to_do(windows: Windows, world: World) -> None:
    page = windows.open(world.organization("Fresh", ("owner",), integration=False).owner, "/settings/activity")
    expect(page.get_by_text("Switch PagerDuty on under Integrations first")).to_be_visible()


def test_viewers_and_responders_see_none_of_it(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="Checkout is down"))
    for person, role in ((acme.viewer, "viewer"), (acme.responder, "responder")):
        page = windows.open(person, "/settings/activity")
        expect(page.get_by_text(f"only owners and admins of {acme.name} see it; your role is {role}")).to_be_visible()
        expect(page.get_by_role("main").get_by_text("Checkout is down")).to_have_count(0)
