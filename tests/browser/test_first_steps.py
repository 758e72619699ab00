"""From no account to an organization of one's own, or into somebody else's; and back in without the password."""

import re
import uuid

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from devstack.stack import Stack
from tests.browser.conftest import Windows, session_item
from tests.browser.steps import choice, sign_in
from tests.browser.test_accessibility import AXE, RULES, violations
from tests.browser.watch import horizontal_overflow
from tests.world import Organization, World

#: supabase-js tells the other tabs of a browser what happened in one.
HEAR_RECOVERY = """(name) => {
  new BroadcastChannel(name).onmessage = ({ data }) => {
    if (data.event === 'PASSWORD_RECOVERY') document.body.setAttribute('data-heard', '');
  };
}"""
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
    page.get_by_role("button", name=f"Copy link for {address}").click()
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
    shown: list[str] = []

    def look(route: Route) -> None:
        shown.append(page.evaluate("location.href"))
        route.continue_()

    page.route("**/auth/v1/user", look)
    page.goto(link)
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    assert shown  # Supabase was asked whose it is
    assert not any("token" in address for address in shown)
    page.go_back()
    assert "token" not in page.url
    other = windows.open(None, "/sign-in")
    other.goto(link)
    expect(other.get_by_text("That link does not work any more")).to_be_visible()
    assert "#" not in other.url
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    inside = windows.open(acme.viewer, "/incidents")
    inside.goto(link)
    expect(inside.get_by_text("That link does not work any more")).to_be_visible()
    expect(inside.get_by_role("heading", name="Inbox")).to_be_visible()


def test_a_session_that_somebody_made_up_lets_nobody_in(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 403")
    made_up = "/sign-in#access_token=a.b.c&refresh_token=x&expires_in=3600&token_type=bearer&type=magiclink"
    page = windows.open(None, made_up)
    expect(page.get_by_text("That link does not work any more")).to_be_visible()
    assert "token" not in page.url
    inside = windows.open(acme.viewer, "/incidents")
    inside.goto(made_up)
    expect(inside.get_by_text("That link does not work any more")).to_be_visible()
    expect(inside.get_by_role("heading", name="Incidents")).to_be_visible()


def test_before_the_address_is_confirmed(windows: Windows, stack: Stack, world: World, address: str) -> None:
    windows.watch.expect("status of 4[02]")
    page = windows.open(None, "/sign-in?do=sign-up")
    sign_up(page, address)
    first = mailed(stack, address)
    page.goto("/sign-in")
    sign_in(page, address, "something else")
    expect(page.get_by_text("That email and password do not match.")).to_be_visible()
    sign_in(page, address, "correct horse")
    expect(page.get_by_label("Email")).to_have_accessible_description(re.compile("Confirm your address first"))
    with world.database() as database:  # mails are a second apart
        database.execute(
            "update auth.one_time_tokens set created_at = created_at - interval '2 s' where relates_to = %s", (address,)
        )
    page.get_by_role("button", name="Send me that link again").click()
    expect(page.get_by_text(f"a link to confirm {address} is on its way")).to_be_visible()
    assert mailed(stack, address) != first
    page.goto(mailed(stack, address))
    expect(page.get_by_role("heading", name="No organization yet")).to_be_visible()


def test_recovery_stays_in_its_tab_and_ends_with_the_session(
    windows: Windows, stack: Stack, acme: Organization
) -> None:
    page = windows.open(acme.responder, "/incidents/new")
    page.get_by_role("textbox", name="Title").fill("Half a thought")
    with httpx.Client(headers={"apikey": stack.publishable_key}) as client:
        client.post(f"{stack.supabase_url}/auth/v1/recover", json={"email": acme.responder.email}).raise_for_status()
    recovering = page.context.new_page()
    page.evaluate(HEAR_RECOVERY, session_item(stack, {})["name"])
    recovering.goto(mailed(stack, acme.responder.email))
    expect(page.locator("body[data-heard]")).to_be_attached()
    expect(recovering.get_by_role("heading", name="Choose a new password")).to_be_visible()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Half a thought")
    recovering.get_by_role("button", name="Account").click()
    recovering.get_by_role("button", name="Sign out").click()
    sign_in(recovering, acme.viewer.email)
    expect(recovering.get_by_role("heading", name="Incidents")).to_be_visible()


def test_what_the_project_does_not_allow_is_not_offered(windows: Windows, acme: Organization) -> None:
    page = windows.window()
    closed = {"external": {"email": True}, "disable_signup": True, "mailer_autoconfirm": False}
    page.route("**/auth/v1/settings", lambda route: route.fulfill(json=closed))
    page.goto("/sign-in")
    expect(page.get_by_role("link", name="Forgot your password?")).to_be_visible()
    expect(page.get_by_role("link", name="Create an account")).to_have_count(0)
    page.goto("/sign-in?do=sign-up#email=nina%40example.test")  # as an invitation's link leads
    expect(page.get_by_text("This app does not take new accounts")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value("nina@example.test")
    windows.watch.expect("ERR_FAILED")
    page.unroute("**/auth/v1/settings")
    page.route("**/auth/v1/settings", lambda route: route.abort())
    page.goto("/sign-in")
    sign_in(page, acme.viewer.email)
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_what_is_wrong_is_said_at_the_field(windows: Windows, address: str) -> None:
    windows.watch.expect("status of 4[02]")
    page = windows.open(None, "/sign-in?do=sign-up")
    page.get_by_label("Email").fill(address)
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Password")).to_have_accessible_description(re.compile("At least 6 characters, please."))
    page.get_by_label("Password").fill("x" * 73)
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Password")).to_have_accessible_description(re.compile("At most 72 characters, please."))
    page.get_by_label("Email").fill("nina@localhost")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Email")).to_have_accessible_description(re.compile("That is no e-mail address."))


@pytest.mark.parametrize(
    ("reasons", "message", "said"),
    [
        (["length"], "Password should be at least 12 characters.", "At least 12 characters, please."),
        (
            ["characters"],
            "Password should contain at least one character of each: abcdefghijklmnopqrstuvwxyz, 0123456789.",
            "Use small and capital letters, digits and signs.",
        ),
        (["pwned"], "Password is known to be weak and easy to guess.", "That password is known from leaks"),
    ],
)
def test_what_a_project_asks_of_passwords(windows: Windows, reasons: list[str], message: str, said: str) -> None:
    windows.watch.expect("status of 422")
    page = windows.window()
    body = {"code": "weak_password", "message": message, "weak_password": {"reasons": reasons}}
    version = "X-Supabase-Api-Version"
    headers = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": version, version: "2024-01-01"}
    page.route("**/auth/v1/signup*", lambda route: route.fulfill(status=422, headers=headers, json=body))
    page.goto("/sign-in?do=sign-up")
    page.get_by_label("Email").fill("nina@example.test")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Create the account").click()
    expect(page.get_by_label("Password")).to_have_accessible_description(re.compile(f"^{re.escape(said)}"))


def test_an_unknown_way_is_signing_in(windows: Windows) -> None:
    page = windows.open(None, "/sign-in?do=toString")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


def test_by_keyboard_alone(windows: Windows, stack: Stack, address: str) -> None:
    page = windows.open(None, "/sign-in")
    page.get_by_role("link", name="Create an account").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()  # as after every move; it comes a moment after the heading
    page.get_by_label("Email").focus()
    page.keyboard.type(address)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse")
    page.keyboard.press("Enter")
    sent = page.get_by_role("status").filter(has_text="Look into your mail")
    expect(sent).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send it again")).to_be_focused()
    page.goto(mailed(stack, address))
    page.get_by_label("Name").focus()
    page.keyboard.type("Initech")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No incidents yet")).to_be_visible()


def test_giving_up_ones_own_role_is_asked_about(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.admin, "/settings/members")
    mine = choice(page, "Role of Admin of Acme")
    mine.select_option("Viewer")
    asked = page.get_by_role("dialog", name="Make yourself viewer?")
    expect(asked).to_contain_text("no longer create or change incidents, or set up PagerDuty, invite people")
    expect(asked).not_to_contain_text("who is an owner")
    asked.get_by_role("button", name="Cancel").click()
    expect(mine).to_have_value("admin")
    mine.select_option("Viewer")
    page.get_by_role("dialog").get_by_role("button", name="Become viewer").click()
    expect(page.get_by_text("Only owners and admins may change roles; yours is viewer.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_way_in_is_accessible(windows: Windows, scheme: str) -> None:
    rules = {"type": "tag", "values": RULES}
    for way in ("sign-up", "forgot", "link"):
        page = windows.open(None, f"/sign-in?do={way}", bypass_csp=True, color_scheme=scheme, **NARROW)
        expect(page.get_by_role("link", name="Sign in with a password")).to_be_visible()
        page.add_script_tag(path=AXE)
        assert violations(page, rules) == []
        assert horizontal_overflow(page) <= 0
