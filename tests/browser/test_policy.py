"""What pages may not do, and others may not do with them: enforced by the browser, not only written in a header."""

import re

import pytest
from playwright.sync_api import Error, expect

from tests.browser.conftest import Windows

PAGES = ("/sign-in", "/incidents", "/settings", "/no-such-page")


@pytest.mark.parametrize("path", PAGES)
def test_text_never_becomes_markup(windows: Windows, path: str) -> None:
    windows.watch.expect("TrustedHTML", "policy violated: require-trusted-types-for", "status of 404")
    page = windows.open(None, path)
    expect(page.get_by_role("heading").first).to_be_visible()
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<b>bold</b>'")


def test_nobody_may_make_an_exception(windows: Windows) -> None:
    windows.watch.expect("policy violated: trusted-types", "Trusted ?Type")
    page = windows.open(None, "/sign-in")
    with pytest.raises(Error, match="disallowed"):
        page.evaluate("trustedTypes.createPolicy('mine', { createHTML: (text) => text }).name")


def test_nothing_inline_runs_and_nothing_is_evaluated(windows: Windows) -> None:
    windows.watch.expect("policy violated", "Content Security Policy", "TrustedScript")
    page = windows.open(None, "/sign-in")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    with pytest.raises(Error, match="TrustedScript"):
        page.evaluate("document.body.setAttribute('onclick', 'window.ran = true')")
    page.evaluate("document.head.append(Object.assign(document.createElement('style'), { id: 'inline' }))")
    page.evaluate("document.getElementById('inline').append('body { color: red }')")
    assert page.evaluate("document.getElementById('inline').sheet") is None


@pytest.mark.parametrize("path", PAGES)
def test_no_other_page_may_frame_it(windows: Windows, path: str) -> None:
    windows.watch.expect("frame-ancestors", "policy violated", "status of 404", "ERR_BLOCKED_BY_RESPONSE")
    page = windows.window()
    frame = f"<!doctype html><iframe src='{path}'></iframe>"
    page.route(re.compile("/framing$"), lambda route: route.fulfill(content_type="text/html", body=frame))
    page.goto("/framing")
    page.wait_for_load_state("networkidle")
    assert page.frame_locator("iframe").get_by_role("heading").count() == 0
    assert page.frame_locator("iframe").get_by_role("banner").count() == 0
