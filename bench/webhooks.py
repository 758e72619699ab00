"""How much of the database's pace the service keeps: `python -m bench.webhooks [SECONDS]`.

Webhooks end to end (HTTP, service, gateway, PostgreSQL), with so many connections, against the same function called
by pgbench on as many connections, one event a commit. They take turns, and each figure is a ratio within one run.
"""

import json
import selectors
import socket
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.product import running
from devstack.postgres import embedded_bin_dir
from devstack.stack import Stack
from service.pagerduty import payloads
from service.pagerduty.events import Event
from service.pagerduty.mapping import ingest_record
from tests.world import Organization, World, v3

CONNECTIONS = (1, 8, 32)
ORGANIZATIONS = 8
_ROUNDS = 3
_MARK = "MARK"  # stands in a body where each event differs


@dataclass
class Round:
    """Events a second, end to end and by pgbench; and end to end, the CPU's ms for each by process."""

    service: float
    database: float
    cpu: dict[str, float]


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    environment = {"WEBHOOK_RATE_LIMIT": "10000000 per minute"}
    with running(environment=environment) as (stack, folder), World(stack) as world:
        organizations = [world.organization(f"Bench {number}") for number in range(ORGANIZATIONS)]
        for several in ([organizations[0]], organizations):
            for connections in CONNECTIONS:
                rounds = []
                for _ in range(_ROUNDS):
                    before = cpu_seconds()
                    by_service = service_pace(stack, several, connections, seconds)
                    used = {name: after - before[name] for name, after in cpu_seconds().items()}
                    cpu = {name: 1000 * each / (by_service * seconds) for name, each in used.items()}
                    by_database = database_pace(stack, several, connections, seconds, folder)
                    rounds.append(Round(by_service, by_database, cpu))
                print(_line(len(several), connections, rounds), flush=True)


def _line(organizations: int, connections: int, rounds: Sequence[Round]) -> str:
    ratio = statistics.median(each.service / each.database for each in rounds)
    service, database = rounds[-1].service, rounds[-1].database
    cpu = ", ".join(f"{name} {statistics.median(each.cpu[name] for each in rounds):.1f}" for name in rounds[0].cpu)
    return (
        f"{organizations} organizations, {connections:2} connections: {ratio:.2f} of the database's pace"
        f" (last round: {service:.0f} webhooks a second, pgbench {database:.0f}; CPU ms of each webhook: {cpu})"
    )


def cpu_seconds() -> dict[str, float]:
    """What each part has used so far, with the processes that it started and that still are."""
    return {name: sum(map(_cpu_seconds, parts)) for name, parts in _processes().items()}


def _processes() -> dict[str, list[psutil.Process]]:
    mine = psutil.Process().children(recursive=True)
    words = {"service": "gunicorn", "gateway": "devstack.servers gateway", "PostgreSQL": "postgres"}
    return {name: [each for each in mine if word in _command(each)] for name, word in words.items()}


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _cpu_seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def service_pace(stack: Stack, organizations: Sequence[Organization], connections: int, seconds: float) -> float:
    """Webhooks a second that are answered 202, each connection sending one after the other."""
    clients = [_Client(stack, organizations[number % len(organizations)]) for number in range(connections)]
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        started, answered = time.monotonic(), 0
        while (now := time.monotonic()) < started + seconds:
            for key, _ in selector.select(1):
                answered += key.data.receive()
        for client in clients:
            client.socket.close()
    return answered / (now - started)


class _Client:
    """A connection that stays open; bytes, since an HTTP library would cost more than what is measured."""

    def __init__(self, stack: Stack, organization: Organization) -> None:
        body = json.dumps(v3(event_id=f"E{_MARK}", incident_id=f"P{_MARK}")).encode()
        self._head, self._body = f"/api/webhooks/pagerduty/{organization.token}", body
        self.socket = socket.create_connection(("127.0.0.1", int(stack.config["service_port"])))
        self._prefix, self._number, self._received = uuid.uuid4().hex[:12], 0, b""

    def send(self) -> None:
        self._number += 1
        body = self._body.replace(_MARK.encode(), f"{self._prefix}{self._number:08}".encode())
        head = f"POST {self._head} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def receive(self) -> int:
        """Whether an answer is whole; the next webhook goes off then."""
        self._received += self.socket.recv(65536)
        if not self._received:
            raise SystemExit("the service closed the connection")
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return 0
        if not head.startswith(b"HTTP/1.1 202"):
            raise SystemExit(f"the service answered {self._received!r}")
        self._received = b""
        self.send()
        return 1


def _length(head: bytes) -> int:
    return next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))


def database_pace(
    stack: Stack, organizations: Sequence[Organization], connections: int, seconds: float, folder: Path
) -> float:
    """Events a second that pgbench has taken, each connection calling for one organization."""
    script = folder / "ingest.sql"
    script.write_text(_script(organizations))
    assert stack.cluster is not None
    threads = str(min(connections, 2))
    command = [str(embedded_bin_dir() / "pgbench"), "-n", "-c", str(connections), "-j", threads, "-T", f"{seconds:.0f}"]
    dsn = stack.database_dsn
    done = subprocess.run([*command, "-f", str(script), dsn], capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
    return float(line.split()[2])


def _script(organizations: Sequence[Organization]) -> str:
    """What a connection calls again and again: as PostgREST does, in a transaction and as service_role."""
    [event] = payloads.parse(json.dumps(v3(event_id=f"E{_MARK}", incident_id=f"P{_MARK}")).encode())
    assert isinstance(event, Event)
    record = json.dumps(ingest_record(event, None, [])).replace("'", "''")
    record = record.replace(_MARK, f"{uuid.uuid4().hex[:8]}-:client_id-:number")
    tokens = ", ".join(f"'{organization.token}'" for organization in organizations)
    return "\n".join([
        "\\set number random(1, 9000000000000000)",
        "begin;",
        "set local role service_role;",
        f"select pagerduty.ingest_webhooks(jsonb_build_array(jsonb_build_object("
        f"'token', (array[{tokens}])[1 + :client_id % {len(organizations)}], 'settings_version', 1, "
        f"'events', '[{record}]'::jsonb)));",
        "commit;",
    ])  # fmt: skip


if __name__ == "__main__":
    main()
