"""From the form on Members to the membership, and what somebody in no organization can do."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Windows
from tests.world import Organization, Person, World

INVITED = "Open invitations"


def invite(page: Page, email: str, role: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_role("combobox", name="Role", exact=True).select_option(role)
    page.get_by_role("button", name="Invite", exact=True).click()


def invited(page: Page) -> Locator:
    return page.get_by_role("list", name=INVITED).get_by_role("listitem")


def test_an_admin_invites_and_the_invited_joins(windows: Windows, world: World, acme: Organization) -> None:
    nina = world.person("Nina")
    page = windows.open(acme.admin, "/settings/members")
    expect(page.get_by_text("Nothing is mailed")).to_be_visible()
    expect(page.get_by_role("combobox", name="Role", exact=True).get_by_role("option", name="Owner")).to_have_count(0)
    invite(page, nina.email.upper(), "Viewer")
    expect(invited(page)).to_contain_text(nina.email)
    expect(invited(page)).to_contain_text("Viewer")
    expect(page.get_by_label("Email")).to_be_empty()

    theirs = windows.open(nina, "/incidents")
    expect(theirs.get_by_role("heading", name="No organization yet")).to_be_visible()
    invitations = theirs.get_by_role("region", name="Invitations")
    expect(invitations).to_contain_text(f"{acme.name}as viewer, by {acme.admin.name}")
    invitations.get_by_role("button", name=f"Join {acme.name}").click()
    expect(theirs.get_by_text("No incidents yet")).to_be_visible()
    expect(theirs.get_by_text("yours is viewer")).to_be_visible()
    expect(invitations).to_have_count(0)
    page.reload()
    expect(page.get_by_role("listitem").filter(has_text=nina.email).get_by_role("combobox")).to_have_value("viewer")
    expect(invited(page)).to_have_count(0)


def test_a_member_elsewhere_sees_it_too_and_changes_over(
    windows: Windows, acme: Organization, globex: Organization
) -> None:
    acme.owner.api.post("/api/invitations", json={"email": globex.viewer.email, "role": "responder"}).raise_for_status()
    page = windows.open(globex.viewer, "/incidents")
    page.get_by_role("button", name=f"Join {acme.name}").click()
    expect(page.get_by_role("combobox", name="Organization").locator("option:checked")).to_have_text(acme.name)
    expect(page.get_by_role("link", name="New incident")).to_be_visible()


def test_withdrawing(windows: Windows, world: World, acme: Organization) -> None:
    windows.watch.expect("status of 410")
    nina = world.person("Nina")
    for email, role in ((nina.email, "viewer"), ("boss@example.test", "owner")):
        acme.owner.api.post("/api/invitations", json={"email": email, "role": role}).raise_for_status()
    theirs = windows.open(nina, "/incidents")
    join = theirs.get_by_role("button", name=f"Join {acme.name}")
    expect(join).to_be_visible()
    page = windows.open(acme.admin, "/settings/members")
    expect(invited(page)).to_have_count(2)
    expect(invited(page).get_by_role("button", name="Withdraw")).to_have_count(1)  # not the owner's
    page.get_by_role("button", name=f"Withdraw the invitation of {nina.email}").click()
    expect(invited(page)).to_have_count(1)
    join.click()
    expect(theirs.get_by_text("The invitation was withdrawn.")).to_be_visible()
    expect(join).to_have_count(0)
    expect(theirs.get_by_text(f"Nobody has invited {nina.email}")).to_be_visible()


def test_what_is_wrong_is_said_at_the_field(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 4(09|22)")
    page = windows.open(acme.owner, "/settings/members")
    for email, message in (("nobody", "Is not an address."), (acme.viewer.email, "is a member already")):
        invite(page, email, "Viewer")
        expect(page.get_by_text(message)).to_be_visible()
        expect(page.get_by_label("Email")).to_be_focused()
    expect(invited(page)).to_have_count(0)


def test_who_is_in_no_organization_makes_one(windows: Windows, world: World) -> None:
    windows.watch.expect("status of 4(03|22)")
    nina: Person = world.person("Nina")
    page = windows.open(nina, "/incidents")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("textbox", name="Name")).to_have_attribute("aria-invalid", "true")
    with world.database() as connection:
        connection.execute("update auth.users set email_confirmed_at = null where id = %s", (nina.id,))
    page.get_by_role("textbox", name="Name").fill("Nina's")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("ask whoever runs it")).to_be_visible()
    with world.database() as connection:
        connection.execute("update auth.users set email_confirmed_at = now() where id = %s", (nina.id,))
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    expect(page.get_by_title("Your organization")).to_have_text("Nina's")
