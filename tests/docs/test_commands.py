"""The README's commands run: here, or in the test that is named for them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from devstack.stack import GUNICORN, Stack
from service.crypto import new_key
from tests.docs.documents import README, ROOT, commands

WHEEL = "tests/browser/test_wheel.py::test_one_signs_in_and_the_bell_is_there"
GUEST = "tests/database/test_good_guest.py::test_it_moves_in_works_and_leaves_nothing_behind"
#: What runs a command that this file does not: a test, or the file that CI starts.
RUN_BY = {
    "make run": "tests/devstack/test_make_run.py::test_it_runs_says_what_to_do_and_stops_everything",
    "make test": ".ci/run::make test",
    "python -m service migrations --to ../your-app/supabase/migrations": GUEST,
    "(cd ../your-app && supabase db push)": GUEST,
    "make wheel": WHEEL,
    "python -m service worker": "devstack/stack.py::start_worker",
    "pip install -r requirements.lock": WHEEL,
    "pip install --no-deps dist/supabase_pagerduty-*.whl": WHEEL,
}
RUN_HERE = ("curl", "gunicorn")


def shell(command: str, **environment: str) -> str:
    """Runs a command as a person would, with this environment's programs first; answers what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, env={"PATH": path, **environment}, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def the(program: str) -> str:
    """The README's only command of that program."""
    (found,) = (command for command in commands(README) if command.startswith(f"{program} "))
    return found


def test_every_command_is_run_somewhere() -> None:
    others = [command for command in commands(README) if not command.startswith(RUN_HERE)]
    assert set(others) == set(RUN_BY)
    for where in RUN_BY.values():
        file, _, name = where.partition("::")
        text = (ROOT / file).read_text()
        assert (f"def {name}(" if file.endswith(".py") else name) in text, where


def test_the_alert_arrives(stack: Stack) -> None:
    command = the("curl")
    assert "http://localhost:3000/" in command
    answer = json.loads(shell(command.replace("http://localhost:3000", stack.service_url)))
    # The issue's own example: in a stack that others use, too, it may have been sent before.
    assert answer["outcomes"][0]["outcome"] in ("created", "duplicate"), answer


def test_production_starts(stack: Stack) -> None:
    assert the("gunicorn").endswith(" ".join(GUNICORN)), "as the tests and `make run` start it"
    shell(
        f"{the('gunicorn')} --check-config",
        SUPABASE_URL=stack.supabase_url,
        SUPABASE_PUBLISHABLE_KEY=stack.publishable_key,
        SUPABASE_SECRET_KEY=stack.secret_key,
        CREDENTIALS_KEYS=new_key(),
    )
