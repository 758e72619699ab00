"""What Realtime and Auth may do to an open page: close a channel, repeat, reorder, not be there."""

import json
import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, entries, expect_unread, open_bell
from tests.world import Organization, World, v3

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


class Wire:
    """The page's socket: what the page says of the organization's topics; `deaf` keeps from it that they have moved."""

    def __init__(self, page: Page, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.said: list[tuple[str, str | None]] = []
        self._last: tuple[WebSocketRoute, str] | None = None
        page.route_web_socket(SOCKET, self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def say(message: str | bytes) -> None:
            if isinstance(message, str) and "realtime:pagerduty:org:" in message:
                join_ref, _, topic, event, _ = json.loads(message)
                self.said.append((event, topic.removeprefix("realtime:")))
                self._last = socket, json.dumps([join_ref, None, topic, "phx_close", {}])
            server.send(message)

        def hear(message: str | bytes) -> None:
            if not (self.deaf and isinstance(message, bytes) and b"moved" in message):
                socket.send(message)

        socket.on_message(say)
        server.on_message(hear)

    def close_channel(self, page: Page) -> None:
        """The server closes the organization's channel, as when the token has run out."""
        while self._last is None:  # not joined yet
            page.wait_for_timeout(20)
        socket, message = self._last
        socket.send(message)


def expect_live(page: Page, acme: Organization) -> None:
    """Two alerts: the first may be read on joining, the second only be heard: the next read is half a minute off."""
    for number in (1, 2):
        acme.send(v3(incident_id=f"PLIVE{number}"))
        expect_unread(page, number)


def test_the_others_go_on_when_somebody_is_removed(windows: Windows, acme: Organization) -> None:
    """Twice in a row; each time the new channel is joined before the former is left."""
    page = windows.window(acme.viewer)
    wire = Wire(page)
    page.goto("/incidents")
    expect_unread(page, 0)
    former = acme.topic_for(acme.viewer)
    for person in (acme.responder, acme.admin):
        acme.remove(person)
    expect_live(page, acme)
    said = [event for event in wire.said if event[0] in ("phx_join", "phx_leave")]
    assert said[0] == ("phx_join", former)
    assert said.index(("phx_join", acme.topic_for(acme.viewer))) < said.index(("phx_leave", former))


@pytest.mark.parametrize("reason", ["its next read", "a join that is refused"])
def test_who_missed_the_word_of_it_finds_out(windows: Windows, acme: Organization, reason: str) -> None:
    page = windows.window(acme.viewer)
    wire = Wire(page, deaf=True)
    page.clock.install()
    page.goto("/incidents")
    expect_unread(page, 0)
    acme.remove(acme.responder)
    if reason == "its next read":
        page.clock.fast_forward(31_000)
    else:
        wire.close_channel(page)
    expect_live(page, acme)


def test_who_is_removed_goes_on_in_their_other_organization(
    windows: Windows, world: World, acme: Organization, globex: Organization
) -> None:
    sam = world.person("Sam")
    world.join(acme, sam, "responder")
    world.join(globex, sam, "responder")
    globex.send(v3(title="Of Globex"))
    made = acme.responder.api.post("/api/incidents", json={"title": "Acme's own incident"}).json()
    windows.watch.expect("status of 40[34]")
    elsewhere, page = (windows.open(sam, "/incidents") for _ in range(2))
    for tab, organization in ((elsewhere, globex), (page, acme)):
        tab.get_by_role("combobox", name="Organization").select_option(organization.name)
        expect_unread(tab, 1 if tab is elsewhere else 0)
    page.goto(f"/incidents/{made['id']}")
    expect(page.get_by_role("heading", name="Acme's own incident")).to_be_visible()
    expect_unread(page, 0)
    acme.remove(sam)
    for tab in (page, elsewhere):
        expect(tab.get_by_title("Your organization")).to_have_text(globex.name)
    expect(page.get_by_text("There is no such incident, or you may not see it.")).to_be_visible()
    expect(page.get_by_text("Acme's own incident")).to_have_count(0)
    expect_unread(page, 1)
    globex.remove(sam)
    expect(page.get_by_role("heading", name="No organization yet")).to_be_visible()


def test_a_session_is_not_given_up_while_supabase_cannot_be_reached(windows: Windows, acme: Organization) -> None:
    windows.watch.expect("ERR_FAILED")
    page = windows.window(acme.viewer)
    page.clock.install()
    page.goto("/incidents")
    expect_unread(page, 0)
    page.route(re.compile("/auth/v1/token"), lambda route: route.abort())
    with page.expect_event("requestfailed"):
        let_the_session_run_out(page)
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
