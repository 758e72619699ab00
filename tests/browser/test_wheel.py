"""The wheel, as production installs it: into a bare environment, without this checkout."""

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from devstack.postgres import free_port
from devstack.stack import ROOT, Stack, service_command
from tests.api.service_processes import wait_for
from tests.browser.steps import bell, sign_in
from tests.world import Organization

PIP = (sys.executable, "-m", "pip", "-qq", "--disable-pip-version-check")
PAGES = (
    "/", "/sign-in", "/incidents", "/incidents/new", "/settings", "/settings/members", "/api/docs", "/problems",
    "/problems/not-found", "/nowhere",
)  # fmt: skip


def run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what requirements.lock names, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    venv.create(folder / "environment")
    (wheel,) = folder.glob("*.whl")
    into = ("--quiet", "--python", folder / "environment")
    run(sys.executable, "-m", "uv", "pip", "install", *into, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(sys.executable, "-m", "uv", "pip", "install", *into, "--no-deps", wheel)
    return folder / "environment"


@pytest.fixture(scope="module")
def installed(environment: Path, stack: Stack) -> Iterator[str]:
    """The installed service, running against the stack as README says; answers its URL."""
    port = free_port()
    url = f"http://localhost:{port}"
    settings = stack.service_environment() | {"PUBLIC_URL": url, "PATH": os.environ["PATH"]}
    command = service_command(port, str(environment / "bin" / "python"))
    with subprocess.Popen(command, cwd=environment, env=settings, stderr=subprocess.DEVNULL) as service:
        try:
            wait_for(lambda: answers(url), 30, "the installed service")
            yield url
        finally:
            service.terminate()


@pytest.mark.parametrize("path", PAGES)
def test_all_that_a_page_names_is_there(installed: str, path: str) -> None:
    page = httpx.get(f"{installed}{path}", headers={"Accept": "text/html"})
    assert page.status_code == (404 if path == "/nowhere" else 200)
    named = set(re.findall(r'"(/static/[^"]+)"', page.text))
    assert named
    for address in named:
        asset = httpx.get(f"{installed}{address}")
        assert asset.status_code == 200, address
        assert "immutable" in asset.headers["Cache-Control"]
        source_map = re.search(r"sourceMappingURL=(\S+\.map)", asset.text)
        assert bool(source_map) == address.endswith((".js", ".css")), address
        assert not source_map or httpx.get(f"{installed}/static/{source_map[1]}").status_code == 200


def test_one_signs_in_and_the_bell_is_there(installed: str, browser: Browser, acme: Organization) -> None:
    with browser.new_context(base_url=installed) as context:
        page = context.new_page()
        page.goto("/")
        sign_in(page, acme.responder.email)
        expect(bell(page)).to_have_accessible_name("Notifications, none unread")
        for name in ("Settings", "Incidents"):
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_it_holds_the_migrations_and_nothing_of_development(environment: Path) -> None:
    package = next(environment.glob("lib/python*/site-packages/service"))
    ours = {file.name for file in (ROOT / "supabase" / "migrations").glob("*.sql")}
    assert {file.name for file in (package / "migrations").iterdir()} == ours
    assert {file.name for file in (package / "web").iterdir()} - {"__pycache__"} == {
        "__init__.py", "assets.py", "dist", "security.py", "templates",
    }  # fmt: skip
    for name in ("devstack", "tests", "supabase"):
        assert not (package.parent / name).exists()
