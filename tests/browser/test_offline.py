"""Broadcasts that are lost and networks that go: what was sent meanwhile is caught up with."""

import re

from playwright.sync_api import APIResponse, Page, Route, WebSocketRoute, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, entries, expect_unread, open_bell, panel
from tests.world import Organization, v3

SOCKET = re.compile(r"/realtime/v1/websocket")


def without_broadcasts(page: Page) -> None:
    """The channels are joined as ever, but what is told on them gets lost."""

    def lose(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: socket.send(message) if not is_broadcast(message) else None)

    page.route_web_socket(SOCKET, lose)


def is_broadcast(message: str | bytes) -> bool:
    text = message.decode(errors="replace") if isinstance(message, bytes) else message
    return isinstance(message, bytes) or '"broadcast"' in text


def test_offline_is_shown_and_what_came_meanwhile_appears(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = windows.open(acme.viewer, "/incidents")
    expect_unread(page, 0)
    open_bell(page)
    expect(panel(page)).to_contain_text("No alerts yet")
    page.context.set_offline(True)
    expect(bell(page)).to_have_accessible_name(re.compile("offline$"))
    expect(panel(page)).to_contain_text("You are offline")
    expect(page.get_by_role("status").filter(has_text="You are offline")).to_be_attached()
    acme.send(v3(title="While you were away"))
    acme.responder.api.post("/api/incidents", json={"title": "Made meanwhile"}).raise_for_status()
    page.context.set_offline(False)
    expect_unread(page, 1)
    expect(entries(page)).to_contain_text("While you were away")
    expect(panel(page).get_by_text("You are offline")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_role("list", name="Incidents")).to_contain_text("Made meanwhile")
    acme.send(v3(title="And live again", incident_id="PLIVE"))
    expect_unread(page, 2)


def test_what_is_typed_offline_is_kept_and_saved_later(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_INTERNET_DISCONNECTED")
    page = windows.open(acme.responder, "/incidents/new")
    page.get_by_role("textbox", name="Title").fill("Typed in a tunnel")
    page.context.set_offline(True)
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_text("The service cannot be reached.")).to_be_visible()
    expect(page.get_by_role("textbox", name="Title")).to_have_value("Typed in a tunnel")
    page.context.set_offline(False)
    page.get_by_role("button", name="Create incident").click()
    expect(page.get_by_role("heading", name="Typed in a tunnel")).to_be_visible()


def test_a_lost_broadcast_is_caught_up_with_within_half_a_minute(windows: Windows, acme: Organization) -> None:
    page = windows.window(acme.viewer)
    without_broadcasts(page)
    page.clock.install()
    page.goto("/incidents")
    expect_unread(page, 0)
    acme.send(v3(title="Nobody told me"))
    expect_unread(page, 0)
    page.clock.fast_forward(31_000)
    expect_unread(page, 1)
    expect(page.get_by_role("status").filter(has_text="New alert: Nobody told me")).to_be_attached()


def test_a_lost_receipt_is_caught_up_with_too(windows: Windows, acme: Organization) -> None:
    sent = acme.send(v3()).json()["outcomes"][0]["notification_id"]
    page = windows.window(acme.viewer)
    without_broadcasts(page)
    page.clock.install()
    page.goto("/incidents")
    expect_unread(page, 1)
    acme.viewer.api.post(f"/api/notifications/{sent}/read", json={}).raise_for_status()
    page.clock.fast_forward(31_000)
    expect_unread(page, 0)


def test_an_incident_page_catches_up_when_it_is_shown_again(windows: Windows, acme: Organization) -> None:
    made = acme.responder.api.post("/api/incidents", json={"title": "Unheard"}).json()["id"]
    late: list[tuple[Route, APIResponse]] = []

    def answer_late(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, lambda socket: socket.close())
    page.route("**/updates?*", answer_late)
    page.goto(f"/incidents/{made}")
    expect(page.get_by_role("article")).to_contain_text("Open")
    # It is shown again while the timeline of before is still on its way.
    acme.responder.api.patch(f"/api/incidents/{made}", json={"status": "resolved"}).raise_for_status()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("article")).to_contain_text("Resolved")
    while not late:
        page.wait_for_timeout(20)  # the page's own events need the loop
    route, before = late[0]
    route.fulfill(response=before)
    timeline = page.get_by_role("region", name="Timeline").get_by_role("listitem")
    expect(timeline).to_have_count(2)
    expect(timeline.last).to_contain_text("moved it from Open to Resolved")


def test_without_any_connection_to_realtime_all_still_works(windows: Windows, acme: Organization) -> None:
    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, lambda socket: socket.close())
    page.clock.install()
    page.goto("/incidents")
    expect(bell(page)).to_have_accessible_name(re.compile("none unread"))
    acme.send(v3())
    page.clock.fast_forward(31_000)
    expect(bell(page)).to_have_accessible_name(re.compile("1 unread"))


def test_a_dropped_connection_is_made_again(windows: Windows, acme: Organization) -> None:
    sockets: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, pass_on)
    page.goto("/incidents")
    expect_unread(page, 0)
    acme.send(v3(title="Before", incident_id="PBEFORE"))
    expect_unread(page, 1)
    sockets[0].close(code=1012)
    acme.send(v3(title="Between", incident_id="PBETWEEN"))
    expect_unread(page, 2)
    acme.send(v3(title="After", incident_id="PAFTER"))
    expect_unread(page, 3)
    assert len(sockets) > 1


def test_a_service_that_fails_is_said_and_tried_again(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("status of 503")
    acme.send(v3(title="Still here"))
    failing = {"notifications", "incidents"}

    def answer(route: Route) -> None:
        if any(f"/api/{each}" in route.request.url for each in failing):
            route.fulfill(status=503, content_type="application/problem+json", body='{"detail": "Back in a moment."}')
        else:
            route.continue_()

    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, lambda socket: socket.close())  # joining would try again by itself
    page.route("**/api/**", answer)
    page.goto("/incidents")
    main = page.get_by_role("main")
    expect(main.get_by_text("Back in a moment.")).to_be_visible()
    failing.remove("incidents")
    main.get_by_role("button", name="Try again").click()
    expect(main.get_by_text("No incidents yet")).to_be_visible()
    open_bell(page)
    expect(panel(page).get_by_text("Back in a moment.")).to_be_visible()
    failing.clear()
    panel(page).get_by_role("button", name="Try again").click()
    expect(entries(page)).to_contain_text("Still here")
