"""The form that fills itself in."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Windows
from tests.browser.steps import choice, tags
from tests.world import Organization, v3


def title(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Title")


def notify(organization: Organization, **incident: str) -> str:
    """Sends an alert and answers the address that its notification leads to."""
    sent = organization.send(v3(**incident)).json()
    return f"/incidents/new?notification={sent['outcomes'][0]['notification_id']}"


def tag_names(page: Page) -> list[str]:
    return [text.strip() for text in tags(page).all_inner_texts()]


def test_parameters_of_the_address_override_the_alert(windows: Windows, acme: Organization) -> None:
    address = notify(acme, title="Checkout is down")
    page = windows.open(acme.responder, f"{address}&title=Mine&criticality=low&urgency=nonsense&tags=one,two&customer=")
    expect(title(page)).to_have_value("Mine")
    expect(choice(page, "Criticality")).to_have_value("low")
    expect(choice(page, "Urgency")).to_have_value("high")
    expect(page.get_by_role("textbox", name="Customer")).to_have_value("")
    expect(page.get_by_role("textbox", name="Description")).to_have_value(re.compile("Checkout is down"))
    expect(tags(page)).to_have_text(["one", "two"])


def test_parameters_fill_in_an_empty_form_too(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents/new?title=By+hand&status=investigating&description=Why%0Anot")
    expect(title(page)).to_have_value("By hand")
    expect(choice(page, "Status")).to_have_value("investigating")
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="By hand")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("Why\nnot")
    expect(page.get_by_role("article")).to_contain_text("Investigating")


def test_a_title_is_needed(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents/new")
    page.get_by_role("button", name="Create incident").click()
    expect(title(page)).to_be_focused()
    expect(title(page)).to_have_accessible_description("An incident needs a title.")
    title(page).fill("Now it has one")
    expect(page.get_by_text("An incident needs a title.")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Now it has one")).to_be_visible()


def test_what_the_service_refuses_is_said_at_its_field(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 422")
    page = windows.open(acme.responder, "/incidents/new?title=Fine")
    customer = page.get_by_role("textbox", name="Customer")
    customer.fill("c" * 2000)
    page.get_by_role("button", name="Create incident").click()
    expect(customer).to_be_focused()
    expect(customer).to_have_accessible_description(re.compile("characters"))
    expect(title(page)).to_have_value("Fine")


def test_tags_that_are_too_long_together_say_so(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents/new?title=Fine")
    box = page.get_by_role("textbox", name="Tags")
    box.fill("".join(f"{letter * 300}," for letter in "abcdefghijklmnopq"))
    page.get_by_role("button", name="Create incident").click()
    expect(box).to_be_focused()
    expect(box).to_have_accessible_description(
        re.compile("All tags together may have 5,000 characters; these have 5,100")
    )
    expect(title(page)).to_have_value("Fine")


def test_tags_by_keyboard_and_mouse(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents/new?tags=first")
    box = page.get_by_role("textbox", name="Tags")
    box.focus()
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    page.keyboard.type("third,fourth")
    page.keyboard.press("Enter")
    page.keyboard.type("first")  # it is there already
    page.keyboard.press("Enter")
    expect(tags(page)).to_have_text(["first", "second", "third", "fourth"])
    expect(page.get_by_role("status").filter(has_text="Already there")).to_be_attached()
    page.keyboard.press("Backspace")
    expect(tags(page)).to_have_text(["first", "second", "third"])
    page.get_by_role("button", name="Remove tag second").click()
    expect(tags(page)).to_have_text(["first", "third"])
    expect(page.get_by_role("status").filter(has_text="Removed second")).to_be_attached()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")  # the button of the last one
    expect(tags(page)).to_have_text(["first"])
    box.fill("left in the box")
    title(page).fill("Tagged")
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="Tagged")).to_be_visible()
    expect(page.get_by_role("list", name="Tags").get_by_role("listitem")).to_have_text(["first", "left in the box"])


def test_unsaved_input_survives_a_reload_until_it_is_saved(windows: Windows, acme: Organization) -> None:
    address = notify(acme, title="Checkout is down")
    page = windows.open(acme.responder, address)
    title(page).fill("Half a thought")
    choice(page, "Status").select_option("Investigating")
    page.get_by_role("button", name="Remove tag urgency:high").click()
    kept = tag_names(page)
    page.reload()
    expect(title(page)).to_have_value("Half a thought")
    expect(choice(page, "Status")).to_have_value("investigating")
    assert tag_names(page) == kept
    page.get_by_role("button", name="Start over").click()
    expect(title(page)).to_have_value("[PagerDuty] Checkout is down")

    title(page).fill("A whole thought")
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="A whole thought")).to_be_visible()
    page.goto("/incidents/new")
    expect(title(page)).to_be_empty()
    assert page.evaluate("Object.values({...sessionStorage}).join().includes('thought')") is False


def test_cancelling_forgets(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents/new")
    title(page).fill("Never mind")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="New incident").click()
    expect(title(page)).to_be_empty()


def test_two_who_save_at_once_end_at_one_incident(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 409")
    address = notify(acme, title="Checkout is down")
    slow = windows.open(acme.responder, address)
    title(slow).fill("Mine came second")
    slow.get_by_role("textbox", name="Description").fill("What I know")

    def be_quicker(route: Route) -> None:
        notification = address.partition("=")[2]
        body = {"title": "Mine came first", "notification_id": notification}
        if route.request.method == "POST":
            acme.admin.api.post("/api/incidents", json=body).raise_for_status()
        route.continue_()

    slow.route("**/api/incidents", be_quicker)
    slow.get_by_role("button", name="Create incident").click()
    expect(slow.get_by_role("heading", name="Mine came first")).to_be_visible()
    expect(slow.get_by_text("Somebody made an incident from this alert before you.")).to_be_visible()
    expect(slow.get_by_role("textbox", name="Comment")).to_have_value("What I know")


def test_somebody_quicker_is_told_of_while_one_types(windows: Windows, acme: Organization) -> None:
    address = notify(acme, title="Checkout is down")
    page, other = windows.open(acme.responder, address), windows.open(acme.admin, address)
    title(page).fill("Slowly typed")
    expect(title(other)).to_have_value("[PagerDuty] Checkout is down")
    other.get_by_role("button", name="Create incident").click()
    expect(other.get_by_role("heading", name="[PagerDuty] Checkout is down")).to_be_visible()
    notice = page.get_by_role("status").filter(has_text="Admin of Acme has just made an incident from this alert.")
    notice.get_by_role("button", name="Open it").click()
    expect(page).to_have_url(other.url)


def test_a_later_alert_of_a_known_incident_leads_to_it(windows: Windows, acme: Organization) -> None:
    first = notify(acme, title="Checkout is down").partition("=")[2]
    made = acme.responder.api.post("/api/incidents", json={"title": "Known", "notification_id": first}).json()["id"]
    later = acme.send(v3("incident.escalated")).json()["outcomes"][0]["notification_id"]
    page = windows.open(acme.responder, f"/incidents/new?notification={later}")
    expect(page).to_have_url(f"/incidents/{made}")
    expect(page.get_by_text("This alert already has an incident. Here it is.")).to_be_visible()


def test_viewers_read_the_alert_and_learn_why_there_is_no_form(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.viewer, notify(acme, title="Checkout is down"))
    expect(page.get_by_role("heading", name="Checkout is down")).to_be_visible()
    expect(page.get_by_text(re.compile("needs the role responder in .*; yours is viewer"))).to_be_visible()
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(0)
    page.goto("/incidents")
    expect(page.get_by_role("link", name="New incident")).to_have_count(0)
