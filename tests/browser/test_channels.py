"""What Realtime and Auth may do to an open page: close a channel, repeat, reorder, not be there."""

import json
import re

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, entries, expect_unread, open_bell
from tests.world import Organization, v3

SOCKET = re.compile(r"/realtime/v1/websocket")


def test_a_channel_that_the_server_closes_is_joined_again(windows: Windows, acme: Organization) -> None:
    sockets: list[WebSocketRoute] = []
    joins: list[str] = []

    def listen(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def pass_on(message: str | bytes) -> None:
            if isinstance(message, str) and '"phx_join"' in message:
                joins.append(message)
            server.send(message)

        socket.on_message(pass_on)

    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, listen)
    page.goto("/incidents")
    expect_unread(page, 0)
    acme.send(v3(title="Before", incident_id="PBEFORE"))
    expect_unread(page, 1)
    assert len(joins) == 2
    for join in tuple(joins):  # as when the access token has run out
        join_ref, _, topic, _, _ = json.loads(join)
        sockets[0].send(json.dumps([join_ref, None, topic, "phx_close", {}]))
    expect(bell(page)).to_have_accessible_name(re.compile("reconnecting$"))
    expect_unread(page, 1)  # and no word of reconnecting any more
    acme.send(v3(title="After", incident_id="PAFTER"))
    expect_unread(page, 2)
    assert len(joins) == 4


def test_broadcasts_that_come_twice_and_out_of_order_count_once(windows: Windows, acme: Organization) -> None:
    told: list[bytes] = []

    def repeat(socket: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if isinstance(message, str):
                socket.send(message)
                return
            told.append(message)
            for each in reversed(told):  # the newest, and once more all before it
                socket.send(each)

        socket.connect_to_server().on_message(pass_on)

    page = windows.window(acme.viewer)
    page.route_web_socket(SOCKET, repeat)
    page.goto("/incidents")
    expect_unread(page, 0)
    open_bell(page)
    for number in (1, 2, 3):
        acme.send(v3(title=f"Alert {number}", incident_id=f"P{number}"))
        expect_unread(page, number)
    expect(entries(page)).to_have_count(3)
    for place, title in enumerate(("Alert 3", "Alert 2", "Alert 1")):
        expect(entries(page).nth(place)).to_contain_text(title)


def test_a_session_is_not_given_up_while_supabase_cannot_be_reached(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_FAILED")
    page = windows.window(acme.viewer)
    page.clock.install()
    page.goto("/incidents")
    expect_unread(page, 0)
    let_the_session_run_out(page)
    page.route(re.compile("/auth/v1/token"), lambda route: route.abort())
    with page.expect_event("requestfailed"):
        open_bell(page)
    page.clock.fast_forward(31_000)  # supabase-js tries for half a minute
    expect(page.get_by_text("The service cannot be reached.").first).to_be_visible()
    expect(page).to_have_url(re.compile("/incidents$"))
    page.unroute_all()
    acme.send(v3())
    page.clock.fast_forward(61_000)  # and rests for a minute when it has failed
    expect_unread(page, 1)
    expect(page.get_by_text("The service cannot be reached.")).to_have_count(0)


def let_the_session_run_out(page: Page) -> None:
    """The access token that is kept is one that has run out; the refresh token is good."""
    page.evaluate(
        """() => {
          const key = Object.keys(localStorage).find((name) => name.endsWith('-auth-token'));
          localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), expires_at: 1 }));
        }"""
    )
