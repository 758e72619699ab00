"""Takes the pictures of the README: `python -m tests.browser.screenshots` writes them to docs."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from devstack.postgres import free_port
from devstack.stack import DEMO_PASSWORD, DEMO_PEOPLE, ROOT, Stack
from tests.browser.chromium import launch
from tests.browser.steps import entries, expect_unread, open_bell, sign_in
from tests.world import v3

DOCS = ROOT / "docs"
SIZE, PHONE = ViewportSize(width=1200, height=800), ViewportSize(width=390, height=800)
ALERTS: tuple[dict[str, Any], ...] = (
    {
        "incident_id": "PT4KHLK", "title": "Payment webhooks time out in eu-west-1", "urgency": "high",
        "service": {"id": "PSVC1", "type": "service_reference", "summary": "Payments"},
    },
    {
        "incident_id": "PRX1QZ7", "title": "Queue depth of mailer above 50 000", "urgency": "low",
        "service": {"id": "PSVC2", "type": "service_reference", "summary": "Mailer"},
    },
    {
        "incident_id": "PK0V3W2", "title": "Checkout error rate above 5 %", "urgency": "high",
        "service": {"id": "PSVC3", "type": "service_reference", "summary": "Checkout API"},
        "priority": {"id": "PPRIO1", "type": "priority_reference", "summary": "P1"},
    },
)  # fmt: skip


def main() -> None:
    names = ("service_port", "supabase_port", "postgres_port", "pagerduty_port")
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "state", {name: free_port() for name in names})
        stack.start()
        try:
            with sync_playwright() as playwright:
                browser = launch(playwright.chromium)
                take(browser, stack)
                browser.close()
        finally:
            stack.stop()


def take(browser: Browser, stack: Stack) -> None:
    """Both pictures, of what a responder sees while alerts arrive."""
    page = signed_in(browser, stack, "light")
    expect_unread(page, 3)
    for number, alert in enumerate(ALERTS, start=1):
        send(stack, v3(**alert))
        expect_unread(page, 3 + number)
    send(stack, v3("incident.acknowledged", **ALERTS[0]))
    expect_unread(page, 6)
    open_bell(page)
    expect(entries(page).first).to_be_visible()
    page.screenshot(path=DOCS / "bell.png")
    page.goto("/inbox")
    page.get_by_role("button", name="More: 2 events of Payment webhooks").click()
    expect(page.get_by_text("Triggered", exact=True).last).to_be_visible()
    page.mouse.move(0, 0)
    page.screenshot(path=DOCS / "inbox.png")

    page = signed_in(browser, stack, "light", viewport=PHONE, device_scale_factor=2, has_touch=True, is_mobile=True)
    page.goto("/inbox")
    expect(page.get_by_role("link", name="(from PagerDuty)").first).to_be_visible()
    page.screenshot(path=DOCS / "phone.png")

    page = signed_in(browser, stack, "dark")
    open_bell(page)
    entries(page).filter(has_text="Checkout error rate").click()
    expect(page.get_by_role("button", name="Create incident")).to_be_visible()
    page.screenshot(path=DOCS / "incident.png")


def send(stack: Stack, payload: dict[str, Any]) -> None:
    """To the bare URL, which the seed's organization takes. What it tells of happened just now."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    payload["event"]["occurred_at"] = payload["event"]["data"]["created_at"] = now
    httpx.post(f"{stack.service_url}/api/webhooks/pagerduty", json=payload, timeout=20).raise_for_status()


def signed_in(browser: Browser, stack: Stack, scheme: Any, **options: Any) -> Page:
    context = browser.new_context(
        base_url=stack.service_url, color_scheme=scheme, locale="en-GB", reduced_motion="reduce",
        **{"viewport": SIZE, **options},
    )  # fmt: skip
    page = context.new_page()
    page.goto("/sign-in")
    email = next(email for email, name, _ in DEMO_PEOPLE if name == "Rita Responder")
    sign_in(page, email, DEMO_PASSWORD)
    expect(page.get_by_role("list", name="Incidents")).to_be_visible()
    return page


if __name__ == "__main__":
    main()
