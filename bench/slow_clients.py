"""What slow clients cost the others: `python -m bench.slow_clients [CONNECTIONS]`.

Webhooks are timed alone, then beside so many connections (1,000) that never finish a request, with gunicorn's workers
`gevent` (ours) and `gthread`, and with waitress if that is installed. Each line is a ratio within one run.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import httpx

from bench.product import running
from devstack.postgres import free_port
from devstack.stack import ROOT, Stack, service_command
from tests.api.slow_clients import slow_clients
from tests.world import World, v3

_TIMED = 100  # webhooks


def _gthread(port: int) -> list[str]:
    program = [sys.executable, "-m", "gunicorn", "service:create_app()", "--no-control-socket"]
    return [*program, "--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "16"]


def _waitress(port: int) -> list[str]:
    program = [sys.executable, "-m", "waitress", "--asyncore-use-poll", "--connection-limit=10000", "--threads=16"]
    return [*program, f"--listen=127.0.0.1:{port}", "--call", "service:create_app"]


SERVERS: dict[str, Callable[[int], list[str]]] = {
    "gunicorn gevent": service_command,
    "gunicorn gthread": _gthread,
    "waitress": _waitress,
}


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with running() as (stack, _), World(stack) as world:
        token = world.organization("Bench").token
        for name, command in SERVERS.items():
            print(f"{name:18} {_measure(stack, command, token, number)}")


def _measure(stack: Stack, command: Callable[[int], list[str]], token: str | None, number: int) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **stack.service_environment(), "LOG_LEVEL": "error"}
    with subprocess.Popen(command(port), cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as service:
        try:
            if not _answers(url, service):
                return "is not installed"
            alone = _seconds(url, token)
            with slow_clients(port, number):
                beside = _seconds(url, token)
        finally:
            service.terminate()
    if beside is None or alone is None:
        return f"beside {number} slow connections: no answer within 20 s"
    return (
        f"beside {number} slow connections: median x {statistics.median(beside) / statistics.median(alone):.2f}, "
        f"slowest x {max(beside) / max(alone):.2f} (median alone {statistics.median(alone) * 1000:.0f} ms)"
    )


def _answers(url: str, service: subprocess.Popen[bytes]) -> bool:
    while service.poll() is None:
        try:
            return httpx.get(f"{url}/healthz", timeout=5).is_success
        except httpx.HTTPError:
            time.sleep(0.1)
    return False


def _seconds(url: str, token: str | None) -> list[float] | None:
    """How long each of some webhooks took, each on a connection of its own; None if one had no answer."""
    took = []
    for _ in range(_TIMED):
        started = time.perf_counter()
        try:
            httpx.post(f"{url}/api/webhooks/pagerduty/{token}", json=v3(), timeout=20).raise_for_status()
        except httpx.HTTPError:
            return None
        took.append(time.perf_counter() - started)
    return took


if __name__ == "__main__":
    main()
