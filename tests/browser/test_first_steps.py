"""From no account to an organization of one's own, or into somebody else's; and back in without the password."""

import re
import uuid

import httpx
import pytest
from playwright.sync_api import Page, expect

from devstack.stack import Stack
from tests.browser.conftest import Windows
from tests.browser.steps import choice, sign_in
from tests.browser.test_accessibility import violations
from tests.browser.watch import horizontal_overflow
from tests.world import Organization, World

NARROW = {"viewport": {"width": 320, "height": 640}}


@pytest.fixture
def address() -> str:
    """Of somebody who has no account."""
    return f"nina-{uuid.uuid4().hex[:8]}@example.test"


def mailed(stack: Stack, to: str) -> str:
    """The link in the newest mail to an address."""
    found: list[dict[str, str]] = httpx.get(f"{stack.supabase_url}/mail.json", params={"to": to}).json()
    return found[0]["link"]


def sign_up(page: Page, address: str) -> None:
    """As on the page: sends the form and waits for the word that a mail is on its way."""
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_text(f"a link to confirm {address} is on its way")).to_be_visible()


def test_from_no_account_to_an_organization_of_ones_own(windows: Windows, stack: Stack, address: str) -> None:
    page = windows.open(None, "/", **NARROW)
    page.get_by_role("link", name="Create an account").click()
    expect(page.get_by_role("heading", name="Create an account")).to_be_visible()
    sign_up(page, address)
    page.goto(mailed(stack, address))
    expect(page.get_by_role("heading", name="No organization yet")).to_be_visible()
    expect(page).not_to_have_url(re.compile("token"))
    assert horizontal_overflow(page) <= 0
    page.get_by_label("Name").fill("Initech")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Make the webhook URL").click()
    expect(page.get_by_label("Webhook URL")).to_have_value(re.compile("/api/webhooks/pagerduty/.{32}"))
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_role("dialog", name="Account")).to_contain_text("owner of Initech")


def test_whoever_is_invited_follows_the_link_and_joins(
    windows: Windows, stack: Stack, acme: Organization, world: World, address: str
) -> None:
    world.organization("Globex")
    page = windows.open(acme.owner, "/settings/members", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Email").fill(address)
    page.get_by_label("Role", exact=True).select_option("Responder")
    page.get_by_role("button", name="Invite").click()
    page.get_by_role("list", name="Open invitations").get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")

    invited = windows.open(None, link)
    expect(invited.get_by_label("Email")).to_have_value(address)
    assert address not in invited.url
    invited.get_by_label("Password").fill("correct horse")
    invited.get_by_role("button", name="Create the account").click()
    expect(invited.get_by_text("is on its way")).to_be_visible()
    invited.goto(mailed(stack, address))
    expect(invited.get_by_role("region", name="Invitations")).to_have_text(re.compile(f"invited to {acme.name}"))
    invited.get_by_role("button", name=f"Join {acme.name}").click()
    expect(invited.get_by_text("No incidents yet")).to_be_visible()
    expect(invited.get_by_role("link", name="New incident")).to_be_visible()
    page.reload()
    expect(page.get_by_text(address).first).to_be_visible()
    expect(page.get_by_role("list", name="Open invitations")).to_have_count(0)


def test_a_forgotten_password_is_replaced(windows: Windows, stack: Stack, acme: Organization) -> None:
    windows.watch.expect("status of 4[02]")
    page = windows.open(None, "/sign-in")
    page.get_by_label("Email").fill(acme.viewer.email)
    page.get_by_role("link", name="Forgot your password?").click()
    expect(page.get_by_label("Email")).to_have_value(acme.viewer.email)
    page.get_by_role("button", name="Send me a link").click()
    expect(page.get_by_text(f"If there is an account for {acme.viewer.email}, a link")).to_be_visible()
    elsewhere = windows.open(None, "/sign-in")  # on another device than the one that asked
    elsewhere.goto(mailed(stack, acme.viewer.email))
    expect(elsewhere.get_by_role("heading", name="Choose a new password")).to_be_visible()
    field = elsewhere.get_by_label("New password")
    field.fill("short")
    elsewhere.get_by_role("button", name="Change the password").click()
    expect(elsewhere.get_by_text("At least 6 characters, please.")).to_be_visible()
    field.fill("a better one")
    field.press("Enter")
    expect(elsewhere.get_by_text("Your password is changed.")).to_be_visible()
    expect(elsewhere.get_by_role("heading", name="Incidents")).to_be_visible()
    page.get_by_role("link", name="Sign in with a password").click()
    sign_in(page, acme.viewer.email)
    expect(page.get_by_text("That email and password do not match.")).to_be_visible()
    sign_in(page, acme.viewer.email, "a better one")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_a_link_signs_in_once_and_leads_where_one_wanted_to_be(
    windows: Windows, stack: Stack, acme: Organization
) -> None:
    windows.watch.expect("status of 422")
    page = windows.open(None, "/inbox")
    page.get_by_role("link", name="Sign in without a password").click()
    for address in ("nobody@example.test", acme.admin.email):
        page.get_by_label("Email").fill(address)
        page.get_by_role("button", name="Send me a link").click()
        expect(
            page.get_by_text(f"If there is an account for {address}, a link to sign in is on its way.")
        ).to_be_visible()
        page.reload()
    link = mailed(stack, acme.admin.email)
    page.goto(link)
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    assert "token" not in page.url
    other = windows.open(None, "/sign-in")
    other.goto(link)
    expect(other.get_by_text("That link does not work any more")).to_be_visible()
    assert "#" not in other.url
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


def test_what_the_project_does_not_allow_is_not_offered(windows: Windows, acme: Organization) -> None:
    page = windows.window()
    closed = {"external": {"email": True}, "disable_signup": True, "mailer_autoconfirm": False}
    page.route("**/auth/v1/settings", lambda route: route.fulfill(json=closed))
    page.goto("/sign-in")
    expect(page.get_by_role("link", name="Forgot your password?")).to_be_visible()
    expect(page.get_by_role("link", name="Create an account")).to_have_count(0)
    windows.watch.expect("ERR_FAILED")
    page.unroute("**/auth/v1/settings")
    page.route("**/auth/v1/settings", lambda route: route.abort())
    page.reload()
    sign_in(page, acme.viewer.email)
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_what_is_wrong_is_said_at_the_field(windows: Windows, address: str) -> None:
    windows.watch.expect("status of 4[02]")
    page = windows.open(None, "/sign-in?do=sign-up")
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Password")).to_have_accessible_description(re.compile("At least 6 characters, please."))
    page.get_by_label("Email").fill("nina@localhost")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Email")).to_have_accessible_description(re.compile("That is no e-mail address."))


def test_giving_up_ones_own_role_is_asked_about(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings/members")
    mine = choice(page, "Role of Admin of Acme")
    mine.select_option("Viewer")
    page.get_by_role("dialog", name="Make yourself viewer?").get_by_role("button", name="Cancel").click()
    expect(mine).to_have_value("admin")
    mine.select_option("Viewer")
    page.get_by_role("dialog").get_by_role("button", name="Become viewer").click()
    expect(page.get_by_text("Only owners and admins may change roles; yours is viewer.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_way_in_is_accessible(windows: Windows, scheme: str) -> None:
    rules = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    for way in ("sign-up", "forgot", "link"):
        page = windows.open(None, f"/sign-in?do={way}", bypass_csp=True, color_scheme=scheme, **NARROW)
        expect(page.get_by_role("link", name="Sign in with a password")).to_be_visible()
        page.add_script_tag(path="service/web/node_modules/axe-core/axe.min.js")
        assert violations(page, rules) == []
        assert horizontal_overflow(page) <= 0
