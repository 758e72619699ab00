"""Finds a Chromium, or gets one: on PATH, as Debian's package, or Playwright's download."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserType
from playwright.sync_api import Error as PlaywrightError

from tests import memory
from tests.one_at_a_time import one_at_a_time

# The first is Chromium without what draws windows: it opens one in a quarter of the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No requests but the pages' own, and nothing that asks a person for something.
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--in-process-gpu",  # there is none: another process would only pass on what the processor draws
)
# Playwright has Chromium share memory by files on the disk, as that for it may be small in a container.
ON_DISK = "--disable-dev-shm-usage"
INSTALL = "install one (on Debian and Ubuntu: apt-get install chromium) so that it is found on PATH"
_LONGEST = 600  # seconds that getting one may take


class NoChromium(Exception):
    """There is none and none could be had; the message says what to install."""


def launch(browser_type: BrowserType) -> Browser:
    """Starts Chromium without a window. Raises NoChromium."""
    executable = find(browser_type)
    # Chromium's sandbox does not work for root.
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if _is_root() else [])]
    unwanted = [ON_DISK] if memory.is_plenty() else []
    try:
        return browser_type.launch(executable_path=executable, args=arguments, ignore_default_args=unwanted)
    except PlaywrightError as error:
        raise NoChromium(f"{executable} does not start ({error.message.splitlines()[0]}): {INSTALL}.") from None


def find(browser_type: BrowserType) -> str:
    """The path of a Chromium, which is installed if need be. Raises NoChromium."""
    own = browser_type.executable_path
    with one_at_a_time():
        found = _on_path() or (own if Path(own).exists() else None) or _debian_package() or _playwright_download(own)
    if not found:
        raise NoChromium(f"The browser tests need Chromium, and none could be found or downloaded: {INSTALL}.")
    return found


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _may_install_packages() -> bool:
    return _is_root() and shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def _on_path() -> str | None:
    return next((path for path in map(shutil.which, NAMES) if path), None)


def _debian_package() -> str | None:
    """Debian's package; Ubuntu's of the same name is a snap, which does not start in containers."""
    if not _may_install_packages():
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for package in NAMES[:2]:
        install = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", package]
        if _succeeds(install, environment):
            break
        _succeeds(["apt-get", "update", "--quiet"], environment)
        if _succeeds(install, environment):
            break
    return _on_path()


def _playwright_download(own: str) -> str | None:
    _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))
    return own if Path(own).exists() else None


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    try:
        ran = subprocess.run(command, env=environment, timeout=_LONGEST, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0
