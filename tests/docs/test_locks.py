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


def pins(lock: str, machine: Machine) -> dict[str, str]:
    """What a lock file installs on a machine: versions by name."""
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    found = [pin for line in lines if holds(pin := Requirement(line), machine)]
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


def test_the_pages_lock_is_of_their_requirements() -> None:
    web = ROOT / "service/web"
    wanted = json.loads((web / "package.json").read_text())
    locked = json.loads((web / "package-lock.json").read_text())["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert locked[""].get(kind) == wanted.get(kind), "run `make lock`"
        assert [name for name in wanted.get(kind, {}) if f"node_modules/{name}" not in locked] == []
