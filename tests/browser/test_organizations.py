"""Several organizations: each person sees their own, and one at a time."""

from playwright.sync_api import expect

from tests.browser.conftest import Windows
from tests.browser.steps import entries, expect_unread, open_bell
from tests.world import Organization, World, v3


def test_the_switcher_changes_bell_list_and_settings(
    windows: Windows, world: World, acme: Organization, globex: Organization
) -> None:
    sam = world.person("Sam")
    world.join(acme, sam, "responder")
    world.join(globex, sam, "admin")
    acme.send(v3(title="Acme burns", incident_id="PACME"))
    for number in range(2):
        globex.send(v3(title=f"Globex floods {number}", incident_id=f"PGLOBEX{number}"))
    acme.responder.api.post("/api/incidents", json={"title": "Acme's own incident"}).raise_for_status()
    globex.responder.api.post("/api/incidents", json={"title": "Globex's own incident"}).raise_for_status()

    page = windows.open(sam, "/incidents")
    switcher = page.get_by_role("combobox", name="Organization")
    for mine, other, name, unread in (
        (acme, globex, "Acme", 1),
        (globex, acme, "Globex", 2),
        (acme, globex, "Acme", 1),
    ):
        switcher.select_option(mine.name)
        expect_unread(page, unread)
        expect(page.get_by_role("list", name="Incidents").get_by_role("listitem")).to_have_count(1)
        expect(page.get_by_role("list", name="Incidents")).to_contain_text(f"{name}'s own incident")
        open_bell(page)
        expect(entries(page)).to_have_count(unread)
        expect(entries(page).first).to_contain_text(name)
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Settings", exact=True).click()
        expect(page.get_by_role("region", name="PagerDuty", exact=True)).to_contain_text(mine.name)
        expect(page.get_by_label("Webhook URL")).to_have_count(1 if mine is globex else 0)
        page.get_by_role("link", name="Members", exact=True).click()
        expect(page.get_by_text(mine.owner.email)).to_be_visible()
        expect(page.get_by_text(other.owner.email)).to_have_count(0)
        page.get_by_role("link", name="Incidents", exact=True).click()

    page.reload()
    expect(switcher.locator("option:checked")).to_have_text(acme.name)
    globex.send(v3(title="Globex again", incident_id="PLATE"))
    acme.send(v3(title="Acme again", incident_id="PLATE"))
    expect_unread(page, 2)
    open_bell(page)
    expect(entries(page)).to_have_count(2)
    expect(entries(page).filter(has_text="Globex")).to_have_count(0)


def test_an_open_incident_is_left_with_its_organization(
    windows: Windows, world: World, acme: Organization, globex: Organization
) -> None:
    sam = world.person("Sam")
    world.join(acme, sam, "responder")
    world.join(globex, sam, "responder")
    made = acme.responder.api.post("/api/incidents", json={"title": "Acme's own incident"}).json()
    page = windows.open(sam, f"/incidents/{made['id']}")
    expect(page.get_by_role("heading", name="Acme's own incident")).to_be_visible()
    page.get_by_role("combobox", name="Organization").select_option(globex.name)
    expect(page).to_have_url("/incidents")
    expect(page.get_by_text("No incidents yet")).to_be_visible()


def test_side_by_side_nobody_sees_the_other(windows: Windows, acme: Organization, globex: Organization) -> None:
    ours, theirs = (windows.open(each.responder, "/incidents") for each in (acme, globex))
    expect_unread(ours, 0)
    expect_unread(theirs, 0)
    # The same PagerDuty incident in both: only its organization tells them apart.
    acme.send(v3(title="Acme only"))
    expect_unread(ours, 1)
    globex.send(v3(title="Globex only"))
    expect_unread(theirs, 1)
    for page, mine in ((ours, "Acme only"), (theirs, "Globex only")):
        open_bell(page)
        expect(entries(page)).to_have_count(1)
        expect(entries(page)).to_contain_text(mine)
    entries(ours).click()
    ours.get_by_role("button", name="Create incident").click()
    expect(ours.get_by_role("heading", name="[PagerDuty] Acme only")).to_be_visible()
    expect_unread(theirs, 1)
    expect(theirs.get_by_text("Has an incident")).to_have_count(0)
    expect(theirs.get_by_text("No incidents yet")).to_be_visible()


def test_addresses_of_the_other_lead_nowhere(windows: Windows, acme: Organization, globex: Organization) -> None:
    windows.watch.expect("status of 404")
    sent = globex.send(v3(title="Globex only")).json()
    notification = sent["outcomes"][0]["notification_id"]
    incident = globex.responder.api.post("/api/incidents", json={"title": "Globex only"}).json()["id"]
    page = windows.open(acme.owner, f"/incidents/{incident}")
    expect(page.get_by_text("There is no such incident, or you may not see it.")).to_be_visible()
    page.goto(f"/incidents/new?notification={notification}")
    expect(page.get_by_text("There is no such alert, or you may not see it.")).to_be_visible()
    expect(page.get_by_text("Globex only")).to_have_count(0)
