"""PostgreSQL servers with this project's migrations.

Tests run on PostgreSQL 18 (embedded) and on 15, where that is installed; those marked `one_postgres` on 18 alone. With
SUPABASE_DB_URL in the environment, what does no harm to a database runs on that one, in place of the embedded 18.
"""

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest

from devstack.migrate import apply_migrations, apply_seed
from devstack.postgres import Cluster
from tests.conftest import EMBEDDED, UNLIMITED, installed_majors
from tests.database.cli import push
from tests.database.database import Database, scratch
from tests.database.twins import TwinnedDatabase

MAJORS = sorted(installed_majors(), reverse=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test on each major, but one whose subject does not differ between them: `one_postgres` marks it."""
    if "major" in metafunc.fixturenames:
        one = metafunc.definition.get_closest_marker("one_postgres")
        majors = [EMBEDDED] if one else MAJORS
        metafunc.parametrize(
            "major", majors, indirect=True, scope="session", ids=[f"postgres{major}" for major in majors]
        )


@pytest.fixture(scope="session")
def major(request: pytest.FixtureRequest) -> int:
    """The major of PostgreSQL that the test runs on."""
    found: int = request.param
    return found


@pytest.fixture(scope="session")
def cluster(major: int, cluster_of: Callable[[int], Cluster]) -> Cluster:
    """That major's server, as Supabase sets one up, without migrations in database `postgres`."""
    return cluster_of(major)


@pytest.fixture(scope="session")
def dsn(cluster: Cluster, major: int) -> Iterator[str]:
    """A migrated and seeded database to use, but not to break; logs in as `postgres`."""
    project = os.environ.get("SUPABASE_DB_URL")
    if project and major == EMBEDDED:
        push(project)
        _unlimited(project)
        yield project
    else:
        with scratch(cluster) as url:
            apply_migrations(url)
            apply_seed(url)
            _unlimited(url)
            yield url


def _unlimited(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(UNLIMITED)


@pytest.fixture(scope="session")
def migrated_template(cluster: Cluster) -> Iterator[str]:
    """The name of a migrated database that nobody connects to."""
    with scratch(cluster) as url:
        apply_migrations(url)
        _unlimited(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def migrated(cluster: Cluster, migrated_template: str) -> Iterator[str]:
    """A migrated database for one test, to break as it likes."""
    with scratch(cluster, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def shared_database(dsn: str) -> Iterator[Database]:
    with Database(dsn) as opened:
        yield opened


@pytest.fixture
def database(shared_database: Database) -> Iterator[Database]:
    """The migrated database; what a test makes in it is deleted behind it."""
    yield shared_database
    shared_database.clean_up()


@pytest.fixture(scope="session")
def shared_twins(dsn: str) -> Iterator[TwinnedDatabase]:
    with TwinnedDatabase(dsn) as opened:
        yield opened


@pytest.fixture
def twins(shared_twins: TwinnedDatabase) -> Iterator[TwinnedDatabase]:
    """The migrated database, with a twin for each organization that a test makes; checked and deleted behind it."""
    yield shared_twins
    shared_twins.clean_up()
