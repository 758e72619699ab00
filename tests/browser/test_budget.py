"""What a first load costs, and that nothing moves when data arrives."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from devstack.stack import ROOT
from tests.browser.conftest import Windows
from tests.browser.steps import bell, expect_unread
from tests.world import Organization, v3

MOST_BYTES = 200_000
MOST_SCRIPT_BYTES = 100_000
MOST_REQUESTS = 12
MOST_SHIFT = 0.05
WEB = ROOT / "service" / "web"
# Parses modules without running them.
PARSE = """
const fs = require('fs'), vm = require('vm');
for (const file of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(file, 'utf8'), { identifier: file });
"""
COUNT_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const places = entry.sources.map(({ node, previousRect: from, currentRect: to }) =>
      `${node?.nodeName} ${node?.className ?? ''} ${from.y}->${to.y}`);
    window.shifts.push({ value: entry.value, places });
  }
}).observe({ type: 'layout-shift', buffered: true });
"""


def transferred(page: Page, path: str, *, only: str = "") -> int:
    """Bytes of the answers that a page's load takes, compressed as they come, headers included.

    `only` is the type of resource to count, as DevTools names it; by default all count.
    """
    types: dict[str, str] = {}
    sizes: dict[str, float] = {}
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.on("Network.responseReceived", lambda event: types.update({event["requestId"]: event["type"]}))
    devtools.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(path)
    page.wait_for_load_state("networkidle")
    return int(sum(size for request, size in sizes.items() if only in ("", types.get(request))))


def test_the_first_load_of_the_sign_in_page(windows: Windows) -> None:
    page = windows.window()
    assert 20_000 < transferred(page, "/sign-in") < MOST_BYTES
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_first_load_of_the_incidents(windows: Windows, acme: Organization) -> None:
    for number in range(20):
        acme.send(v3(title=f"Alert {number}", incident_id=f"P{number}"))
        acme.responder.api.post("/api/incidents", json={"title": f"Incident {number}"}).raise_for_status()
    page = windows.window(acme.responder)
    assert 20_000 < transferred(page, "/incidents") < MOST_BYTES
    expect(page.get_by_role("list", name="Incidents").get_by_role("listitem")).to_have_count(20)


@pytest.mark.parametrize("path", ["/sign-in", "/inbox", "/incidents", "/incidents/new", "/settings"])
def test_a_first_load_takes_few_requests(windows: Windows, acme: Organization, path: str) -> None:
    """What is read once more when the channels are joined included; more alerts than the bell reads at once."""
    for number in range(22):
        acme.send(v3(incident_id=f"P{number}"))
    page = windows.window(None if path == "/sign-in" else acme.admin)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    scripts = transferred(page, path, only="Script")
    if path != "/sign-in":
        expect_unread(page, 22)
        assert sum("/api/notifications?" in url for url in asked) == 2, asked
    assert 5 <= len(asked) <= MOST_REQUESTS, "\n".join(asked)
    assert 20_000 < scripts < MOST_SCRIPT_BYTES


def test_a_second_load_takes_the_scripts_from_the_cache(windows: Windows, acme: Organization) -> None:
    page = windows.open(acme.responder, "/incidents")
    expect_unread(page, 0)
    assert transferred(page, "/incidents") < 20_000


def test_every_script_can_be_parsed() -> None:
    files = sorted(str(file) for file in (WEB / "src").rglob("*.js"))
    assert len(files) > 20
    command = ["node", "--no-warnings", "--experimental-vm-modules", "--eval", PARSE, *files]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


def test_nothing_is_written_inline_and_no_other_host_is_named() -> None:
    sources = [file for file in (WEB / "src").rglob("*.*") if file.suffix not in (".png", ".ico")]
    for file in [*sources, *(WEB / "templates").rglob("*.html")]:
        text = Path(file).read_text(encoding="utf-8")
        for forbidden in ("innerHTML", "dangerouslySetInnerHTML", " style=", "eval("):
            assert forbidden not in text, file


@pytest.mark.parametrize("size", [(1280, 800), (320, 640)], ids=["wide", "narrow"])
def test_nothing_moves_when_data_arrives(windows: Windows, acme: Organization, size: tuple[int, int]) -> None:
    alert = acme.send(v3(title="Checkout is down")).json()["outcomes"][0]["notification_id"]
    acme.send(v3(title="Disk is full", incident_id="PDISK"))
    made = acme.admin.api.post("/api/incidents", json={"title": "Checkout is down", "tags": ["one"]}).json()["id"]
    page = windows.window(acme.admin, viewport={"width": size[0], "height": size[1]})
    page.add_init_script(COUNT_SHIFTS)
    gate = Gate(page)
    for path, sight in (
        ("/incidents", page.get_by_role("list", name="Incidents")),
        (f"/incidents/{made}", page.get_by_role("region", name="Timeline").get_by_role("listitem")),
        (f"/incidents/new?notification={alert}", page.get_by_text("From the alert")),
        ("/settings", page.get_by_text("Alerts arrive")),
        ("/settings/members", page.get_by_text(acme.owner.email)),
        ("/settings/activity", page.get_by_role("main").get_by_role("listitem").first),
        ("/settings/audit", page.get_by_role("main").get_by_role("listitem").first),
    ):
        gate.shut()
        page.goto(path)
        painted(page)
        gate.open()
        expect(sight).to_be_visible()
        expect(bell(page)).to_have_accessible_name(re.compile("unread"))
        assert shift(page) < MOST_SHIFT, f"{path}: {page.evaluate('window.shifts')}"


class Gate:
    """Holds back what pages ask of the service and of Supabase, so that they are painted without it."""

    def __init__(self, page: Page) -> None:
        self._held: list[Route] | None = None
        for pattern in ("**/api/**", "**/rest/v1/**"):
            page.route(pattern, lambda route: route.continue_() if self._held is None else self._held.append(route))

    def shut(self) -> None:
        self._held = []

    def open(self) -> None:
        held, self._held = self._held or [], None
        for route in held:
            route.continue_()


def painted(page: Page) -> None:
    """Waits until what is there is on the screen."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shift(page: Page) -> Any:
    painted(page)
    return page.evaluate("window.shifts.reduce((sum, { value }) => sum + value, 0)")
