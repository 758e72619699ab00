"""`make run`, `make reset` and `make migration`: the embedded stack from the command line."""

import contextlib
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from devstack import migration
from devstack.ports import VARIABLES, StackError
from devstack.stack import DEMO_PASSWORD, DEMO_PEOPLE, SANDBOX_KEYS, Stack, take

STATE = Path(os.environ.get("STATE_DIR") or Path(__file__).parents[1] / ".local").resolve()


def say(text: str = "") -> None:
    """A line for the person at the terminal, at once."""
    print(text, flush=True)  # noqa: T201


def run() -> int:
    """Starts the stack, says what to do next, and waits for ctrl-C; answers the exit status."""
    try:
        ports = {name: int(os.environ[variable]) for name, variable in VARIABLES.items() if os.environ.get(variable)}
    except ValueError:
        say(f"Ports are numbers: check {', '.join(VARIABLES.values())}.")
        return 2
    ports.setdefault("service_port", 3000)
    state = STATE / f"run-{ports['service_port']}"  # instances on other ports share nothing
    stack = Stack(state, ports, watch_pages=True, progress=lambda step: say(f"  {step} …"))
    stopped = threading.Event()
    parent = os.getppid()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not stopped.is_set():
            stopped.set()
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        stack.start()
        say(_welcome(stack))
        while not stopped.wait(0.5) and os.getppid() == parent:  # make may be killed, too
            dead = stack.dead_process()
            if dead:
                say(f"The {dead} ended by itself: see {state / (dead + '.log')}")
                return 1
    except KeyboardInterrupt:
        say("\nStopping …")
        return 0
    except StackError as error:
        say(f"Cannot run: {error}")
        return 1
    except OSError as error:
        say(f"Cannot run: {error.strerror or error} ({error.filename or state})")
        return 1
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            stack.stop()
    return 0


def reset() -> int:
    """Empties the state folder; answers the exit status."""
    try:
        held = [take(folder) for folder in STATE.glob("run-*")]
    except StackError as error:
        say(str(error))
        return 1
    if STATE.exists():
        shutil.rmtree(STATE)
    for file in held:
        file.close()
    say("Emptied: the next `make run` starts afresh.")
    return 0


def migrate() -> int:
    """Writes the migration whose name is the second argument; answers the exit status."""
    status, said = migration.run(sys.argv[2] if len(sys.argv) > 2 else "")
    say(said)
    return status


def _welcome(stack: Stack) -> str:
    url = stack.service_url
    lines = ["", f"  Ready: {url}", ""]
    if stack.is_embedded:
        lines.append(f'  Sign in as (password "{DEMO_PASSWORD}"):')
        lines += [f"    {email:<20} {what}" for email, _, what in DEMO_PEOPLE]
        lines += ["", f"  Mail (sign-up, recovery): {stack.supabase_url}/mail"]
        lines += ["", f"  PagerDuty, to play its part: http://localhost:{stack.config['pagerduty_port']}"]
        lines += ["  Its API keys, for Settings:"]
        lines += [f"    {key:<22} {what}" for key, what in SANDBOX_KEYS]
        lines += ["", "  Make an alert (everybody at Acme sees it):", "", _curl(url), ""]
        lines += [f"  Supabase: {stack.supabase_url}   publishable key: {stack.publishable_key}"]
        lines += [f"  Database: {stack.database_dsn}"]
    lines += [f"  Logs: {stack.state_dir}   LOG_LEVEL=debug says more   ctrl-C stops everything", ""]
    return "\n".join(lines)


def _curl(url: str) -> str:
    return (
        f'curl -X POST {url}/api/webhooks/pagerduty -H "Content-Type: application/json" -d \'{{\n'
        '  "messages": [{"id": "\'$(date +%s)\'", "type": "incident.triggered", "created_on": "2025-01-15T12:00:00Z",\n'
        '    "data": {"incident": {"id": "test-incident-456", "title": "Test Database Alert",\n'
        '      "description": "This is a test alert", "status": "triggered", "urgency": "high",\n'
        '      "html_url": "https://test.pagerduty.com/incidents/test-incident-456",\n'
        '      "service": {"id": "test-service-789", "name": "Test Database Service"}}}}]}\''
    )


if __name__ == "__main__":
    sys.exit({"run": run, "reset": reset, "migration": migrate}[sys.argv[1] if len(sys.argv) > 1 else "run"]())
