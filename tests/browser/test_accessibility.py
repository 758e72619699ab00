"""WCAG 2.2 AA on every page: in light, dark and forced colours, at 320 pixels, on a phone's side, with large text.

Nothing may need scrolling sideways, whatever the screen and the size of text.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from devstack.stack import ROOT
from tests.browser.conftest import Windows
from tests.browser.steps import entries, expect_unread, open_bell
from tests.browser.watch import horizontal_overflow
from tests.world import Organization, Person, World, v3

AXE = ROOT / "service" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = ViewportSize(width=1280, height=800), ViewportSize(width=320, height=640)
PHONE, LANDSCAPE = ViewportSize(width=390, height=844), ViewportSize(width=667, height=320)
TOUCH: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
# What browsers do when somebody asks for larger text only.
LARGE = """(size) => {
  const style = document.getElementById('large') ?? document.head.appendChild(document.createElement('style'));
  style.id = 'large';
  style.textContent = `:root { font-size: ${size} !important }`;
}"""
# Text that is cut without saying so: an ellipsis says so, and what scrolls can be read.
CUT = """() => {
  const styleOf = (element) => getComputedStyle(element);
  const isCut = (text, box) => {
    if (!text.data.trim() || text.parentElement.closest('.hidden, option')) return false;
    for (let parent = text.parentElement; parent !== box; parent = parent.parentElement) {
      if (styleOf(parent).textOverflow === 'ellipsis' || styleOf(parent).overflowX === 'auto') return false;
    }
    const range = document.createRange();
    range.selectNodeContents(text);
    const [inner, outer] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
    return inner.width > 0 && (inner.right > outer.right + 1 || inner.left < outer.left - 1);
  };
  return [...document.querySelectorAll('#app *, dialog *')]
    .filter((box) => box.clientWidth > 1 && ['hidden', 'clip'].includes(styleOf(box).overflowX))
    .filter((box) => styleOf(box).textOverflow !== 'ellipsis')
    .flatMap((box) => {
      const texts = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
      const found = [];
      while (texts.nextNode()) if (isCut(texts.currentNode, box)) found.push(texts.currentNode.data);
      return found;
    });
}"""
BEYOND = """() => [...document.querySelectorAll('#app *, dialog *')]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
  .map((element) => element.outerHTML.slice(0, 120))"""
SMALL = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary')].filter((element) => {
  if (element.closest('.hidden, .skip, .prose') || !element.checkVisibility()) return false;
  const target = element.matches('[type=checkbox], [type=radio]') ? element.closest('label') : element;
  const { width, height } = target.getBoundingClientRect();
  return width > 0 && (width < 43.5 || height < 43.5);
}).map((element) => element.outerHTML.slice(0, 120))"""


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """What axe finds wrong, one line each: the rule, and where."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = page.evaluate(f"axe.run({json.dumps(options)}).then((result) => result.violations)")
    return [f"{rule['id']}: {node['html'][:160]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def check(page: Page) -> None:
    """All rules in light, wide and narrow; in dark, what colours can change."""
    page.evaluate(Path(AXE).read_text(encoding="utf-8") + ";0")
    everything, colours = {"type": "tag", "values": RULES}, {"type": "rule", "values": ["color-contrast"]}
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        page.evaluate("scrollTo(0, 0)")  # the bar on top covers half of what happens to lie under it
        schemes: tuple[tuple[Any, dict[str, Any]], ...] = (("light", everything), ("dark", colours))
        for scheme, rules in schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert violations(page, rules) == [], f"{page.url} {scheme} {size}"
        assert horizontal_overflow(page) <= 0, f"{page.url} scrolls sideways"
    page.emulate_media(color_scheme="light", forced_colors="active")
    assert violations(page, everything) == [], f"{page.url} in forced colours"
    page.emulate_media(color_scheme="light", forced_colors="none")
    for size, text in ((LANDSCAPE, "100%"), (WIDE, "200%"), (PHONE, "200%")):
        page.set_viewport_size(size)
        page.evaluate(LARGE, text)
        where = f"{page.url}, text of {text} at {size}"
        assert horizontal_overflow(page) <= 0, f"{where}: {page.evaluate(BEYOND)}"
        assert page.evaluate(CUT) == [], where
    page.evaluate(LARGE, "100%")
    page.set_viewport_size(WIDE)


@pytest.fixture
def visit(windows: Windows) -> Callable[[Person | None, str], Page]:
    """Opens pages that axe may be put into: without the policy, which other tests are under."""

    def visit(person: Person | None, path: str) -> Page:
        return windows.open(person, path, bypass_csp=True, viewport=WIDE)

    return visit


@pytest.fixture
def busy(acme: Organization) -> Organization:
    """Acme with alerts of all sorts and an incident with a history."""
    first = acme.send(v3(title="Checkout is down")).json()["outcomes"][0]["notification_id"]
    incident = {"title": "Checkout is down", "criticality": "critical", "tags": ["a", "b"], "customer": "Initech"}
    made = acme.responder.api.post("/api/incidents", json={**incident, "notification_id": first}).json()
    acme.responder.api.post(f"/api/incidents/{made['id']}/updates", json={"body": "Looking."}).raise_for_status()
    for kind in ("incident.acknowledged", "incident.resolved"):
        acme.send(v3(kind))
    for number, urgency in enumerate(("high", "low")):
        acme.send(v3(title="Disk is full", incident_id=f"PDISK{number}", urgency=urgency))
    for criticality, status in (("low", "investigating"), ("medium", "resolved"), ("high", "open")):
        fields = {"title": f"Number {criticality}", "criticality": criticality, "status": status}
        acme.responder.api.post("/api/incidents", json=fields).raise_for_status()
    acme.__dict__["incident"] = made["id"]
    return acme


def test_signed_out(visit: Callable[[Person | None, str], Page], windows: Windows) -> None:
    windows.watch.expect("status of 40[04]")
    page = visit(None, "/sign-in")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    check(page)
    page.get_by_label("Email").fill("nobody@example.test")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("That email and password do not match.")).to_be_visible()
    check(page)
    page.goto("/no/such/page")
    check(page)


def test_incidents(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    page = visit(busy.responder, "/incidents")
    expect(page.get_by_role("list", name="Incidents").get_by_role("listitem")).to_have_count(4)
    page.get_by_role("group", name="Status").get_by_role("button", name="Open").click()
    expect(page.get_by_role("list", name="Incidents").get_by_role("listitem")).to_have_count(1)
    check(page)
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("dialog", name="Account")).to_be_visible()
    check(page)


def test_the_open_bell(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    page = visit(busy.responder, "/incidents")
    expect_unread(page, 3)
    panel = open_bell(page)
    expect(entries(page)).to_have_count(3)
    panel.get_by_role("button", name="3 events of Checkout").click()
    expect(panel.get_by_role("list").get_by_role("list").get_by_role("listitem")).to_have_count(3)
    panel.get_by_text("Sound and notifications").click()
    check(page)


def test_the_inbox(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    page = visit(busy.responder, "/inbox")
    expect(page.get_by_role("main").get_by_role("link", name="(from PagerDuty)")).to_have_count(3)
    page.get_by_role("checkbox", name="Select Disk is full").first.check()
    page.get_by_role("button", name="More: 3 events of Checkout").click()
    expect(page.get_by_role("main").get_by_role("list").get_by_role("list").get_by_role("listitem")).to_have_count(3)
    check(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    check(page)
    page.goto("/inbox?view=done")
    expect(page.get_by_text("Nothing is done yet.")).to_be_visible()
    check(page)


def test_an_incident(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    page = visit(busy.responder, f"/incidents/{busy.__dict__['incident']}")
    expect(page.get_by_role("region", name="Timeline").get_by_role("listitem")).to_have_count(5)
    check(page)
    page.get_by_role("button", name="Edit").click()
    page.get_by_role("textbox", name="Title").fill("")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("An incident needs a title.")).to_be_visible()
    check(page)


def test_a_new_incident(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    alert = busy.send(v3(title="Brand new", incident_id="PNEW")).json()["outcomes"][0]["notification_id"]
    for person in (busy.responder, busy.viewer):
        page = visit(person, f"/incidents/new?notification={alert}")
        expect(page.get_by_text("From the alert")).to_be_visible()
        check(page)


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_settings(visit: Callable[[Person | None, str], Page], busy: Organization, role: str) -> None:
    busy.admin.api.post("/api/integrations/pagerduty", json={"api_key": "some-key-ZZZZ"}).raise_for_status()
    page = visit(busy.people[role], "/settings")
    expect(page.get_by_text("Alerts arrive")).to_be_visible()
    if role == "admin":
        page.get_by_role("radio", name="Only these").check()
        page.get_by_role("radio", name="Chosen services").check()
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_text("PagerDuty does not know this key")).to_be_visible()
    check(page)
    page.get_by_role("link", name="Members", exact=True).click()
    if role == "admin":
        expect(page.get_by_role("dialog", name="Leave without saving?")).to_be_visible()
        check(page)
        page.get_by_role("button", name="Leave").click()
    expect(page.get_by_text(busy.owner.email)).to_be_visible()
    page.get_by_text("What the roles may do").click()
    if role == "admin":
        page.get_by_label("Email").fill("nina@example.test")
        page.get_by_role("button", name="Invite").click()
        expect(page.get_by_role("list", name="Open invitations")).to_contain_text("nina@example.test")
    check(page)
    page.get_by_role("link", name="Audit", exact=True).click()
    expect(
        page.get_by_role("main").get_by_text("Only owners" if role == "viewer" else "set the API key")
    ).to_be_visible()
    check(page)


def test_the_first_steps(visit: Callable[[Person | None, str], Page], world: World) -> None:
    newcomers = world.organization("Newcomers", ("owner",), integration=False)
    page = visit(newcomers.owner, "/settings")
    expect(page.get_by_role("button", name="Make the webhook URL")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Make the webhook URL").click()
    expect(page.get_by_label("Webhook URL")).to_be_visible()
    page.get_by_role("textbox", name="Signing secret").fill("some-secret")
    check(page)
    page = visit(None, "/sign-in?do=sign-up")
    expect(page.get_by_role("link", name="Forgot your password?")).to_be_visible()
    check(page)


def test_in_no_organization(visit: Callable[[Person | None, str], Page], world: World, acme: Organization) -> None:
    nina = world.person("Nina")
    invited = {"email": nina.email, "role": "viewer"}
    acme.owner.api.post("/api/invitations", json=invited).raise_for_status()
    page = visit(nina, "/incidents")
    expect(page.get_by_role("region", name="Invitations")).to_contain_text(acme.name)
    check(page)


def test_activity(visit: Callable[[Person | None, str], Page], busy: Organization) -> None:
    page = visit(busy.admin, "/settings/activity")
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(5)
    check(page)
    page.get_by_role("button", name="Payload of Checkout is down").first.click()
    expect(page.get_by_role("region", name="Payload as JSON")).to_be_visible()
    check(page)


def test_empty_pages(visit: Callable[[Person | None, str], Page], acme: Organization) -> None:
    page = visit(acme.admin, "/incidents")
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    expect(open_bell(page)).to_contain_text("No alerts yet")
    check(page)
    page.goto("/settings/activity")
    expect(page.get_by_role("region", name="Command that sends a test alert")).to_be_visible()
    check(page)


def test_one_can_skip_to_the_content(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 0)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_chosen_colours_are_kept(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, "/incidents", color_scheme="light")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("radio", name="dark").check()
    dark = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.reload()
    expect_unread(page, 0)
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == dark
    page.get_by_role("button", name="Account").click()
    page.get_by_role("radio", name="system").check()
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") != dark


@pytest.mark.parametrize(
    "path", ["/inbox", "/incidents", "/incidents/", "/incidents/new", "/settings", "/settings/members"]
)
def test_a_finger_hits_everything(windows: Windows, busy: Organization, path: str) -> None:
    if path == "/incidents/":
        path += busy.__dict__["incident"]
    page = windows.open(busy.admin, path, **TOUCH)
    expect_unread(page, 3)
    page.wait_for_load_state("networkidle")
    if path == "/inbox":
        page.get_by_role("button", name="Filters").tap()
        page.get_by_role("button", name="More: 3 events of Checkout").tap()
        page.get_by_role("checkbox", name="Select Disk is full").first.tap()
        expect(page.get_by_text("1 alert selected")).to_be_visible()
    assert page.evaluate(SMALL) == []


def test_what_has_the_focus_is_never_under_the_bar(windows: Windows, busy: Organization) -> None:
    for number in range(12):
        busy.responder.api.post("/api/incidents", json={"title": f"More {number}"}).raise_for_status()
    page = windows.open(busy.viewer, "/incidents", viewport={"width": 800, "height": 420})
    rows = page.get_by_role("list", name="Incidents").get_by_role("link")
    expect(rows).to_have_count(16)
    rows.last.focus()
    covered = """() => document.activeElement.getBoundingClientRect().top
      - document.querySelector('header').getBoundingClientRect().bottom"""
    for _ in range(15):
        page.keyboard.press("Shift+Tab")
        assert page.evaluate(covered) >= 0
    expect(rows.first).to_be_focused()


def test_forced_colours_show_what_is_on_and_where_one_is(windows: Windows, busy: Organization) -> None:
    def looks(name: str) -> str:
        script = (
            "(element) => { const s = getComputedStyle(element); return [s.backgroundColor, s.borderColor].join() }"
        )
        return str(page.get_by_text(name, exact=True).first.evaluate(script))

    page = windows.open(busy.admin, "/incidents", forced_colors="active")
    page.get_by_role("button", name="Investigating").click()
    expect(page.get_by_role("button", name="Investigating")).to_have_attribute("aria-pressed", "true")
    assert looks("Investigating") != looks("Resolved")
    page.goto("/settings")
    expect(page.get_by_role("switch", name="Take alerts")).to_be_checked()
    assert looks("Integrations") != looks("Activity")
    track = page.get_by_role("switch", name="Take alerts").locator("xpath=following-sibling::*[1]")
    on = track.evaluate("(element) => getComputedStyle(element).backgroundColor")
    page.get_by_role("switch", name="Take alerts").uncheck()
    assert track.evaluate("(element) => getComputedStyle(element).backgroundColor") != on


def test_no_hover_sticks_after_a_tap() -> None:
    for file in (ROOT / "service" / "web" / "src" / "css").glob("*.css"):
        for line in file.read_text().splitlines():
            assert ":hover" not in line or "@media (hover: hover)" in line, f"{file.name}: {line}"
