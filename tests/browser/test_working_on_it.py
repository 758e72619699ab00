"""Working on an incident: who has it, what changes meanwhile, links, the way back, small screens, paper, no network."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, choice, expect_unread, said, scroll_through
from tests.browser.test_incidents import create, timeline
from tests.browser.test_new_incident import notify
from tests.world import Organization, v3

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 600}, "has_touch": True, "is_mobile": True}
LANDSCAPE: dict[str, Any] = {"viewport": {"width": 667, "height": 320}, "has_touch": True, "is_mobile": True}


def fact(page: Page, name: str) -> Locator:
    return page.get_by_role("article").locator("div", has=page.locator("dt", has_text=name)).locator("dd")


# who has it -----------------------------------------------------------------------------------------------------------


def test_one_takes_it_gives_it_back_and_others_see_it(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down")
    page, other = windows.open(acme.responder, address), windows.open(acme.viewer, address)
    expect(fact(other, "Assignee")).to_have_text("nobody yet")
    page.get_by_role("button", name="Take it").click()
    for each in (page, other):
        expect(fact(each, "Assignee")).to_have_text("Responder of Acme")
        expect(timeline(each).last).to_contain_text("Responder of Acme took it")
    page.get_by_role("button", name="Give back").click()
    expect(fact(other, "Assignee")).to_have_text("nobody yet")
    expect(timeline(other).last).to_contain_text("Responder of Acme gave it back")
    page.get_by_role("button", name="Edit").click()
    choice(page, "Assignee").select_option("Admin of Acme")
    page.get_by_role("button", name="Save changes").click()
    expect(timeline(other).last).to_contain_text("Responder of Acme gave it to Admin of Acme")
    other.goto("/incidents")
    expect(other.get_by_role("list", name="Incidents")).to_contain_text("Assignee: Admin of Acme")


def test_who_comes_second_hears_who_was_quicker(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 409")
    address = create(acme, "Checkout is down")
    page = windows.window(acme.responder)
    page.route_web_socket(re.compile("/realtime/"), lambda socket: socket.close())
    page.goto(address)
    expect(fact(page, "Assignee")).to_have_text("nobody yet")
    mine = {"assignee_id": acme.admin.id}
    acme.admin.api.patch(f"/api{address}", json=mine).raise_for_status()
    page.get_by_role("button", name="Take it").click()
    expect(said(page, "Admin of Acme was quicker")).to_be_visible()
    expect(fact(page, "Assignee")).to_have_text("Admin of Acme")
    page.get_by_role("button", name="Take over").click()
    expect(fact(page, "Assignee")).to_have_text("Responder of Acme")
    page.reload()
    expect(timeline(page).last).to_contain_text("Responder of Acme took it over from Admin of Acme")


def test_whoever_left_is_a_former_member(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down")
    acme.responder.api.patch(f"/api{address}", json={"assignee_id": acme.responder.id}).raise_for_status()
    page = windows.open(acme.owner, address)
    expect(fact(page, "Assignee")).to_have_text("Responder of Acme")
    acme.remove(acme.responder)
    expect(fact(page, "Assignee")).to_have_text("nobody yet")
    page.reload()
    expect(timeline(page).first).to_contain_text("A former member created the incident")


def test_ones_own_and_nobodys_are_found(windows: Windows, acme: Organization) -> None:
    create(acme, "Mine", assignee_id=acme.responder.id)
    create(acme, "Another's", assignee_id=acme.admin.id)
    create(acme, "Free")
    page = windows.open(acme.responder, "/incidents")
    rows = page.get_by_role("list", name="Incidents").get_by_role("listitem")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Mine").click()
    expect(rows).to_have_text([re.compile("Mine")])
    expect(page).to_have_url("/incidents?assignee=me")
    page.get_by_role("button", name="Nobody's").click()
    expect(rows).to_have_text([re.compile("Free")])
    page.get_by_role("button", name="Nobody's").click()
    expect(rows).to_have_count(3)


# what changes meanwhile -----------------------------------------------------------------------------------------------


def test_a_form_notices_that_its_alert_was_reopened(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="Checkout is down", occurred_at="2026-11-23T10:00:00Z"))
    resolved = v3("incident.resolved", title="Checkout is down", occurred_at="2026-11-23T10:05:00Z")
    (outcome,) = acme.send(resolved).json()["outcomes"]
    page = windows.open(acme.responder, f"/incidents/new?notification={outcome['notification_id']}")
    expect(choice(page, "Status")).to_have_value("resolved")
    page.get_by_role("textbox", name="Title").fill("My own words")
    reopened = v3("incident.reopened", title="Checkout is down again", occurred_at="2026-11-23T10:10:00Z")
    acme.send(reopened)
    notice = said(page, "Changed meanwhile")
    expect(notice).to_contain_text("Status is now Open")
    expect(notice).to_contain_text(re.compile("Title is now .*Checkout is down again.* what you chose stays"))
    expect(choice(page, "Status")).to_have_value("open")
    expect(page.get_by_role("textbox", name="Title")).to_have_value("My own words")
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="My own words")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("Open")
    acme.send(v3("incident.resolved", title="x", occurred_at="2026-11-23T10:20:00Z"))  # nobody chose its status
    expect(page.get_by_role("article")).to_contain_text("Resolved")


def test_an_edit_keeps_what_others_changed_and_says_so(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down")
    page = windows.open(acme.responder, address)
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Customer").fill("Initech")
    theirs = {"status": "resolved", "customer": "Umbrella"}
    acme.admin.api.patch(f"/api{address}", json=theirs).raise_for_status()
    expect(said(page, "Changed meanwhile")).to_contain_text("Status is now Resolved")
    expect(choice(page, "Status")).to_have_value("resolved")
    page.get_by_role("button", name="Save changes").click()
    expect(fact(page, "Customer")).to_have_text("Initech")
    expect(page.get_by_role("article")).to_contain_text("Resolved")


def test_saving_nothing_does_not_say_saved(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, create(acme, "Checkout is down"))
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("button", name="Save changes").click()
    expect(said(page, "Nothing was changed.")).to_be_visible()
    expect(said(page, "Saved.")).to_have_count(0)
    expect(timeline(page)).to_have_count(1)


# links ----------------------------------------------------------------------------------------------------------------


def test_links_are_links_and_nothing_else_is(windows: Windows, acme: Organization) -> None:
    text = "See https://runbooks.example.test/db?x=1 (or http://wiki.test/a).\njavascript:alert(1) <b>bold</b> https://u:p@evil.test/"
    address = create(acme, "Checkout is down", description=text)
    acme.responder.api.post(f"/api{address}/updates", json={"body": "Graph: https://graphs.test/1"}).raise_for_status()
    page = windows.open(acme.viewer, address)
    links = page.get_by_role("article").locator(".prose a")
    expect(links).to_have_text(["https://runbooks.example.test/db?x=1", "http://wiki.test/a"])
    for attribute, value in (("target", "_blank"), ("rel", "noopener noreferrer nofollow ugc")):
        expect(links.first).to_have_attribute(attribute, value)
    expect(page.get_by_role("article")).to_contain_text(text.replace("\n", " "))
    expect(timeline(page).get_by_role("link", name="https://graphs.test/1")).to_be_visible()


# the way back ---------------------------------------------------------------------------------------------------------


def test_back_leads_to_the_same_place_in_the_list(windows: Windows, acme: Organization) -> None:
    for number in range(70):
        create(acme, f"Incident {number:02}", criticality="high")
    page = windows.open(acme.responder, "/incidents?criticality=high")
    rows = page.get_by_role("list", name="Incidents").get_by_role("listitem")
    scroll_through(rows, 70)
    for way in ("link", "browser"):
        row = rows.filter(has_text="Incident 10")
        row.scroll_into_view_if_needed()
        top = page.evaluate("scrollY")
        assert top > 1000
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", name="Incident 10")).to_be_visible()
        page.wait_for_function("scrollY === 0")
        if way == "link":
            page.get_by_role("link", name="All incidents").click()
        else:
            page.go_back()
        expect(page).to_have_url("/incidents?criticality=high")
        page.wait_for_function(f"Math.abs(scrollY - {top}) < 3")
        expect(rows.filter(has_text="Incident 10")).to_be_in_viewport()


def test_back_leads_to_the_inbox_where_one_came_from_there(windows: Windows, acme: Organization) -> None:
    notify(acme, title="Checkout is down")
    page = windows.open(acme.responder, "/inbox?urgency=high")
    page.get_by_role("link", name="(from PagerDuty)").click()
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="[PagerDuty] Checkout is down")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Inbox").click()
    expect(page).to_have_url("/inbox?urgency=high")
    expect(page.get_by_role("link", name="(from PagerDuty)")).to_be_visible()


# small screens, paper, no network -------------------------------------------------------------------------------------


def test_save_is_in_sight_on_a_phone_and_covers_no_field(windows: Windows, acme: Organization) -> None:
    address = notify(acme, title="Checkout is down")
    for screen in (PHONE, LANDSCAPE):
        page = windows.open(acme.responder, address, **screen)
        expect(page.get_by_role("textbox", name="Title")).to_be_visible()
        save = page.get_by_role("button", name="Create incident")
        expect(save).to_be_in_viewport(ratio=1)
        fields = page.locator("main form").locator("input, select, textarea, .chip button")
        covered = """() => {
          const field = document.activeElement.getBoundingClientRect();
          const bar = document.querySelector('.form-actions').getBoundingClientRect();
          return !document.activeElement.closest('.form-actions') && Math.min(field.bottom, field.top + 40) > bar.top;
        }"""
        page.get_by_role("textbox", name="Title").focus()
        for _ in range(fields.count() - 1):
            page.keyboard.press("Tab")
            assert not page.evaluate(covered), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_a_message_covers_no_button_that_saves(windows: Windows, acme: Organization) -> None:
    for screen in (PHONE, LANDSCAPE, {"viewport": {"width": 1280, "height": 720}}):
        page = windows.open(acme.responder, notify(acme, title="Checkout is down"), **screen)
        expect(page.get_by_role("textbox", name="Title")).to_be_visible()
        expect(bell(page)).to_have_accessible_name(re.compile("unread"))
        acme.send(v3(title="Another one", incident_id="PANOTHER" + str(screen["viewport"]["width"])))
        toast = said(page, "New alert: Another one")
        expect(toast).to_be_visible()
        save = page.get_by_role("button", name="Create incident")
        save.scroll_into_view_if_needed()
        save.click(trial=True)  # fails where anything lies over it
    for path in ("/inbox", "/incidents", "/settings"):
        page.goto(path)  # the last of them is a desk
        expect(bell(page)).to_have_accessible_name(re.compile("unread"))
        acme.send(v3(title="One more", incident_id=f"P{path.strip('/')}"))
        expect(said(page, "New alert: One more")).to_be_visible()
        covered = """() => [...document.querySelectorAll('#app a, #app button, #app input, #app select')]
          .filter((control) => !control.closest('.toasts') && control.checkVisibility())
          .filter((control) => {
            const boxOf = (element) => element.getBoundingClientRect();
            const [one, other] = [boxOf(control), boxOf(document.querySelector('.toast'))];
            return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
          }).map((control) => control.outerHTML.slice(0, 100))"""
        assert page.evaluate(covered) == []


def test_on_paper_there_is_the_incident_and_nothing_to_press(windows: Windows, acme: Organization) -> None:
    address = create(acme, "Checkout is down", description="See https://runbooks.example.test/db")
    acme.responder.api.post(f"/api{address}/updates", json={"body": "Looking."}).raise_for_status()
    page = windows.open(acme.responder, address, color_scheme="dark")
    expect(timeline(page)).to_have_count(2)
    page.emulate_media(media="print")
    for gone in (page.get_by_role("banner"), page.get_by_role("button"), page.get_by_role("textbox")):
        for each in gone.all():
            expect(each).to_be_hidden()
    for kept in ("Checkout is down", "Looking.", "https://runbooks.example.test/db", "Responder of Acme commented"):
        expect(page.get_by_text(kept).first).to_be_visible()
    ink = page.get_by_role("heading", name="Checkout is down").evaluate("(element) => getComputedStyle(element).color")
    assert max(int(part) for part in re.findall(r"\d+", ink)[:3]) < 100, f"{ink} on white"


def test_without_a_network_nothing_says_that_it_was_saved(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = windows.open(acme.responder, create(acme, "Checkout is down"))
    expect_unread(page, 0)
    page.context.set_offline(True)
    page.get_by_role("textbox", name="Comment").fill("From a tunnel")
    expect(page.get_by_text("You are offline: this is not saved yet.")).to_be_visible()
    page.get_by_role("button", name="Comment").click()
    expect(page.get_by_text("Not saved: the service cannot be reached.")).to_be_visible()
    page.get_by_role("button", name="Resolve").click()
    expect(said(page, "Not saved: the service cannot be reached.")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Comment").click()
    expect(timeline(page).last).to_contain_text("From a tunnel")
    expect(timeline(page)).to_have_count(2)
    expect(page.get_by_role("textbox", name="Comment")).to_have_value("")
