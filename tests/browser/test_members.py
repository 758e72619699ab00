"""The Members tab: who is in, and who may say so."""

import re

from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Windows
from tests.world import Organization, World


def member(page: Page, email: str) -> Locator:
    return page.get_by_role("listitem").filter(has_text=email)


def leave(page: Page, organization: Organization) -> None:
    page.get_by_role("button", name="Leave this organization").click()
    dialog = page.get_by_role("dialog", name=f"Leave {organization.name}?")
    dialog.get_by_role("button", name="Leave", exact=True).click()


def test_an_owner_changes_a_role_and_it_holds(windows: Windows, acme: Organization) -> None:
    theirs = windows.open(acme.viewer, "/incidents")
    expect(theirs.get_by_text("yours is viewer")).to_be_visible()
    page = windows.open(acme.owner, "/settings/members")
    expect(page.get_by_role("heading", name=f"Members of {acme.name}")).to_be_visible()
    member(page, acme.viewer.email).get_by_role("combobox").select_option("Responder")
    expect(page.get_by_text("Viewer of Acme is now responder.")).to_be_visible()
    page.reload()
    expect(member(page, acme.viewer.email).get_by_role("combobox")).to_have_value("responder")
    theirs.reload()
    expect(theirs.get_by_role("link", name="New incident")).to_be_visible()


def test_the_last_owner_stays_owner(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 409")
    page = windows.open(acme.owner, "/settings/members")
    mine = member(page, acme.owner.email)
    mine.get_by_role("combobox").select_option("Viewer")
    page.get_by_role("dialog", name="Make yourself viewer?").get_by_role("button", name="Become viewer").click()
    expect(page.get_by_role("status").filter(has_text=re.compile("owner", re.I))).to_be_visible()
    expect(mine.get_by_role("combobox")).to_have_value("owner")
    mine.get_by_role("button", name="Leave").click()
    page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()
    expect(mine).to_be_visible()
    page.reload()
    expect(mine.get_by_role("combobox")).to_have_value("owner")


def test_an_admin_manages_all_but_owners(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings/members")
    owner, viewer = member(page, acme.owner.email), member(page, acme.viewer.email)
    expect(owner).to_contain_text("Owner")
    expect(owner.get_by_role("combobox")).to_have_count(0)
    expect(owner.get_by_role("button")).to_have_count(0)
    expect(viewer.get_by_role("option", name="Owner")).to_have_count(0)
    viewer.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove Viewer of Acme?").get_by_role("button", name="Remove", exact=True).click()
    expect(viewer).to_have_count(0)


def test_viewers_and_responders_only_read(windows: Windows, acme: Organization) -> None:
    for person, role in ((acme.viewer, "viewer"), (acme.responder, "responder")):
        page = windows.open(person, "/settings/members")
        expect(page.get_by_text(f"Only owners and admins may change roles; yours is {role}.")).to_be_visible()
        expect(member(page, acme.owner.email)).to_be_visible()
        expect(page.get_by_role("button", name="Invite")).to_have_count(0)
        expect(page.get_by_role("main").get_by_role("combobox")).to_have_count(0)
        expect(page.get_by_role("main").get_by_role("button")).to_have_count(1)  # leave


def test_leaving(windows: Windows, world: World, acme: Organization) -> None:
    leaver = world.person("Leaver")
    world.join(acme, leaver, "responder")
    page = windows.open(leaver, "/settings/members")
    leave(page, acme)
    expect(page.get_by_role("heading", name="No organization yet")).to_be_visible()
    expect(page.get_by_text(acme.owner.email)).to_have_count(0)


def test_leaving_first_calls_off_what_would_be_refused_after_it(
    windows: Windows, world: World, acme: Organization
) -> None:
    leaver = world.person("Leaver")
    world.join(acme, leaver, "responder")
    page = windows.window(leaver)
    held: list[Route] = []
    counting, leaving = "**/api/notifications/unread-count", "**/rest/v1/memberships*"
    page.route("**/api/notifications?*", lambda route: route.fulfill(json={"items": [], "next": "x", "newest": None}))
    page.route(counting, lambda route: held.append(route))
    page.route(leaving, lambda route: held.append(route) if route.request.method == "DELETE" else route.continue_())
    with page.expect_request(counting):
        page.goto("/settings/members")
    with (
        page.expect_request(lambda request: request.method == "DELETE"),
        page.expect_event("requestfailed", lambda request: request.url.endswith("unread-count")),
    ):
        leave(page, acme)
    for route in held:
        route.continue_()
    expect(page.get_by_text("You have left.")).to_be_visible()


def test_what_the_database_has_against_it_is_said_in_our_words(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 400")
    page = windows.open(acme.owner, "/settings/members")
    expect(member(page, acme.viewer.email)).to_be_visible()
    raw = {"code": "23514", "message": 'new row for relation "memberships" violates check constraint'}
    refuse = lambda route: route.fulfill(status=400, json=raw) if route.request.method == "PATCH" else route.continue_()  # noqa: E731
    page.route("**/rest/v1/memberships*", refuse)
    member(page, acme.viewer.email).get_by_role("combobox").select_option("responder")
    expect(page.get_by_text("That did not work. Try again.")).to_be_visible()
    expect(page.get_by_text("violates")).to_have_count(0)


def test_an_admin_says_who_a_member_is_in_pagerduty(windows: Windows, acme: Organization, world: World) -> None:
    windows.watch.expect("status of 409")
    page = windows.open(acme.admin, "/settings/members")
    expect(page.get_by_text(acme.responder.email)).to_be_visible()
    expect(page.get_by_text("In PagerDuty")).to_have_count(0)  # of an account of which nothing is known
    with world.database() as connection:
        connection.execute(
            "insert into pagerduty.directory (integration_id, organization_id, kind, pagerduty_id, name, place)"
            " select id, organization_id, 'user', 'PRITA01', 'Rita there', 1 from pagerduty.integrations"
            " where organization_id = %s",
            (acme.id,),
        )
    page.reload()
    choice = page.get_by_label(f"{acme.responder.name} in PagerDuty")
    expect(choice).to_have_value("")
    choice.select_option("Rita there")
    expect(page.get_by_text("is linked to a PagerDuty user.")).to_be_visible()
    expect(choice).to_have_value("PRITA01")
    # Each is somebody else there.
    page.get_by_label(f"{acme.viewer.name} in PagerDuty").select_option("Rita there")
    expect(page.get_by_text("Another member is linked to that PagerDuty user.")).to_be_visible()
    expect(page.get_by_label(f"{acme.viewer.name} in PagerDuty")).to_have_value("")
    page.goto("/settings/audit")
    expect(page.get_by_text(f"set the PagerDuty user of {acme.responder.name} to PRITA01")).to_be_visible()
    page = windows.open(acme.viewer, "/settings/members")
    expect(page.get_by_text(acme.responder.email)).to_be_visible()
    expect(page.get_by_label(re.compile("in PagerDuty"))).to_have_count(0)
