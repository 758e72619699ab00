"""The list of incidents, and the page of each."""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows
from tests.browser.steps import choice, scroll_through
from tests.world import Organization


def create(organization: Organization, title: str, **fields: Any) -> str:
    """Makes an incident and answers its address."""
    answer = organization.responder.api.post("/api/incidents", json={"title": title, **fields})
    assert answer.status_code == 201, answer.text
    return f"/incidents/{answer.json()['id']}"


def rows(page: Page) -> Locator:
    return page.get_by_role("list", name="Incidents").get_by_role("listitem")


def timeline(page: Page) -> Locator:
    return page.get_by_role("region", name="Timeline").get_by_role("listitem")


@pytest.fixture
def three(acme: Organization) -> Organization:
    create(acme, "Alpha", criticality="low", customer="Initech")
    create(acme, "Beta", criticality="high", status="investigating")
    create(acme, "Gamma", criticality="high", status="resolved", customer="Umbrella")
    return acme


def test_filters_and_search_stand_in_the_address(windows: Windows, three: Organization) -> None:
    page = windows.open(three.viewer, "/incidents")
    expect(rows(page)).to_have_count(3)
    expect(rows(page).first).to_contain_text("Gamma")
    page.get_by_role("group", name="Criticality").get_by_role("button", name="High").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_role("group", name="Status").get_by_role("button", name="Investigating").click()
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Beta")
    expect(page).to_have_url("/incidents?status=investigating&criticality=high")
    page.get_by_role("searchbox").fill("alp")
    expect(page.get_by_text("Nothing matches these filters")).to_be_visible()

    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("alp")
    page.get_by_role("group", name="Criticality").get_by_role("button", name="High").click()
    page.get_by_role("group", name="Status").get_by_role("button", name="Investigating").click()
    expect(rows(page)).to_contain_text("Alpha")
    page.get_by_role("searchbox").fill("umbrella")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("Gamma")

    rows(page).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Gamma")).to_be_visible()
    page.go_back()
    expect(page).to_have_url("/incidents?q=umbrella")
    expect(page.get_by_role("searchbox")).to_have_value("umbrella")
    expect(rows(page)).to_have_count(1)


def test_the_list_goes_on_as_one_scrolls_and_is_live(windows: Windows, acme: Organization) -> None:
    for number in range(40):
        create(acme, f"Incident {number}.")
    page = windows.open(acme.viewer, "/incidents")
    expect(rows(page).first).to_contain_text("Incident 39.")
    scroll_through(rows(page), 40)
    expect(rows(page).last).to_contain_text("Incident 0.")
    create(acme, "Made just now")
    expect(rows(page).first).to_contain_text("Made just now")
    expect(rows(page)).to_have_count(41)


def test_status_fields_and_comments_reach_a_second_browser_live(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down")
    page, other = windows.open(acme.responder, address), windows.open(acme.viewer, address)
    expect(timeline(other)).to_have_count(1)
    expect(timeline(other)).to_contain_text("Responder of Acme created the incident")

    page.get_by_role("button", name="Investigate").click()
    for each in (page, other):
        expect(each.get_by_role("article")).to_contain_text("Investigating")
        expect(timeline(each).last).to_contain_text("moved it from Open to Investigating")

    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    page.get_by_role("textbox", name="Title").fill("Checkout is slow")
    choice(page, "Criticality").select_option("Low")
    page.get_by_role("textbox", name="Tags").fill("calm")
    page.get_by_role("button", name="Save changes").click()
    for each in (page, other):
        expect(each.get_by_role("heading", name="Checkout is slow")).to_be_visible()
        expect(each.get_by_role("article")).to_contain_text("Low criticality")
        expect(each.get_by_role("list", name="Tags")).to_contain_text("calm")
        expect(timeline(each).last).to_contain_text("edited the fields")

    page.get_by_role("textbox", name="Comment").fill("The cache was cold.\nIt is warm now.")
    page.keyboard.press("Control+Enter")
    for each in (page, other):
        expect(timeline(each).last).to_contain_text("The cache was cold.\nIt is warm now.")
    expect(page.get_by_role("textbox", name="Comment")).to_be_empty()

    page.get_by_role("button", name="Resolve").click()
    for each in (page, other):
        expect(each.get_by_role("article")).to_contain_text("Resolved")
    page.get_by_role("button", name="Reopen").click()
    expect(other.get_by_role("article")).to_contain_text("Open")
    expect(timeline(other)).to_have_count(6)


def test_editing_keeps_what_another_changed_meanwhile(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down", customer="Initech")
    page = windows.open(acme.responder, address)
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").fill("Checkout is slow")
    acme.admin.api.patch(f"/api{address}", json={"customer": "Umbrella"}).raise_for_status()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Checkout is slow")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("Umbrella")


def test_an_edit_can_be_cancelled_and_a_title_not_be_emptied(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, create(acme, "Checkout is down"))
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").fill(" ")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("An incident needs a title.")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Checkout is down")).to_be_visible()


def test_an_empty_comment_is_not_sent_and_a_started_one_survives_a_reload(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, create(acme, "Checkout is down"))
    comment = page.get_by_role("textbox", name="Comment")
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Write something first.")).to_be_visible()
    comment.fill("Started")
    page.reload()
    expect(comment).to_have_value("Started")


def test_viewers_only_read(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, create(acme, "Checkout is down"))
    expect(page.get_by_text(re.compile("needs the role responder in .*; yours is viewer"))).to_be_visible()
    expect(timeline(page)).to_have_count(1)
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(0)


def test_there_is_no_such_incident(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 404")
    for name in ("00000000-0000-4000-8000-000000000000", "nonsense", "%00", "%ff", "%E0%A4%A"):
        page = windows.open(acme.owner, f"/incidents/{name}")
        expect(page.get_by_text("There is no such incident, or you may not see it.")).to_be_visible()
        page.get_by_role("link", name="All incidents").click()
        expect(page.get_by_text("No incidents yet")).to_be_visible()


def test_there_is_no_such_page(windows: Windows) -> None:
    windows.watch.expect("status of 404")
    page = windows.open(None, "/no/such/page")
    expect(page.get_by_role("heading", name="There is no page here")).to_be_visible()
    expect(page.get_by_role("link", name="Go to the incidents")).to_have_attribute("href", "/incidents")
