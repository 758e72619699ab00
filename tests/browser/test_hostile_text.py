"""What PagerDuty or a user wrote is text, whatever it looks like."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Windows
from tests.browser.steps import entries, expect_unread, open_bell
from tests.browser.watch import horizontal_overflow
from tests.world import Organization, World, v3

MARKUP = "<img src=x onerror=\"window.hacked='img'\"><script>window.hacked='script'</script><b>bold</b>"
TEMPLATE = "${alert(1)} {{7*7}} </title></textarea></script>"
RTL = "invoice\u202egnp.exe \u2066isolated \u05d0\u05d1\u05d2"
INVISIBLE = "zero\u200bwidth\u200d\ufeffjoined\u0000\u0007"
LONG = "W" * 10_000
SCRIPT_URL = "javascript:window.hacked='url'"
PARTS = (TEMPLATE, MARKUP, INVISIBLE, RTL, LONG)
# What closes an element comes before what would be one then.
HOSTILE = {"markup": TEMPLATE + MARKUP, "signs": INVISIBLE + RTL, "long": LONG}


def expect_harmless(page: Page) -> None:
    """Nothing ran, nothing became an element, nothing pushed the page apart."""
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, script:not([src]):not([type]), b").count() == 0
    assert page.locator("a[href^='javascript' i]").count() == 0
    assert horizontal_overflow(page) <= 0


@pytest.fixture
def narrow() -> dict[str, Any]:
    return {"viewport": {"width": 320, "height": 640}}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_from_the_alert_to_the_incident(
    windows: Windows, acme: Organization, narrow: dict[str, Any], text: str
) -> None:
    page = windows.open(acme.owner, "/incidents", **narrow)
    expect_unread(page, 0)
    service = {"id": "PSVC", "type": "service_reference", "summary": text}
    acme.send(v3(title=text, service=service, html_url=SCRIPT_URL))
    expect_unread(page, 1)
    open_bell(page)
    expect(entries(page)).to_contain_text(seen(text))
    expect_harmless(page)

    entries(page).click()
    expect(page.get_by_role("textbox", name="Title")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="PagerDuty")).to_have_count(0)
    expect_harmless(page)
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("article")).to_contain_text(seen(text))
    expect_harmless(page)
    page.get_by_role("textbox", name="Comment").fill(text.replace("\0", "")[:5000])
    page.get_by_role("button", name="Comment").click()
    timeline = page.get_by_role("region", name="Timeline").get_by_role("listitem")
    expect(timeline.last).to_contain_text(seen(text))
    acme.send(note(text))
    expect(timeline).to_have_count(4)
    expect(timeline.last).to_contain_text(seen(text))
    expect_harmless(page)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Incidents").click()
    expect(page.get_by_role("list", name="Incidents")).to_contain_text(seen(text))
    expect_harmless(page)

    page.goto("/settings/activity")
    event = page.get_by_role("main").get_by_role("listitem").filter(has_text="incident.triggered")
    expect(event).to_contain_text(seen(text))
    event.get_by_role("button", name="Payload of").click()
    expect(page.get_by_role("region", name="Payload as JSON")).to_contain_text("javascript:window.hacked")
    expect_harmless(page)


def note(text: str) -> dict[str, Any]:
    """A note that somebody called the same wrote in PagerDuty."""
    agent = {"id": "PUSER", "type": "user_reference", "summary": text}
    incident = {"id": "PINC001", "type": "incident_reference", "html_url": SCRIPT_URL, "summary": text}
    event = v3("incident.annotated")["event"]
    return {"event": event | {"agent": agent, "data": {"type": "incident_note", "incident": incident, "content": text}}}


def seen(text: str) -> re.Pattern[str]:
    """Parts of the text that no cleaning changes: the beginning of each that it was made of."""
    return re.compile(".*".join(re.escape(part[:4]) for part in PARTS if part in text), re.DOTALL)


def test_names_of_people_and_organizations(windows: Windows, world: World, narrow: dict[str, Any]) -> None:
    named = world.organization("Named", ("owner",))
    with world.database() as database:
        database.execute("update pagerduty.organizations set name = %s where id = %s", (MARKUP[:80], named.id))
    for text in (MARKUP, RTL, "W" * 200):
        person = world.person("Mallory")
        world.join(named, person, "responder")
        with world.database() as database:
            database.execute(
                "update pagerduty.memberships set display_name = %s where user_id = %s", (text[:100], person.id)
            )
    page = windows.open(named.owner, "/settings/members", **narrow)
    expect(page.get_by_role("main").get_by_text("<img src=x", exact=False).first).to_be_visible()
    expect(page.get_by_role("main").get_by_text("W" * 50, exact=False).first).to_be_visible()
    expect_harmless(page)
    page.set_viewport_size({"width": 1024, "height": 700})
    expect_harmless(page)


def test_the_title_of_the_tab_and_announcements_keep_their_direction(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents")
    expect_unread(page, 0)
    acme.send(v3(title=RTL))
    announced = page.get_by_role("status").filter(has_text="New alert")
    expect(announced).to_be_attached()
    assert not set("\u202e\u2066") & set(announced.inner_text())
    open_bell(page)
    entries(page).click()
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("article")).to_be_visible()
    assert not set("\u202e\u2066") & set(page.title())


def test_parameters_of_the_address_are_text_too(windows: Windows, acme: Organization) -> None:
    image = "%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E"
    fields = ("title", "description", "customer", "tags", "status")
    page = windows.open(acme.responder, "/incidents/new?" + "&".join(f"{field}={image}" for field in fields))
    expect(page.get_by_role("textbox", name="Title")).to_have_value('<img src=x onerror="window.hacked=1">')
    expect_harmless(page)
    page.goto("/incidents?q=%3Cimg%20src%3Dx%3E&status=%3Cb%3E")
    expect(page.get_by_role("searchbox")).to_have_value("<img src=x>")
    expect_harmless(page)
