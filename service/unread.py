"""A request that is answered before it was read to its end: its connection closes, and says so.

Who closes a socket that holds unread bytes resets the connection, and the answer may be lost with it; so what the
client still sends is thrown away for a moment, until it has seen the end of our side (as nginx's lingering_close).
An application may not send the header Connection, which is the server's (PEP 3333): gunicorn is told through its own
response object, and gives us the socket. Other servers do as they like.
"""

import contextlib
import socket
import time
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_MARK = "service.unread"
_LONGEST = 2.0  # seconds
_MOST = 16 * 1024 * 1024  # bytes


def leave_unread(environ: "WSGIEnvironment") -> None:
    """Says that the rest of this request's body stays where it is."""
    environ[_MARK] = True


class CloseUnread:
    """WSGI middleware that ends the connections of requests that were left unread."""

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            close = getattr(getattr(start_response, "__self__", None), "force_close", None)
            if environ.get(_MARK) and close:
                close()
            return start_response(status, headers, *error)

        answer = self._app(environ, start)
        connection = environ.get("gunicorn.socket")
        return ClosingIterator(answer, partial(_linger, connection)) if environ.get(_MARK) and connection else answer


def _linger(connection: socket.socket) -> None:
    until, read = time.monotonic() + _LONGEST, 0
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while read < _MOST and (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            part = connection.recv(65536)
            if not part:
                return
            read += len(part)
