"""Signing in and out, and sessions that end."""

import re
import time

from playwright.sync_api import expect

from devstack.stack import DEMO_PEOPLE, Stack
from tests.browser.conftest import Windows, session_item
from tests.browser.steps import sign_in
from tests.world import Organization, World

HOSTILE = (
    "//evil.example/incidents",
    "https://evil.example/",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "\\\\evil.example",
    "/sign-in?next=//evil.example",
    "/api/me",
    "incidents",
)


def test_a_wrong_password_is_said_and_the_right_one_lets_in(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 400")
    page = windows.open(None, "/")
    expect(page).to_have_url("/sign-in")
    sign_in(page, acme.viewer.email, "wrong")
    password = page.get_by_label("Password")
    expect(page.get_by_text("That email and password do not match.")).to_be_visible()
    expect(password).to_be_focused()
    expect(password).to_have_accessible_description("That email and password do not match.")
    sign_in(page, acme.viewer.email)
    expect(page).to_have_url("/incidents")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_by_keyboard_alone(windows: Windows, acme: Organization) -> None:
    page = windows.open(None, "/sign-in")
    page.get_by_label("Email").focus()
    page.keyboard.type(acme.viewer.email)
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_the_seeded_people_are_offered(windows: Windows) -> None:
    page = windows.open(None, "/sign-in")
    offered = page.get_by_role("region", name="Or try it as one of these")
    expect(offered.get_by_role("button")).to_have_count(len(DEMO_PEOPLE))
    offered.get_by_role("button", name="Victor Viewer").click()
    expect(page.get_by_role("list", name="Incidents")).to_contain_text("Invoices went out twice")
    expect(page.get_by_role("banner")).to_contain_text("Acme")


def test_a_session_that_ran_out_leads_back_to_where_one_was(windows: Windows, stack: Stack, acme: Organization) -> None:
    windows.watch.expect("status of 400", "Invalid Refresh Token")
    stale = {**acme.viewer.session, "expires_at": int(time.time()) - 60, "refresh_token": "gone"}
    origin = {"origin": stack.service_url, "localStorage": [session_item(stack, stale)]}
    page = windows.open(None, "/incidents?status=open", storage_state={"cookies": [], "origins": [origin]})
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, acme.viewer.email)
    expect(page).to_have_url("/incidents?status=open")
    expect(page.get_by_role("button", name="Open", exact=True)).to_have_attribute("aria-pressed", "true")


def test_a_session_that_is_ended_meanwhile_leads_back_too(windows: Windows, world: World, acme: Organization) -> None:
    windows.watch.expect("status of 40[01]", "Invalid Refresh Token", "Session")
    page = windows.window(acme.owner)
    page.clock.install()
    page.goto("/settings/members")
    expect(page.get_by_text(acme.viewer.email)).to_be_visible()
    with world.database() as database:
        database.execute("delete from auth.sessions where user_id = %s", (acme.owner.id,))
    page.clock.fast_forward("01:10:00")  # the access token has run out, too
    expect(page.get_by_text("You were signed out. Sign in to go on where you were.")).to_be_visible()
    page.clock.set_system_time(time.time())
    sign_in(page, acme.owner.email)
    expect(page).to_have_url("/settings/members")
    expect(page.get_by_text(acme.viewer.email)).to_be_visible()


def test_a_session_is_refreshed_and_kept(windows: Windows, world: World) -> None:
    person = world.organization("Patient", ("owner",)).owner
    page = windows.open(None, "/sign-in")
    page.clock.install()
    sign_in(page, person.email)
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    with page.expect_response(re.compile("grant_type=refresh_token")) as refreshed:
        page.clock.fast_forward("00:59:30")
    assert refreshed.value.ok
    page.reload()
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
    expect(page.get_by_text("No incidents yet")).to_be_visible()


def test_one_is_asked_to_sign_in_and_taken_to_the_page_one_wanted(windows: Windows, acme: Organization) -> None:
    page = windows.open(None, "/settings/members")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fsettings%2Fmembers$"))
    sign_in(page, acme.viewer.email)
    expect(page).to_have_url("/settings/members")


def test_next_leads_nowhere_else(windows: Windows, acme: Organization) -> None:
    # Who is signed in already is sent on at once.
    page = windows.open(acme.viewer, "/sign-in?next=%2Fsettings%2Fmembers%3Fa%3Db")
    expect(page).to_have_url("/settings/members?a=b")
    for wanted in HOSTILE:
        page.evaluate("(next) => location.assign('/sign-in?next=' + encodeURIComponent(next))", wanted)
        expect(page).to_have_url("/incidents")
        expect(page.get_by_role("heading", name="Incidents")).to_be_visible()


def test_signing_out_leaves_nothing_behind(windows: Windows, acme: Organization) -> None:
    page = windows.open(None, "/sign-in")
    sign_in(page, acme.responder.email)
    page.get_by_role("link", name="New incident").click()
    page.get_by_role("textbox", name="Title").fill("Half a thought")
    page.get_by_role("button", name="Account").click()
    account = page.get_by_role("dialog", name="Account")
    expect(account).to_contain_text(acme.responder.email)
    account.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    left = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert acme.responder.id not in left
    assert acme.responder.email not in left
    assert "Half a thought" not in left
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_somebody_in_no_organization_is_told_so(windows: Windows, world: World, acme: Organization) -> None:
    person = world.person("Newcomer")
    page = windows.open(person, "/incidents")
    expect(page.get_by_role("heading", name="No organization yet")).to_be_visible()
    expect(page.get_by_text("or whoever runs this app to add you.")).to_be_visible()
    world.join(acme, person, "viewer")
    page.get_by_role("button", name="Look again").click()
    expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
