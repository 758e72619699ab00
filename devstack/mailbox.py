"""What the stand-in for Supabase Auth would have mailed: kept in memory, and shown on a page at `/mail`."""

import datetime
import html
from collections import deque
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

MOST = 200  # mails that are kept


@dataclass(frozen=True)
class Mail:
    """A mail that was not sent: to whom, what about, and the link in it."""

    to: str
    subject: str
    link: str
    at: datetime.datetime


class Mailbox:
    """The last mails, the newest first."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=MOST)

    def put(self, to: str, subject: str, link: str) -> None:
        self._mails.appendleft(Mail(to, subject, link, datetime.datetime.now(datetime.UTC)))

    def routes(self) -> list[Route]:
        """`/mail`, a page for people, and `/mail.json`: `[{to, subject, link, at}]`; `?to=` asks for one address."""
        return [Route("/mail", self._page), Route("/mail.json", self._json)]

    def _of(self, request: Request) -> list[Mail]:
        to = request.query_params.get("to", "").lower()
        return [mail for mail in self._mails if to in ("", mail.to.lower())]

    async def _json(self, request: Request) -> Response:
        return JSONResponse([{**mail.__dict__, "at": mail.at.isoformat()} for mail in self._of(request)])

    async def _page(self, request: Request) -> Response:
        mails = "".join(map(_entry, self._of(request))) or "<p>No mail yet: sign up, or ask for a link.</p>"
        return HTMLResponse(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            "<meta name=color-scheme content='light dark'><title>Mail</title>"
            "<style>body { font: 1rem/1.5 system-ui; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }"
            " article { border-top: 1px solid; padding: 1rem 0; overflow-wrap: anywhere }</style>"
            f"<h1>Mail that was not sent</h1><p>In a real project, Supabase Auth mails these.</p>{mails}"
        )


def _entry(mail: Mail) -> str:
    to, subject, link = (html.escape(text) for text in (mail.to, mail.subject, mail.link))
    return (
        f"<article><h2>{subject}</h2><p>To {to}, {mail.at:%H:%M:%S} UTC</p>"
        f"<p><a href='{link}' rel=noreferrer>{subject}</a></p></article>"
    )
