"""The lock files hold what pyproject.toml and package.json ask for, on every Python and platform that is promised."""

import json
import tomllib
from collections import Counter

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.documents import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
}
SERVICE = [Requirement(text) for text in PROJECT["dependencies"]]
DEVELOPMENT = [Requirement(text) for extra in PROJECT["optional-dependencies"].values() for text in extra]

Machine = dict[str, str]


@pytest.fixture(params=[f"{system}-{python}" for system in SYSTEMS for python in PYTHONS])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A Python on a platform, as markers see it."""
    system, _, python = request.param.partition("-")
    return {
        **{name: str(value) for name, value in default_environment().items()}, **SYSTEMS[system],
        "python_version": python, "python_full_version": f"{python}.0", "implementation_version": f"{python}.0",
        "implementation_name": "cpython", "platform_python_implementation": "CPython",
    }  # fmt: skip


def holds(requirement: Requirement, machine: Machine) -> bool:
    """Is it for this machine?"""
    return requirement.marker is None or requirement.marker.evaluate(machine)


def entries(lock: str) -> list[str]:
    """The entries of a lock file, each with its hashes."""
    lines = (ROOT / lock).read_text().replace(" \\\n", "").splitlines()
    return [line for line in lines if not line.startswith("#")]


def pins(lock: str, machine: Machine) -> dict[str, str]:
    """What a lock file installs on a machine: versions by name."""
    found = [pin for line in entries(lock) if holds(pin := Requirement(line.partition(" --hash=")[0]), machine)]
    twice = [name for name, times in Counter(canonicalize_name(pin.name) for pin in found).items() if times > 1]
    assert twice == []
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in found}


def unmet(requirements: list[Requirement], lock: str, machine: Machine) -> list[str]:
    """The requirements that a lock file does not meet."""
    pinned = pins(lock, machine)
    return [
        str(wanted)
        for wanted in requirements
        if holds(wanted, machine)
        and not wanted.specifier.contains(pinned.get(canonicalize_name(wanted.name), "0"), prereleases=True)
    ]


def test_these_are_the_pythons_that_are_promised() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"


def test_the_services_lock_meets_its_requirements(machine: Machine) -> None:
    assert unmet(SERVICE, "requirements.lock", machine) == [], "run `make lock`"


def test_the_developers_lock_meets_all_requirements(machine: Machine) -> None:
    assert unmet(SERVICE + DEVELOPMENT, "requirements-dev.lock", machine) == [], "run `make lock`"


def test_the_service_runs_with_the_versions_that_are_tested(machine: Machine) -> None:
    assert pins("requirements.lock", machine).items() <= pins("requirements-dev.lock", machine).items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_only_files_that_were_locked_are_installed(lock: str) -> None:
    """pip checks all hashes where there is one, and takes nothing without."""
    assert len(entries(lock)) > 40
    assert [entry[:80] for entry in entries(lock) if "--hash=sha256:" not in entry] == []
    packages = json.loads((ROOT / "service/web/package-lock.json").read_text())["packages"]
    assert [
        name for name, entry in packages.items() if name and not entry.get("integrity", "").startswith("sha512-")
    ] == []


def test_the_pages_lock_is_of_their_requirements() -> None:
    web = ROOT / "service/web"
    wanted = json.loads((web / "package.json").read_text())
    locked = json.loads((web / "package-lock.json").read_text())["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert locked[""].get(kind) == wanted.get(kind), "run `make lock`"
        assert [name for name in wanted.get(kind, {}) if f"node_modules/{name}" not in locked] == []
