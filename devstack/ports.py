"""Which ports an instance of the stack listens on."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from devstack.postgres import free_port

#: The usual ones; SUPABASE_PORT as the Supabase CLI has it.
USUAL = {"service_port": 3000, "supabase_port": 54321, "postgres_port": 54322, "pagerduty_port": 54323}
#: The variables that fix them.
VARIABLES = {
    "service_port": "PORT",
    "supabase_port": "SUPABASE_PORT",
    "postgres_port": "POSTGRES_PORT",
    "pagerduty_port": "PAGERDUTY_PORT",
}


class StackError(Exception):
    """The stack cannot start or go on; the message is a sentence for a person."""


def choose_ports(fixed: Mapping[str, int], memory: Path) -> dict[str, int]:
    """A port for each name in USUAL: the fixed one, else the one of last time (in the file `memory`), the usual one, or
    a free one, so that instances live side by side.

    Raises StackError if a fixed one is taken.
    """
    last: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
    chosen: dict[str, int] = {}
    for name, usual in USUAL.items():
        if name not in fixed:
            wanted = (port for port in (last.get(name, usual), usual) if _is_free(port))
            chosen[name] = next(wanted, 0) or free_port()
            continue
        port = fixed[name]
        if not 0 < port < 65536:
            raise StackError(f"{VARIABLES[name]}={port} is no port: ports go from 1 to 65535.")
        if not _is_free(port):
            example = f"make run {VARIABLES[name]}={port + 1}"
            raise StackError(f"Port {port} is taken: stop what listens there, or choose another, as in `{example}`.")
        chosen[name] = port
    memory.write_text(json.dumps(chosen))
    return chosen


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
