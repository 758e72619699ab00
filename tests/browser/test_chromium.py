"""Where the browser comes from."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserType

from tests.browser import chromium


@dataclass
class NotInstalled:
    """A BrowserType whose own Chromium has not been downloaded."""

    executable_path: str = "/nowhere/chrome"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Nothing on PATH but apt-get, and installations that fail; answers what was tried."""
    tried: list[str] = []

    def fail(command: list[str], _: dict[str, str]) -> bool:
        tried.append(" ".join(command))
        return False

    monkeypatch.setenv("PATH", str(tmp_path))
    put(tmp_path, "apt-get")
    monkeypatch.setattr(chromium, "_succeeds", fail)
    return tried


def put(folder: Path, name: str) -> str:
    program = folder / name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return str(program)


def find() -> str:
    return chromium.find(cast(BrowserType, NotInstalled()))


@pytest.mark.usefixtures("commands")
def test_one_on_path_is_taken(tmp_path: Path) -> None:
    found = put(tmp_path, "google-chrome")
    assert find() == found


def test_debians_package_is_tried_where_one_may_install(
    monkeypatch: pytest.MonkeyPatch, commands: list[str], tmp_path: Path
) -> None:
    def install(command: list[str], _: dict[str, Any]) -> bool:
        commands.append(" ".join(command))
        put(tmp_path, "chromium")
        return True

    monkeypatch.setattr(chromium, "_succeeds", install)
    monkeypatch.setattr(chromium, "_may_install_packages", lambda: True)
    assert find() == str(tmp_path / "chromium")
    assert [command.split()[0] for command in commands] == ["apt-get"]


def test_two_processes_do_not_install_at_the_same_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = threading.Barrier(2)
    installations: list[str] = []

    def install(command: list[str], _: dict[str, Any]) -> bool:
        installations.append(" ".join(command))
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)  # where the other one is let in too, it comes here at once
        put(tmp_path, "chromium")
        return True

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "_succeeds", install)
    monkeypatch.setattr(chromium, "_may_install_packages", lambda: True)
    with ThreadPoolExecutor(2) as processes:
        found = [process.result() for process in [processes.submit(find), processes.submit(find)]]
    assert found == [str(tmp_path / "chromium")] * 2
    assert len(installations) == 1


def test_without_any_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, commands: list[str]) -> None:
    monkeypatch.setattr(chromium, "_may_install_packages", lambda: False)
    with pytest.raises(chromium.NoChromium, match="apt-get install chromium"):
        find()
    assert [command.split()[1:] for command in commands] == [["-m", "playwright", "install", "chromium"]]
