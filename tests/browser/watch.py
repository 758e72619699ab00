"""What no page may do, watched in every test: errors, violations of its policy, requests to anybody else."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError, WebSocket

_REPORT_VIOLATIONS = """
addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Watch:
    """Complaints about the pages of one or more contexts.

    `origins` are those that pages may ask: the service's and Supabase's. `expected` are patterns of console messages
    that a test brings about on purpose, as the "Failed to load resource" of an answer that is an error.
    """

    origins: tuple[str, ...]
    expected: list[str] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)

    def attach(self, context: BrowserContext) -> None:
        """Watches all pages of a context, from before they load."""
        context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("page", lambda page: page.on("websocket", self._websocket))

    def expect(self, *patterns: str) -> None:
        """Console errors that match are no complaints."""
        self.expected += patterns

    def complaints(self) -> list[str]:
        return [text for text in self._complaints if not any(re.search(pattern, text) for pattern in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _error(self, error: WebError) -> None:
        self._complaints.append(f"uncaught: {error.error.message}")

    def _request(self, request: Request) -> None:
        self._complain_if_foreign(request.url)

    def _websocket(self, socket: WebSocket) -> None:
        self._complain_if_foreign(re.sub("^ws", "http", socket.url))

    def _complain_if_foreign(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self._complaints.append(f"foreign request: {url[:200]}")


def horizontal_overflow(page: Page) -> int:
    """How many pixels a page is wider than its window."""
    return int(page.evaluate("document.scrollingElement.scrollWidth - innerWidth"))
