"""The inbox: a row an incident, what one does with it from there, and that all of it can be undone."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Windows
from tests.browser.steps import expect_unread, said
from tests.world import Organization, v3

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 700}, "has_touch": True, "is_mobile": True}


def send(acme: Organization, *titles: str, **details: Any) -> None:
    for title in titles:
        acme.send(v3(title=title, incident_id=f"P{title.upper()}", **details))


def rows(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("link", name="(from PagerDuty)")


def row(page: Page, title: str) -> Locator:
    """A row with its buttons."""
    return page.locator(".group").filter(has=page.get_by_role("link", name=title))


def expect_rows(page: Page, *titles: str) -> None:
    expect(rows(page)).to_have_text([re.compile(title) for title in titles])


def test_a_row_says_how_it_stands_and_has_one_height(windows: Windows, acme: Organization) -> None:
    now = datetime.now(UTC).isoformat()
    priority = {"id": "PP", "type": "priority_reference", "summary": "P1"}
    send(acme, "Short", priority=priority, occurred_at=now)
    send(acme, "Long " * 40)
    acknowledged = v3("incident.acknowledged", "PSHORT", title="Short", priority=priority)
    acknowledged["event"]["agent"] = {"id": "PR", "type": "user_reference", "summary": "Rita"}
    acknowledged["event"]["occurred_at"] = datetime.now(UTC).isoformat()
    acme.send(acknowledged)
    page = windows.open(acme.viewer, "/inbox")
    expect(rows(page)).to_have_count(2)
    name = "Short.*Acknowledged by Rita.*high.*P1.*Checkout API.*#42"
    expect(page.get_by_role("link", name=re.compile(name))).to_be_visible()
    expect(row(page, "Long")).to_contain_text(re.compile("Triggered.*nobody yet"))
    heights = page.locator(".group").evaluate_all("(rows) => rows.map((row) => row.clientHeight)")
    assert len(set(heights)) == 1, heights


def test_thirty_alerts_of_five_incidents_are_five_rows(windows: Windows, acme: Organization) -> None:
    for minute in range(6):
        kind = ("triggered", "escalated", "reassigned", "acknowledged", "annotated", "escalated")[minute]
        for number in range(5):
            sent = v3(
                f"incident.{kind}", f"P{number}", occurred_at=f"2026-11-23T10:{minute:02}:00Z", title=f"No. {number}."
            )
            acme.send(sent)
    page = windows.open(acme.viewer, "/inbox")
    expect_rows(page, *(rf"No\. {number}\." for number in reversed(range(5))))
    expect_unread(page, 5)


def test_done_is_done_everywhere_until_it_is_undone(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two")
    page, elsewhere = (windows.open(acme.responder, "/inbox") for _ in range(2))
    for each in (page, elsewhere):
        expect_rows(each, "Two", "One")
    row(page, "One").get_by_role("button", name="Done").click()
    for each in (page, elsewhere):
        expect_rows(each, "Two")
        expect_unread(each, 1)
    page.reload()
    expect_rows(page, "Two")
    page.get_by_role("link", name="Done", exact=True).click()
    expect_rows(page, "One")
    row(page, "One").get_by_role("button", name="To inbox").click()
    expect(page.get_by_text("Nothing is done yet.")).to_be_visible()
    expect_rows(elsewhere, "Two", "One")
    row(elsewhere, "Two").get_by_role("button", name="Done").click()
    expect_rows(elsewhere, "One")
    said(elsewhere, "Done:").get_by_role("button", name="Undo").click()
    for each in (elsewhere, windows.open(acme.responder, "/inbox")):
        expect_rows(each, "Two", "One")
        expect(row(each, "Two")).to_contain_text("Unread")
    other = windows.open(acme.viewer, "/inbox")
    expect_unread(other, 2)  # what one does is one's own


def test_what_is_snoozed_comes_back_when_it_rings(windows: Windows, acme: Organization) -> None:
    send(acme, "Later", occurred_at="2026-11-23T10:00:00Z")
    page = windows.open(acme.responder, "/inbox")
    row(page, "Later").get_by_role("button", name="More").click()
    row(page, "Later").get_by_role("button", name="4 hours").click()
    expect(page.get_by_text("No alerts yet")).to_be_visible()
    page.get_by_role("link", name="Snoozed").click()
    expect_rows(page, "Later")
    row(page, "Later").get_by_role("button", name="More").click()
    expect(row(page, "Later")).to_contain_text("Snoozed until")
    page.get_by_role("link", name="Inbox", exact=True).last.click()
    acme.send(v3("incident.escalated", "PLATER", title="Later", occurred_at="2026-11-23T10:30:00Z"))
    expect_rows(page, "Later")
    expect_unread(page, 1)


def test_an_incident_is_made_with_one_click(windows: Windows, acme: Organization, globex: Organization) -> None:
    send(acme, "Disk")
    send(globex, "Disk")
    page = windows.open(acme.responder, "/inbox")
    row(page, "Disk").get_by_role("button", name="Create incident").click()
    expect(row(page, "Disk").get_by_role("link", name="Open")).to_be_visible()
    expect(row(page, "Disk")).to_contain_text("Has an incident")
    expect_unread(page, 0)
    said(page, "Incident created").get_by_role("button", name="Open it").click()
    expect(page.get_by_role("heading", name="Disk")).to_be_visible()
    page.go_back()
    expect_rows(page, "Disk")
    theirs = windows.open(globex.responder, "/inbox")
    expect(row(theirs, "Disk").get_by_role("button", name="Create incident")).to_be_visible()
    reader = windows.open(acme.viewer, "/inbox")
    expect_rows(reader, "Disk")
    expect(reader.get_by_role("button", name="Create incident")).to_have_count(0)


def test_a_row_opens_to_its_history_and_to_pagerduty(windows: Windows, acme: Organization) -> None:
    send(acme, "Disk")
    note = v3("incident.annotated", "PDISK")
    note["event"]["data"] = {
        "id": "PN",
        "type": "incident_note",
        "content": "Replica lags",
        "incident": {"id": "PDISK"},
    }
    acme.send(note)
    page = windows.open(acme.responder, "/inbox")
    row(page, "Disk").get_by_role("button", name="More: 2 events").click()
    expect(row(page, "Disk").get_by_role("list").get_by_role("listitem")).to_have_text(
        [re.compile("Replica lags"), re.compile("Triggered")]
    )
    link = row(page, "Disk").get_by_role("link", name="Open in PagerDuty")
    expect(link).to_have_attribute("href", "https://acme.pagerduty.com/incidents/PDISK")
    row(page, "Disk").get_by_role("button", name="Mark as read").click()
    expect_unread(page, 0)
    row(page, "Disk").get_by_role("button", name="Mark as unread").click()
    expect_unread(page, 1)
    row(page, "Disk").get_by_role("link", name="Review and create").click()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("[PagerDuty] Disk")


def test_nothing_moves_under_a_pointer(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two")
    page = windows.open(acme.viewer, "/inbox")
    expect_rows(page, "Two", "One")
    send(acme, "Three")
    expect_rows(page, "Three", "Two", "One")
    rows(page).last.hover()
    send(acme, "Four", "Five")
    acme.send(v3("incident.escalated", "PONE", title="One", occurred_at="2026-11-23T11:00:00Z"))
    waiting = page.get_by_role("button", name="3 new")
    expect(waiting).to_be_visible()
    expect_rows(page, "Three", "Two", "One")
    waiting.click()
    expect_rows(page, "One", "Five", "Four", "Three", "Two")
    rows(page).last.hover()
    send(acme, "Six")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    page.get_by_role("heading", name="Inbox").hover()
    expect(rows(page).first).to_contain_text("Six")


def test_filters_and_search_stand_in_the_address(windows: Windows, acme: Organization) -> None:
    ledger = {"id": "PLEDGER", "type": "service_reference", "summary": "Ledger"}
    send(acme, "One", urgency="low", service=ledger)
    send(acme, "Two", urgency="high")
    page = windows.open(acme.viewer, "/inbox")
    page.get_by_role("combobox", name="Urgency").select_option("low")
    expect_rows(page, "One")
    expect(page).to_have_url(re.compile(r"/inbox\?urgency=low$"))
    page.get_by_role("combobox", name="Urgency").select_option("")
    expect_rows(page, "Two", "One")
    page.get_by_role("searchbox").fill("ledger")
    expect_rows(page, "One")
    send(acme, "Three", service=ledger)
    expect_rows(page, "Three", "One")
    page.reload()
    expect_rows(page, "Three", "One")
    page.get_by_role("searchbox").fill("nothing of that kind")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    page.get_by_role("link", name="Without search and filters").click()
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_by_keyboard_alone(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two", "Three", "Four")
    page = windows.open(acme.responder, "/inbox")
    expect_rows(page, "Four", "Three", "Two", "One")
    page.keyboard.press("j")
    expect(rows(page).first).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect_rows(page, "Four", "Two", "One")
    expect(rows(page).nth(1)).to_be_focused()
    page.keyboard.press("u")
    expect_unread(page, 2)
    page.keyboard.press("u")
    expect_unread(page, 3)
    page.keyboard.press("s")
    expect_rows(page, "Four", "One")
    page.keyboard.press("k")
    expect(rows(page).first).to_be_focused()
    page.keyboard.press("c")
    expect(row(page, "Four").get_by_role("link", name="Open")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Snooze for an hour")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("je")  # in a field, keys are letters
    expect(page.get_by_role("searchbox")).to_have_value("je")


def test_what_is_done_last_holds_whatever_is_answered_late(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two")
    page = windows.open(acme.responder, "/inbox")
    expect_rows(page, "Two", "One")
    held: list[Route] = []
    page.route("**/api/notifications/read", lambda route: held.append(route))
    page.keyboard.press("u")
    expect_unread(page, 1)
    page.keyboard.press("s")
    expect_rows(page, "One")
    page.wait_for_function("() => document.title.startsWith('(1)')")
    with page.expect_response("**/api/notifications/snooze"):
        assert len(held) == 1
        held[0].continue_()
    expect(said(page, "Snoozed (1 hour)")).to_be_visible()
    expect_rows(page, "One")
    assert acme.responder.api.get("/api/notifications?view=snoozed").json()["items"][0]["title"] == "Two"


def test_several_at_once(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two", "Three")
    page = windows.open(acme.viewer, "/inbox")
    for title in ("One", "Three"):
        page.get_by_role("checkbox", name=f"Select {title}").check()
    expect(said(page, "2 alerts selected")).to_be_visible()
    said(page, "2 alerts selected").get_by_role("button", name="Done").click()
    expect_rows(page, "Two")
    expect(page.get_by_text("selected")).to_have_count(0)
    said(page, "Done: 2 alerts").get_by_role("button", name="Undo").click()
    expect_rows(page, "Three", "Two", "One")
    expect_unread(page, 3)


def test_all_are_read_and_that_is_undone(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two")
    page = windows.open(acme.viewer, "/inbox")
    expect_unread(page, 2)
    page.get_by_role("button", name="Mark all as read").click()
    expect_unread(page, 0)
    said(page, "All are read").get_by_role("button", name="Undo").click()
    expect_unread(page, 2)


def test_on_a_phone_the_bell_is_the_page(windows: Windows, acme: Organization) -> None:
    send(acme, "One", "Two")
    page = windows.open(acme.responder, "/incidents", **PHONE)
    page.get_by_role("link", name="Notifications, 2 unread").tap()
    expect_rows(page, "Two", "One")
    targets = page.locator(".group-actions a, .group-actions button").evaluate_all(
        "(all) => all.map((one) => Math.min(one.offsetHeight, one.offsetWidth))"
    )
    assert min(targets) >= 44
    row(page, "One").get_by_role("button", name="Done").tap()
    expect_rows(page, "Two")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.go_back()
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_what_cannot_be_saved_is_said_and_taken_back(windows: Windows, acme: Organization) -> None:
    send(acme, "One")
    windows.watch.expect("503")
    page = windows.open(acme.viewer, "/inbox")
    expect_rows(page, "One")
    page.route(
        "**/api/notifications/done", lambda route: route.fulfill(status=503, json={"type": "/problems/unavailable"})
    )
    row(page, "One").get_by_role("button", name="Done").click()
    expect(said(page, "That could not be saved")).to_be_visible()
    expect_rows(page, "One")
    expect_unread(page, 1)


@pytest.mark.parametrize("path", ["/inbox?view=done", "/inbox?view=snoozed", "/inbox?q=x", "/inbox"])
def test_where_there_is_nothing_it_says_so(windows: Windows, acme: Organization, path: str) -> None:
    page = windows.open(acme.viewer, path)
    expect(page.locator(".empty")).to_be_visible()
