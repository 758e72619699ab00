"""The Audit tab: who changed what, and that secrets are not in it."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows
from tests.browser.steps import scroll_through
from tests.world import Organization, World

URL = "/api/integrations/pagerduty"


def lines(page: Page) -> Locator:
    return page.get_by_role("region", name="Audit").get_by_role("listitem")


def test_who_changed_what(windows: Windows, acme: Organization) -> None:
    acme.admin.api.post(URL, json={"region": "eu", "api_key": "marked-key-QXZQ"}).raise_for_status()
    acme.owner.api.post(f"{URL}/rotate-url").raise_for_status()
    acme.owner.api.post(URL, json={"enabled": False, "event_types": ["incident.triggered"]}).raise_for_status()
    member = f"/memberships?user_id=eq.{acme.viewer.id}"
    acme.owner.rest.patch(member, json={"role": "responder"}).raise_for_status()
    acme.owner.rest.delete(member).raise_for_status()
    acme.responder.rest.delete(f"/memberships?user_id=eq.{acme.responder.id}").raise_for_status()

    page = windows.open(acme.owner, "/settings")
    page.get_by_role("link", name="Audit", exact=True).click()
    for line in (
        f"{acme.admin.name} changed the service region from us to eu",
        f"{acme.admin.name} set the API key",
        f"{acme.owner.name} changed the webhook URL",
        f"{acme.owner.name} changed “Take alerts” from on to off",
        f"{acme.owner.name} set the event types to incident.triggered",
        f"{acme.owner.name} changed the role of {acme.viewer.name} from viewer to responder",
        f"{acme.owner.name} removed {acme.viewer.name}, before: responder",
        f"{acme.responder.email} left, before: responder",
        f"Whoever runs this app added {acme.admin.name} as admin",
        f"Whoever runs this app set the name of the organization to {acme.name}",
    ):
        expect(lines(page).filter(has_text=line)).to_have_count(1)
    expect(lines(page).first).to_contain_text("just now")
    assert "QXZQ" not in page.content()
    assert str(acme.token) not in page.content()


def test_older_lines_are_scrolled_to(windows: Windows, acme: Organization, world: World) -> None:
    with world.database() as database:
        for number in range(60):
            database.execute("update pagerduty.organizations set name = %s where id = %s", (f"Name {number}.", acme.id))
    page = windows.open(acme.admin, "/settings/audit")
    scroll_through(lines(page).filter(has_text="changed the name of the organization"), 60)


def test_an_empty_one_says_what_will_be_there(windows: Windows, acme: Organization, world: World) -> None:
    with world.database() as database:
        database.execute("delete from pagerduty.audit where organization_id = %s", (acme.id,))
    page = windows.open(acme.owner, "/settings/audit")
    expect(page.get_by_text("Nothing has been changed yet")).to_be_visible()
    expect(page.get_by_role("main").get_by_role("link", name="Members")).to_have_count(2)


def test_viewers_and_responders_see_none_of_it(windows: Windows, acme: Organization) -> None:
    for person, role in ((acme.viewer, "viewer"), (acme.responder, "responder")):
        page = windows.open(person, "/settings/audit")
        expect(page.get_by_text(f"Only owners and admins of {acme.name} see who changed what")).to_contain_text(role)
        expect(page.get_by_role("main").get_by_text("changed the")).to_have_count(0)
