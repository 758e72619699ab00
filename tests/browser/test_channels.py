"""What Realtime and Auth may do to an open page: close a channel, repeat, reorder, not be there."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Windows
from tests.browser.steps import bell, entries, expect_unread, open_bell
from tests.world import Organization, v3

SOCKET = re.compile(r"/realtime/v1/websocket")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MERGE = """
async ([batches, receipts]) => {
  const { merge } = await import('/static/js/bell/list.js');
  const readAt = new Map(receipts.map((id) => [id, 'read']));
  const items = batches.reduce((so_far, rows) => merge(so_far, rows, readAt), []);
  return items.map(({ id, read_at }) => [id, read_at !== null]);
}
"""


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


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[dict[str, Any]]], list[str]]:
    """Notifications; the batches they arrive in, some of them twice, some read by then; receipts that came before."""
    offsets = draw(
        st.lists(st.integers(0, 3000), min_size=1, max_size=8)
    )  # microseconds: finer than JavaScript's dates
    rows: list[dict[str, Any]] = [
        {"id": f"{number:08d}-0000-4000-8000-000000000000", "created_at": moment(offset), "read_at": None}
        for number, offset in enumerate(offsets)
    ]
    copies = draw(st.lists(st.sampled_from(rows), max_size=8))
    as_read = [{**row, "read_at": "read"} for row in draw(st.lists(st.sampled_from(rows), max_size=4))]
    shuffled = draw(st.permutations([*rows, *copies, *as_read]))
    cut = draw(st.integers(0, len(shuffled)))
    receipts = draw(st.lists(st.sampled_from([row["id"] for row in rows]), max_size=3))
    return rows, [shuffled[:cut], shuffled[cut:]], receipts


def moment(microseconds: int) -> str:
    """As PostgREST writes times: without zeros at the end of the fraction."""
    text = (NOON + timedelta(microseconds=microseconds)).isoformat()
    if "." not in text:
        return text
    seconds, fraction = text.removesuffix("+00:00").split(".")
    return f"{seconds}.{fraction.rstrip('0')}+00:00"


def test_however_notifications_arrive_the_list_is_the_same(windows: Windows) -> None:
    page = windows.open(None, "/sign-in")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    @settings(max_examples=60, deadline=None)
    @given(arrivals())
    def holds(arrived: tuple[list[dict[str, Any]], list[list[dict[str, Any]]], list[str]]) -> None:
        rows, batches, receipts = arrived
        read = {row["id"] for batch in batches for row in batch if row["read_at"]} | set(receipts)
        newest_first = sorted(
            rows, key=lambda row: (datetime.fromisoformat(row["created_at"]), row["id"]), reverse=True
        )
        expected = [[row["id"], row["id"] in read] for row in newest_first]
        assert page.evaluate(MERGE, [batches, receipts]) == expected

    holds()
