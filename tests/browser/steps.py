"""What people do on the pages, and where they find things: by role, label and text."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.world import PASSWORD


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fills in the form and sends it; does not wait for what follows."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def bell(page: Page) -> Locator:
    """A button with a panel; on a phone, a link to the inbox."""
    named = re.compile("^Notifications")
    return page.get_by_role("button", name=named).or_(page.get_by_role("link", name=named))


def expect_unread(page: Page, number: int) -> None:
    """The bell says so many unread."""
    expect(bell(page)).to_have_accessible_name(re.compile(f", {number or 'none'} unread$"))


def panel(page: Page) -> Locator:
    """What the bell opens: its panel; on a phone, the inbox."""
    inbox = page.get_by_role("main").filter(has=page.get_by_role("heading", name="Inbox", exact=True))
    return page.get_by_role("dialog", name="Notifications").or_(inbox)


def open_bell(page: Page) -> Locator:
    """Opens the bell and answers its panel."""
    bell(page).click()
    expect(panel(page)).to_be_visible()
    return panel(page)


def entries(page: Page) -> Locator:
    """The bell's entries: links to what PagerDuty told."""
    return panel(page).get_by_role("link", name="(from PagerDuty)")


def said(page: Page, text: str) -> Locator:
    """What the page says of something that happened."""
    return page.get_by_role("status").filter(has_text=text)


def choice(page: Page, label: str) -> Locator:
    """A select by its label."""
    return page.get_by_role("combobox", name=label)


def tags(page: Page) -> Locator:
    return page.get_by_role("list", name="Tags so far").get_by_role("listitem")


def scroll_through(rows: Locator, number: int) -> None:
    """Scrolls to the last row until there are so many; each time, more have to come."""
    shown = 0
    while shown < number:
        expect(rows.nth(shown)).to_be_attached()
        shown = rows.count()
        rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(number)
