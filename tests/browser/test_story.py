"""The whole story, as a new user meets it."""

import re

import httpx
from playwright.sync_api import Page, expect

from devstack.pagerduty import FULL_ACCESS_KEY
from tests.browser.conftest import Windows
from tests.browser.steps import bell, choice, entries, expect_unread, open_bell, sign_in, tags
from tests.world import Organization, World, v3


def deliver(url: str, payload: dict[str, object]) -> None:
    assert httpx.post(url, json=payload, timeout=20).status_code == 202


def test_from_nothing_to_an_incident_that_pagerduty_moves(windows: Windows, world: World) -> None:
    admin = world.organization("Newcomers", ("owner", "admin"), integration=False).admin
    page = windows.open(None, "/")

    sign_in(page, admin.email)
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    expect(page.get_by_text("No incidents yet")).to_be_visible()

    url = connect(page)
    page.get_by_role("link", name="Incidents", exact=True).click()
    expect_unread(page, 0)
    deliver(url, v3(title="Checkout is down", urgency="high"))
    expect_unread(page, 1)

    open_bell(page)
    entries(page).click()
    expect(page.get_by_label("Title")).to_have_value("[PagerDuty] Checkout is down")
    expect(page.get_by_label("Customer")).to_have_value("Checkout API")
    expect(page.get_by_label("Description")).to_have_value(re.compile("Service: Checkout API"))
    expect(choice(page, "Status")).to_have_value("open")
    expect(choice(page, "Criticality")).to_have_value("high")
    expect(choice(page, "Urgency")).to_have_value("high")
    expect(tags(page).filter(has_text="source:pagerduty")).to_be_visible()
    link = page.get_by_role("link", name=re.compile("^PagerDuty"))
    expect(link).to_have_attribute("href", "https://acme.pagerduty.com/incidents/PINC001")
    expect_unread(page, 0)

    page.get_by_label("Title").fill("Nobody can pay")
    choice(page, "Criticality").select_option("Critical")
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="Nobody can pay")).to_be_visible()
    expect(page.get_by_text("Critical criticality")).to_be_visible()

    follow(page, url)
    page.get_by_role("link", name="All incidents").click()
    row = page.get_by_role("list", name="Incidents").get_by_role("link")
    expect(row).to_contain_text("Nobody can pay")
    expect(row).to_contain_text("Resolved")
    expect(bell(page)).to_be_visible()


def connect(page: Page) -> str:
    """Makes the webhook URL, which switches PagerDuty on, tests a key and saves it; answers the webhook URL."""
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_role("button", name="Make the webhook URL").click()
    address = page.get_by_label("Webhook URL")
    expect(address).to_have_value(re.compile("/api/webhooks/pagerduty/"))
    page.get_by_label("API key").fill(FULL_ACCESS_KEY)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("group", name="API key")).to_contain_text(FULL_ACCESS_KEY[-4:])
    expect(page.get_by_text("Waiting for PagerDuty")).to_be_visible()
    return address.input_value()


def follow(page: Page, url: str) -> None:
    """PagerDuty moves the incident, and the open page shows it."""
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("listitem")).to_have_count(2)
    moves = page.get_by_role("article")
    deliver(url, v3("incident.acknowledged", occurred_at="2026-11-23T10:05:00Z"))
    expect(moves).to_contain_text("Investigating")
    expect(timeline.get_by_role("listitem").filter(has_text="PagerDuty").last).to_contain_text("Investigating")
    deliver(url, v3("incident.resolved", occurred_at="2026-11-23T10:10:00Z"))
    expect(moves).to_contain_text("Resolved")
    expect(timeline.get_by_role("listitem")).to_have_count(4)


def test_a_second_person_is_taken_to_the_incident_that_exists(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="Disk is full"))
    for person in (acme.responder, acme.admin):
        page = windows.open(person, "/incidents")
        open_bell(page)
        entries(page).click()
        if person is acme.responder:
            page.get_by_role("button", name="Create incident").click()
        expect(page).to_have_url(re.compile("/incidents/[0-9a-f-]{36}$"))
        expect(page.get_by_role("heading", name="[PagerDuty] Disk is full")).to_be_visible()
    expect(page.get_by_text("This alert already has an incident. Here it is.")).to_be_visible()
    page.get_by_role("link", name="All incidents").click()
    expect(page.get_by_role("list", name="Incidents").get_by_role("listitem")).to_have_count(1)
