"""Clients that hold a connection without ever finishing a request."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

#: What a client may have sent when it stops: nothing, another protocol, a whole request, half a header, all headers,
#: the question whether it may go on, half a body, half a chunk.
KINDS = (
    b"",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS's
    b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /api/webhooks/pagerduty/x HTTP/1.1\r\nHost: x\r\nConte",
    b"POST /api/webhooks/pagerduty/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
    b"POST /api/webhooks/pagerduty/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
    b'POST /api/webhooks/pagerduty/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"event":',
    b'POST /api/webhooks/pagerduty/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{"event":',
)


@contextmanager
def slow_clients(port: int, number: int) -> Iterator[list[socket.socket]]:
    """So many connections to 127.0.0.1, of all kinds, until the block ends."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as held:
        clients = []
        for count in range(number):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            client.sendall(KINDS[count % len(KINDS)])
            clients.append(client)
        yield clients
