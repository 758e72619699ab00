"""The bell: what is unread, live, on every page."""

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, entries, expect_unread, open_bell, panel, scroll_through
from tests.world import Organization, v3

#: What a screen reader is told from now on.
REMEMBER_STATUSES = """
window.said = [];
for (const status of document.querySelectorAll('[role=status]'))
  new MutationObserver(() => window.said.push(status.textContent))
    .observe(status, {childList: true, characterData: true, subtree: true});
"""
PAGES = (
    "/inbox",
    "/incidents",
    "/incidents/new",
    "/settings",
    "/settings/members",
    "/settings/activity",
    "/settings/audit",
)


def send_many(organization: Organization, number: int) -> None:
    for each in range(number):
        organization.send(v3(title=f"Alert number {each}.", incident_id=f"PMANY{each}"))


def test_it_is_on_every_page(windows: Windows, acme: Organization) -> None:
    acme.send(v3())
    page = windows.window(acme.admin)
    for path in PAGES:
        page.goto(path)
        expect_unread(page, 1)
        expect(page).to_have_title(re.compile(r"^\(1\) "))


def test_an_empty_bell_says_so(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 0)
    expect(open_bell(page)).to_contain_text("No alerts yet")
    expect(panel(page).get_by_role("button", name="Mark all as read")).to_be_disabled()


def test_a_new_alert_arrives_live_and_is_announced(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 0)
    acme.send(v3(title="Checkout is down", urgency="high"))
    expect_unread(page, 1)
    expect(page.get_by_role("status").filter(has_text="New alert: Checkout is down, high urgency")).to_be_visible()
    open_bell(page)
    expect(entries(page)).to_have_accessible_name(
        re.compile("Unread: Checkout is down.*Triggered.*high urgency.*Checkout API.*#42.*delivered late")
    )
    acme.send(v3(title="Disk is full", urgency="low", incident_id="PDISK"))
    expect(entries(page).first).to_contain_text("Disk is full")
    expect(entries(page)).to_have_count(2)


def test_read_one_then_all(windows: Windows, acme: Organization) -> None:
    send_many(acme, 4)
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 4)
    open_bell(page)
    panel(page).get_by_role("button", name=re.compile("More.*number 2")).click()
    panel(page).get_by_role("button", name=re.compile("Mark as read.*number 2")).click()
    expect_unread(page, 3)
    expect(entries(page).filter(has_text="Unread")).to_have_count(3)
    panel(page).get_by_role("button", name="Mark all as read").click()
    expect_unread(page, 0)
    expect(entries(page).filter(has_text="Unread")).to_have_count(0)
    page.reload()
    expect_unread(page, 0)
    other = windows.open(acme.admin, "/incidents")
    expect_unread(other, 4)  # receipts are personal


def test_tabs_and_devices_of_one_person_agree(windows: Windows, acme: Organization) -> None:
    send_many(acme, 3)
    tab = windows.open(acme.viewer, "/incidents")
    other_tab = tab.context.new_page()
    other_tab.goto("/settings")
    device = windows.open(acme.viewer, "/incidents")
    for page in (tab, other_tab, device):
        expect_unread(page, 3)
        open_bell(page)
        expect(entries(page)).to_have_count(3)
    panel(tab).get_by_role("button", name=re.compile("More.*number 1")).click()
    panel(tab).get_by_role("button", name=re.compile("Mark as read.*number 1")).click()
    for page in (tab, other_tab, device):
        expect_unread(page, 2)
        expect(entries(page).filter(has_text="Unread")).to_have_count(2)
    panel(device).get_by_role("button", name="Mark all as read").click()
    for page in (tab, other_tab, device):
        expect_unread(page, 0)
        expect(entries(page).filter(has_text="Unread")).to_have_count(0)


def test_a_noisy_incident_takes_one_entry(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="The quiet one", incident_id="PQUIET"))
    for number in range(10):
        kind = ("incident.escalated", "incident.reassigned", "incident.acknowledged")[number % 3]
        acme.send(v3(kind, "PNOISY", title="The noisy one", occurred_at=f"2026-11-23T10:{number:02}:00Z"))
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 2)
    open_bell(page)
    expect(entries(page)).to_have_count(2)
    panel(page).get_by_role("button", name="10 events of The noisy one").click()
    noisy = panel(page).get_by_role("listitem").filter(has_text="The noisy one").first
    expect(noisy.get_by_role("list").get_by_role("listitem")).to_have_count(10)
    panel(page).get_by_role("button", name=re.compile("Mark as read.*noisy")).click()
    expect_unread(page, 1)
    page.evaluate(REMEMBER_STATUSES)
    acme.send(v3("incident.resolved", "PNOISY", title="The noisy one", occurred_at="2026-11-23T10:30:00Z"))
    expect(entries(page).first).to_contain_text("Resolved")
    expect(noisy.get_by_role("list").get_by_role("listitem").first).to_contain_text("Resolved")
    expect(entries(page)).to_have_count(2)
    expect_unread(page, 1)
    expect(page.get_by_role("status").filter(has_text="The noisy one")).to_have_count(0)
    acme.send(v3("incident.reopened", "PNOISY", title="The noisy one", occurred_at="2026-11-23T10:40:00Z"))
    expect_unread(page, 2)
    expect(page.get_by_role("status").filter(has_text="Reopened: The noisy one")).to_be_attached()
    assert [said for said in page.evaluate("window.said") if "noisy" in said and "Reopened" not in said] == []


def test_the_history_has_every_text(windows: Windows, acme: Organization) -> None:
    acme.send(v3(title="Ledger writes time out", occurred_at="2026-11-23T10:00:00Z"))
    note = v3("incident.annotated", occurred_at="2026-11-23T10:05:00Z")
    text = "Do not restart the primary, replica is behind"
    note["event"]["data"] = {"id": "PN", "type": "incident_note", "content": text, "incident": {"id": "PINC001"}}
    acme.send(note)
    rita = {"id": "PR", "type": "user_reference", "summary": "Rita"}
    acknowledged = v3("incident.acknowledged", title="Ledger writes time out", occurred_at="2026-11-23T10:06:00Z")
    acknowledged["event"]["agent"] = rita
    acme.send(acknowledged)
    page = windows.open(acme.viewer, "/incidents")
    open_bell(page)
    expect(entries(page)).to_contain_text("Acknowledged by Rita")
    panel(page).get_by_role("button", name="3 events of Ledger").click()
    lines = panel(page).get_by_role("list").get_by_role("list").get_by_role("listitem")
    expect(lines).to_have_text([re.compile("Acknowledged by Rita"), re.compile(text), re.compile("Triggered")])


def test_the_list_goes_on_as_one_scrolls(windows: Windows, acme: Organization) -> None:
    send_many(acme, 45)
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 45)
    open_bell(page)
    expect(entries(page).first).to_contain_text("Alert number 44.")
    # New ones on top while one reads on must neither repeat nor hide any.
    acme.send(v3(title="On top", incident_id="PTOP"))
    expect(entries(page).first).to_contain_text("On top")
    scroll_through(entries(page), 46)
    expect(panel(page)).to_contain_text("That is all.")
    titles = [re.search(r"Alert number \d+\.|On top", text) for text in entries(page).all_inner_texts()]
    expected = ["On top", *(f"Alert number {number}." for number in reversed(range(45)))]
    assert [found and found[0] for found in titles] == expected


def test_by_keyboard_alone(windows: Windows, acme: Organization) -> None:
    send_many(acme, 2)
    page = windows.open(acme.responder, "/incidents")
    expect_unread(page, 2)
    bell(page).focus()
    page.keyboard.press("Enter")
    expect(panel(page)).to_be_visible()
    expect(bell(page)).to_have_attribute("aria-expanded", "true")
    expect(entries(page)).to_have_count(2)
    page.keyboard.press("Escape")
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()
    expect(bell(page)).to_have_attribute("aria-expanded", "false")

    page.keyboard.press("Space")
    expect(entries(page)).to_have_count(2)
    for role, name in (("button", "Mark all as read"), ("link", "Inbox"), ("button", "Close notifications")):
        page.keyboard.press("Tab")
        expect(panel(page).get_by_role(role, name=name, exact=True)).to_be_focused()  # type: ignore[arg-type]
    page.keyboard.press("Tab")
    expect(entries(page).first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Title")).to_have_value("[PagerDuty] Alert number 1.")
    expect(panel(page)).to_be_hidden()
    expect_unread(page, 1)


def test_the_close_button_and_a_click_beside_close_it(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    open_bell(page)
    panel(page).get_by_role("button", name="Close notifications").click()
    expect(panel(page)).to_be_hidden()
    expect(bell(page)).to_be_focused()
    open_bell(page)
    page.get_by_role("heading", name="Incidents").click()
    expect(panel(page)).to_be_hidden()


def test_more_than_99_do_not_burst_the_badge(windows: Windows, acme: Organization) -> None:
    send_many(acme, 101)
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 101)
    expect(bell(page)).to_have_text("99+")
    expect(page).to_have_title(re.compile(r"^\(99\+\) "))


def test_the_panel_does_not_shrink_when_its_list_has_loaded(windows: Windows, acme: Organization) -> None:
    """What stands at its end would move away below the pointer: a press then lands beside the panel, and closes it."""
    page = windows.window(acme.viewer)
    held: list[Route] = []
    page.route("**/api/notifications?*", lambda route: held.append(route))
    page.goto("/incidents")
    open_bell(page)
    expect(panel(page).locator(".skeleton")).to_be_visible()
    before = panel(page).bounding_box()
    for route in held:
        route.continue_()
    expect(panel(page).get_by_text("No alerts yet")).to_be_visible()
    assert panel(page).bounding_box() == before
