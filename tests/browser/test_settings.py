"""The PagerDuty card: connecting an organization, testing the connection, and whether alerts arrive."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect

from devstack import pagerduty
from tests.browser.conftest import Windows
from tests.browser.steps import choice, expect_unread
from tests.world import Organization, World, v3

CONNECTION_TESTS = (
    (pagerduty.FULL_ACCESS_KEY, "Connected", "may read and write"),
    (pagerduty.USER_KEY, "Connected", pagerduty.USER_EMAIL),
    (pagerduty.READ_ONLY_KEY, "Connected, but the key may only read", "account sandbox"),
    ("made-up", "PagerDuty does not know this key", "copied whole"),
    (pagerduty.FORBIDDEN_KEY, "PagerDuty does not let this key in", "IP allow list"),
    (pagerduty.RATE_LIMITED_KEY, "PagerDuty asks to wait", f"in {pagerduty.RATE_LIMIT_RESET} seconds"),
    (pagerduty.UNAVAILABLE_KEY, "PagerDuty cannot be reached", "status 503"),
    (pagerduty.EU_KEY, "The key belongs to the other region", "region Europe"),
)

ADDRESS = "/api/integrations/pagerduty"
WRONG = (
    ("API key", "two words", "visible ASCII characters"),
    ("API key", "k" * 129, "128 characters"),
    ("Signing secret", "geheim\u00fc", "visible ASCII characters"),
    ("Integration key filter", "a b", "visible ASCII characters"),
    ("Integration key filter", "k" * 256, "May have at most 255 characters."),
)


def save(page: Page) -> None:
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.")).to_be_visible()


def card(page: Page) -> Locator:
    return page.get_by_role("region", name="PagerDuty", exact=True)


def test_from_nothing(windows: Windows, world: World) -> None:
    newcomers = world.organization("Newcomers", ("owner",), integration=False)
    page = windows.open(newcomers.owner, "/settings", permissions=["clipboard-read", "clipboard-write"])
    first, second, third = (card(page).get_by_role("listitem").nth(number) for number in range(3))
    expect(second).to_contain_text("Generic Webhooks (v3)")
    expect(third).to_contain_text("Waiting for PagerDuty")
    expect(page.get_by_label("Webhook URL")).to_have_count(0)
    first.get_by_role("button", name="Make the webhook URL").click()
    expect(page.get_by_role("switch", name="Take alerts")).to_be_checked()
    address = page.get_by_label("Webhook URL")
    expect(address).to_have_value(re.compile("/api/webhooks/pagerduty/.{32}"))
    expect(address).not_to_be_editable()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == address.input_value()

    newcomers.token = address.input_value().rsplit("/", 1)[1]
    page.get_by_role("textbox", name="Signing secret").fill("the-right-secret")
    second.get_by_role("button", name="Save the signing secret").click()
    expect(second.get_by_role("heading")).to_contain_text("done")
    expect(third.get_by_role("heading")).not_to_contain_text("done")
    newcomers.send(v3(), secret="the-right-secret")
    expect(third).to_contain_text(re.compile(r"Received \d+ s ago. PagerDuty is connected."))
    expect(page.get_by_text("Alerts arrive")).to_be_visible()
    expect(card(page).get_by_text("Last event")).to_be_visible()
    expect_unread(page, 1)
    page.get_by_text("Take alerts", exact=True).click()
    expect(card(page).get_by_text("PagerDuty is switched off", exact=True)).to_be_visible()


def test_the_api_key_is_never_shown_again(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    page.get_by_role("textbox", name="API key").fill("first-key-AAAA")
    expect(page.get_by_text("There are changes to save.")).to_be_visible()
    save(page)
    saved = page.get_by_role("group", name="API key")
    expect(saved).to_contain_text("AAAA")
    expect(page.get_by_text("There are changes to save.")).to_have_count(0)

    page.reload()
    expect(saved).to_contain_text("AAAA")
    assert "first-key" not in page.content()
    page.get_by_role("button", name="Replace API key").click()
    expect(page.get_by_role("textbox", name="API key")).to_be_focused()
    page.get_by_role("button", name="Keep the saved API key").click()
    expect(saved).to_contain_text("AAAA")
    page.get_by_role("button", name="Replace API key").click()
    page.get_by_role("textbox", name="API key").fill("second-key-BBBB")
    save(page)
    expect(saved).to_contain_text("BBBB")

    page.get_by_role("button", name="Remove API key").click()
    page.get_by_role("dialog", name="Remove the API key?").get_by_role("button", name="Cancel").click()
    expect(saved).to_contain_text("BBBB")
    page.get_by_role("button", name="Remove API key").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_role("textbox", name="API key")).to_be_empty()
    assert acme.admin.api.get("/api/integrations/pagerduty").json()["api_key"]["set"] is False


def test_a_new_webhook_url_and_what_becomes_of_the_old_one(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    address, button = page.get_by_label("Webhook URL"), page.get_by_role("button", name="New URL…")
    expect(address).to_have_value(re.compile(f"/{acme.token}$"))
    button.click()
    dialog = page.get_by_role("dialog", name="Make a new webhook URL?")
    expect(dialog).to_contain_text("within 48 hours")
    dialog.get_by_role("button", name="Cancel").click()
    expect(address).to_have_value(re.compile(f"/{acme.token}$"))

    button.click()
    dialog.get_by_role("button", name="Make a new URL").click()
    expect(address).not_to_have_value(re.compile(f"/{acme.token}$"))
    expect(address).to_have_value(re.compile("/api/webhooks/pagerduty/.{64}$"))
    until = card(page).get_by_text("The URL before this one is taken until").get_by_role("time")
    assert 47 < hours_until(until) <= 48
    acme.send(v3())
    expect(page.get_by_text("Alerts arrive")).to_be_visible()
    shown = until.inner_text()
    button.click()
    expect(dialog).to_contain_text(f"which is taken until {shown}, stops at once")
    dialog.get_by_role("button", name="Make a new URL").click()
    expect(until).not_to_have_text(shown)
    assert acme.send(v3()).status_code == 404


def hours_until(moment: Locator) -> float:
    at = datetime.fromisoformat(moment.get_attribute("datetime") or "")
    return (at - datetime.now(UTC)).total_seconds() / 3600


def test_what_is_wrong_is_said_at_its_field(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 422")
    page = windows.open(acme.admin, "/settings")
    for label, value, message in WRONG:
        field = page.get_by_role("textbox", name=label)
        field.fill(value)
        page.get_by_role("button", name="Save changes").click()
        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(message))
        field.fill("")
        expect(page.get_by_text(message)).to_have_count(0)
    page.get_by_role("textbox", name="API key").fill("good-enough-now")
    save(page)


def test_region_event_types_and_filter_are_kept(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    choice(page, "Service region").select_option("Europe")
    page.get_by_label("Integration key filter").fill("only-this-one")
    page.get_by_role("radio", name="Only these").check()
    incidents = page.get_by_role("group", name="Incidents")
    for box in incidents.get_by_role("checkbox", checked=True).all():
        expect(box).to_be_checked()
    for name in ("Triggered", "Acknowledged", "Unacknowledged", "Escalated", "Reopened", "Resolved"):
        incidents.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Choose at least one, or take all of them.")).to_be_visible()
    incidents.get_by_role("checkbox", name="Resolved", exact=True).check()
    save(page)

    page.reload()
    expect(choice(page, "Service region")).to_have_value("eu")
    expect(page.get_by_label("Integration key filter")).to_have_value("only-this-one")
    expect(incidents.get_by_role("checkbox", checked=True)).to_have_count(1)
    page.get_by_role("radio", name="All of them").check()
    page.get_by_label("Integration key filter").fill("")
    save(page)
    saved = acme.admin.api.get("/api/integrations/pagerduty").json()
    assert (saved["event_types"], saved["integration_key"], saved["region"]) == (None, None, "eu")


def test_services_are_ticked_or_written(windows: Windows, acme: Organization) -> None:
    acme.send(v3())
    acme.send(v3(incident_id="P2", service={"id": "PLEDG", "type": "service_reference", "summary": "Ledger, EU"}))
    page = windows.open(acme.admin, "/settings")
    expect(page.get_by_text("V3 webhooks carry no integration key")).to_be_visible()
    expect(page.get_by_text("These filters hide alerts from the bell, and from nothing else")).to_be_visible()
    services = page.get_by_role("group", name="PagerDuty services")
    services.get_by_role("radio", name="Chosen services").check()
    page.get_by_role("button", name="Save changes").click()
    expect(services.get_by_text("Choose at least one, or take all of them.")).to_be_visible()
    services.get_by_role("checkbox", name="Ledger, EU").check()
    services.get_by_label("Others").fill("Status Page\n  PXYZ123 \n\nStatus Page")
    save(page)
    saved = acme.admin.api.get("/api/integrations/pagerduty").json()
    assert saved["services"] == ["PLEDG", "PXYZ123", "Status Page"]

    page.reload()
    expect(services.get_by_role("checkbox", checked=True)).to_have_count(1)
    expect(services.get_by_role("checkbox", name="Ledger, EU")).to_be_checked()
    expect(services.get_by_label("Others")).to_have_value("PXYZ123\nStatus Page")
    expect(page.get_by_text("There are changes to save.")).to_have_count(0)
    reader = windows.open(acme.viewer, "/settings")
    expect(card(reader)).to_contain_text("PLEDG, PXYZ123, Status Page")
    services.get_by_role("radio", name="Every service").check()
    save(page)
    assert acme.admin.api.get("/api/integrations/pagerduty").json()["services"] is None


def test_health_says_that_all_is_ignored_and_why(windows: Windows, acme: Organization) -> None:
    acme.admin.api.post("/api/integrations/pagerduty", json={"integration_key": "0a1b2c3d"}).raise_for_status()
    for number in range(3):
        acme.send(v3(incident_id=f"P{number}"))
    page = windows.open(acme.admin, "/settings")
    expect(card(page)).to_contain_text("Everything that arrives is being ignored")
    expect(card(page)).to_contain_text(re.compile(r"3 of 3 events ignored since \d\d:\d\d: key filter"))
    expect(card(page)).to_contain_text("take the key filter away and choose services")
    reader = windows.open(acme.viewer, "/settings")
    expect(card(reader)).to_contain_text("Everything that arrives is being ignored")
    expect(card(reader)).not_to_contain_text("take the key filter away")
    page.get_by_label("Integration key filter").fill("")
    services = page.get_by_role("group", name="PagerDuty services")
    services.get_by_role("radio", name="Chosen services").check()
    services.get_by_role("checkbox", name="Checkout API").check()
    save(page)
    acme.send(v3(incident_id="P9"))
    expect(page.get_by_text("Alerts arrive")).to_be_visible()


def test_test_connection_says_what_each_key_is(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    result = card(page).get_by_role("status")
    for key, title, detail in CONNECTION_TESTS:
        page.get_by_role("textbox", name="API key").fill(key)
        page.get_by_role("button", name="Test connection").click()
        expect(page.get_by_text(title, exact=True)).to_be_visible()
        expect(result.filter(has_text=title)).to_contain_text(detail)
    page.get_by_role("button", name="Use Europe").click()
    expect(choice(page, "Service region")).to_have_value("eu")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected", exact=True)).to_be_visible()
    assert acme.admin.api.get("/api/integrations/pagerduty").json()["api_key"]["set"] is False


def test_test_connection_takes_the_saved_key(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("There is no key to test")).to_be_visible()
    page.get_by_role("textbox", name="API key").fill(pagerduty.READ_ONLY_KEY)
    save(page)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Connected, but the key may only read")).to_be_visible()


def test_a_bad_signature_shows_in_the_health_and_a_good_one_cures_it(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    expect(page.get_by_text("Waiting for PagerDuty")).to_be_visible()
    page.get_by_role("textbox", name="Signing secret").fill("the-right-secret")
    save(page)
    expect(page.get_by_role("group", name="Signing secret")).to_contain_text("cret")
    assert acme.send(v3(), secret="the-wrong-secret").status_code == 401
    page.reload()
    health = card(page)
    expect(health).to_contain_text("Something went wrong with the last alerts")
    expect(health).to_contain_text("Copy the signing secret of this webhook from PagerDuty again")
    assert acme.send(v3(), secret="the-right-secret").status_code == 202
    expect(page.get_by_text("Alerts arrive")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "responder"])
def test_others_read_it_and_learn_why_they_may_not_change_it(windows: Windows, acme: Organization, role: str) -> None:
    acme.admin.api.post("/api/integrations/pagerduty", json={"api_key": "some-key-ZZZZ"}).raise_for_status()
    page = windows.open(acme.people[role], "/settings")
    expect(card(page)).to_contain_text(f"Only owners and admins of {acme.name} may change this")
    expect(card(page)).to_contain_text(f"your role is {role}")
    for control in ("textbox", "switch", "combobox", "checkbox", "button"):
        expect(card(page).get_by_role(control)).to_have_count(0)
    assert acme.token
    assert acme.token not in page.content()
    assert "ZZZZ" not in page.content()


def test_what_is_sent_before_the_page_hears_of_it_is_seen_while_one_waits(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    expect(page.get_by_text("Waiting for PagerDuty")).to_be_visible()
    acme.send(v3("pagey.ping"))  # ignored, and so not broadcast
    expect(card(page)).to_contain_text(re.compile(r"Received \d+ s ago"))


def test_a_test_alert_reaches_everybody_here_and_proves_nothing(
    windows: Windows, acme: Organization, world: World
) -> None:
    windows.watch.expect("status of 429")
    globex = world.organization("Globex")
    others = [windows.open(globex.admin, "/incidents"), windows.open(acme.viewer, "/incidents")]
    page = windows.open(acme.admin, "/settings")
    page.get_by_role("button", name="Send a test alert").click()
    expect(page.get_by_text("Your test alert is in the bell.")).to_be_visible()
    expect_unread(page, 1)
    expect_unread(others[1], 1)
    expect(others[1].get_by_role("status").filter(has_text="New alert: Test alert: nothing is wrong")).to_be_visible()
    expect(page.get_by_text("Waiting for PagerDuty")).to_be_visible()
    for _ in range(4):
        acme.admin.api.post("/api/integrations/pagerduty/test-alert", json={}).raise_for_status()
    page.get_by_role("button", name="Send a test alert").click()
    expect(page.get_by_text("Five test alerts a minute are enough")).to_be_visible()
    expect_unread(others[0], 0)


def test_a_test_alert_becomes_an_incident_like_any_other(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    page.get_by_role("button", name="Send a test alert").click()
    page.get_by_role("status").filter(has_text="Test alert").get_by_role("button", name="Open").click()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Test alert: nothing is wrong")
    expect(page.get_by_role("textbox", name="Description")).to_have_value(re.compile("Sent by: Admin of Acme"))
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="Test alert: nothing is wrong")).to_be_visible()


def test_unsaved_changes_are_asked_about_and_come_back(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    key = page.get_by_role("textbox", name="Integration key filter")
    key.fill("R0UT1NG")
    page.get_by_role("textbox", name="API key").fill("not-for-a-draft")
    page.get_by_role("link", name="Members", exact=True).click()
    question = page.get_by_role("dialog", name="Leave without saving?")
    question.get_by_role("button", name="Cancel").click()
    expect(key).to_have_value("R0UT1NG")
    page.get_by_role("link", name="Members", exact=True).click()
    question.get_by_role("button", name="Leave").click()
    expect(page.get_by_text(acme.owner.email)).to_be_visible()
    page.get_by_role("link", name="Integrations", exact=True).click()
    expect(page.get_by_text("What you had changed and not saved is back.")).to_be_visible()
    expect(key).to_have_value("R0UT1NG")
    expect(page.get_by_role("textbox", name="API key")).to_be_empty()
    assert "not-for-a-draft" not in page.evaluate("JSON.stringify(sessionStorage)")
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks before it loads the page again
    page.reload()
    expect(key).to_have_value("R0UT1NG")
    page.get_by_role("button", name="Discard it").click()
    expect(key).to_be_empty()
    page.get_by_role("link", name="Members", exact=True).click()
    expect(page.get_by_text(acme.owner.email)).to_be_visible()


def test_what_somebody_else_saves_is_not_taken_back(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    key = page.get_by_role("textbox", name="Integration key filter")
    key.fill("R0UT1NG")
    acme.owner.api.post(ADDRESS, json={"region": "eu", "services": ["Ledger"]}).raise_for_status()
    expect(choice(page, "Service region")).to_have_value("eu")
    expect(key).to_have_value("R0UT1NG")
    page.get_by_role("link", name="Members", exact=True).click()
    page.get_by_role("button", name="Leave", exact=True).click()
    expect(page.get_by_text(acme.owner.email)).to_be_visible()
    acme.owner.api.post(ADDRESS, json={"services": ["Checkout"]}).raise_for_status()
    page.get_by_role("link", name="Integrations", exact=True).click()
    expect(key).to_have_value("R0UT1NG")
    save(page)
    now = acme.owner.api.get(ADDRESS).json()
    assert (now["region"], now["services"], now["integration_key"]) == ("eu", ["Checkout"], "R0UT1NG")


def test_once_connected_the_way_there_can_still_be_read(windows: Windows, acme: Organization) -> None:
    acme.send(v3())
    page = windows.open(acme.admin, "/settings")
    expect(page.get_by_text("Alerts arrive")).to_be_visible()
    expect(page.get_by_text("Generic Webhooks (v3)")).to_be_hidden()
    summary = page.get_by_text("Where in PagerDuty it goes")
    summary.focus()
    summary.press("Enter")
    expect(page.get_by_text("Generic Webhooks (v3)")).to_be_visible()


def test_saving_nothing_does_not_say_saved(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("status").filter(has_text="Nothing was changed.")).to_be_visible()
    expect(page.get_by_text("Saved.")).to_have_count(0)
