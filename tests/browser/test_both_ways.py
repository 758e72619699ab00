"""With a browser and PagerDuty's key alone: connected, an alert, an incident, and what is done on either side."""

import re

from playwright.sync_api import Page, expect

from devstack.stack import Stack
from tests.api.sandbox_account import Account, compare
from tests.api.service_processes import wait_for
from tests.browser.conftest import Windows
from tests.browser.steps import entries, expect_unread, open_bell, sign_in
from tests.world import World


def connect(page: Page, account: Account) -> None:
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("API key").fill(account.key)
    page.get_by_role("button", name="Save and connect").click()
    expect(page.get_by_text("Connected.", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("PagerDuty sends the alerts of the whole account. Proven"))).to_be_visible()


def test_connected_by_a_key_alone_and_both_sides_are_one(windows: Windows, world: World, stack: Stack) -> None:
    account = Account(stack)
    admin = world.organization("Both ways", ("owner", "admin"), integration=False).admin
    account.play("users", name="Adam there", email=admin.email)
    page = windows.open(None, "/")
    sign_in(page, admin.email)
    expect(page.get_by_text("No incidents yet")).to_be_visible()

    connect(page, account)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("PagerDuty has it, and it is on.")).to_be_visible()

    account.play("incidents", title="Checkout is down")
    expect_unread(page, 1)
    open_bell(page)
    entries(page).click()
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="Checkout is down")).to_be_visible()

    page.get_by_role("button", name="Investigate").click()
    told = page.get_by_text(re.compile(f"^Status: told PagerDuty .* as {re.escape(admin.email)}$"))
    expect(told).to_be_visible(timeout=15_000)
    (theirs,) = account.incidents
    assert theirs["acknowledgements"][0]["acknowledger"]["summary"] == "Adam there"

    timeline = page.get_by_role("region", name="Timeline")
    timeline.get_by_label("Comment").fill("Restarting it")
    timeline.get_by_role("button", name="Comment").click()
    expect(timeline.get_by_text(re.compile("^told PagerDuty"))).to_be_visible(timeout=15_000)
    assert [note["content"] for note in account.incidents[0]["notes"]] == ["Restarting it"]

    account.play(f"incidents/{theirs['id']}/annotate", content="Seen there, too", who="PSAM001")
    expect(timeline.get_by_text("Seen there, too")).to_be_visible()
    account.play(f"incidents/{theirs['id']}/resolve", who="PSAM001")
    expect(page.get_by_role("article")).to_contain_text("Resolved")
    # The whole story, and nothing twice: created, told before, moved, commented, noted, resolved.
    expect(timeline.get_by_role("listitem")).to_have_count(6)


def test_what_could_not_be_told_says_why_and_is_tried_again(windows: Windows, world: World, stack: Stack) -> None:
    account = Account(stack)
    admin = world.organization("Unknown there", ("owner", "admin"), integration=False).admin
    page = windows.open(None, "/")
    sign_in(page, admin.email)
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    connect(page, account)
    account.play("incidents", title="Search is slow")
    expect_unread(page, 1)
    open_bell(page)
    entries(page).click()
    page.get_by_role("button", name="Create incident").click()
    page.get_by_role("button", name="Investigate").click()
    expect(page.get_by_text(re.compile("not told PagerDuty: PagerDuty has nobody with the address"))).to_be_visible(
        timeout=15_000
    )
    account.play("users", name="Adam there", email=admin.email)
    # Who is a user there is remembered for a while; somebody as whom to act is asked for at once.
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Act as").fill("olivia@acme.test")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.").first).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(re.compile("^Status: told PagerDuty"))).to_be_visible(timeout=15_000)
    wait_for(lambda: account.incidents[0]["status"] == "acknowledged")


def test_disconnecting_is_asked_about(windows: Windows, world: World, stack: Stack) -> None:
    account = Account(stack)
    admin = world.organization("Leaving", ("owner", "admin"), integration=False).admin
    page = windows.open(None, "/")
    sign_in(page, admin.email)
    connect(page, account)
    page.get_by_role("button", name="Disconnect…").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect", exact=True).click()
    expect(page.get_by_role("button", name="Connect", exact=True)).to_be_visible()
    assert account.subscriptions == []


def test_pagerduty_is_asked_from_an_incident(windows: Windows, world: World, stack: Stack) -> None:
    account = Account(stack)
    admin = world.organization("Asking", ("owner", "admin", "viewer"), integration=False).admin
    account.play("users", name="Adam there", email=admin.email)
    page = windows.open(None, "/")
    sign_in(page, admin.email)
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    connect(page, account)
    # The settings know the services as soon as the worker has read them.
    expect(page.get_by_label("Page a service").get_by_role("option", name="Checkout")).to_be_attached(timeout=20_000)
    page.get_by_label("Page a service").select_option("Checkout")
    page.get_by_label("From criticality").select_option("Critical")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()

    # By hand, of an incident that is not critical.
    page.goto("/incidents/new")
    page.get_by_label("Title").fill("Checkout is slow")
    page.get_by_role("button", name="Create incident").click()
    card = page.get_by_role("region", name="In PagerDuty")
    expect(card).to_contain_text("Nobody was paged of it yet.")
    card.get_by_role("button", name="Page a service…").click()
    page.get_by_role("dialog").get_by_label("Service").select_option("Checkout")
    page.get_by_role("button", name="Page it").click()
    expect(card.get_by_text(re.compile(f"^Page: told PagerDuty .* as {re.escape(admin.email)}$"))).to_be_visible(
        timeout=15_000
    )
    (theirs,) = account.incidents
    expect(card.get_by_role("link", name=theirs["id"])).to_be_visible()
    expect(card).to_contain_text("Prioritynone", timeout=15_000)

    # What is asked is done there, and seen here when PagerDuty tells of it.
    card.get_by_role("button", name="Priority…").click()
    page.get_by_role("dialog").get_by_label("Priority").select_option("P2")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(card.get_by_text("P2", exact=True)).to_be_visible(timeout=15_000)
    assert account.incidents[0]["priority"]["summary"] == "P2"
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_text("Priority changed to P2 by Adam there")).to_be_visible()
    card.get_by_role("button", name="Status update…").click()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Say what it is about.")).to_be_visible()
    page.get_by_label("Message").fill("We are on it")
    page.get_by_role("button", name="Publish").click()
    expect(timeline.get_by_text("Status update by Adam there: We are on it")).to_be_visible(timeout=15_000)
    # PagerDuty says no in its own words.
    card.get_by_role("button", name="Escalate…").click()
    page.get_by_label("To level").fill("9")
    page.get_by_role("button", name="Escalate", exact=True).click()
    expect(card.get_by_text(re.compile("^Escalation: not told PagerDuty: .*Escalation level"))).to_be_visible(
        timeout=15_000
    )
    expect(card.get_by_role("button", name="Try again")).to_be_visible()


def test_the_settings_say_whether_anything_was_missed(windows: Windows, world: World, stack: Stack) -> None:
    account = Account(stack)
    admin = world.organization("Missed", ("owner", "admin"), integration=False).admin
    page = windows.open(None, "/")
    sign_in(page, admin.email)
    expect(page.get_by_text("No incidents yet")).to_be_visible()
    connect(page, account)
    compare(admin)
    account.play(f"subscriptions/{account.subscriptions[0]['id']}/disable")
    account.play("incidents", title="Missed")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("PagerDuty has switched it off for a day")).to_be_visible()
    page.get_by_role("button", name="Compare with PagerDuty now").click()
    wait_for(lambda: admin.api.get("/api/notifications").json()["items"], 20)
    compare(admin)
    page.reload()
    expect(
        page.get_by_text(re.compile("1 of 1 changes in PagerDuty since .* are here; 1 that no webhook told was read"))
    ).to_be_visible()
    expect(page.get_by_text(re.compile("it was switched on again"))).to_be_visible()
    expect_unread(page, 1)
