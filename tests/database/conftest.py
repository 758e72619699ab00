"""PostgreSQL servers with this project's migrations, applied by the real Supabase CLI.

Every test runs on PostgreSQL 18 (embedded) and on 15, where that is installed. With SUPABASE_DB_URL in the environment,
what does no harm to a database runs on that one, in place of the embedded 18.
"""

import os
import shutil
from collections.abc import Iterator

import psycopg
import pytest

from devstack.migrate import SUPABASE, apply_seed
from devstack.postgres import Cluster, free_port
from tests.conftest import EMBEDDED, TEST_SETTINGS, installed_majors
from tests.database.cli import push
from tests.database.database import Database, scratch

MAJORS = sorted(installed_majors(), reverse=True)


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"postgres{major}")
def major(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture(scope="session")
def cluster(major: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server of its own for each major, as Supabase sets one up, without migrations in database `postgres`."""
    folder = tmp_path_factory.mktemp(f"database{major}")
    made = Cluster(folder / "data", free_port(), installed_majors()[major], TEST_SETTINGS)
    made.start()
    made.install_platform()
    yield made
    made.stop()
    shutil.rmtree(made.data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def dsn(cluster: Cluster, major: int) -> Iterator[str]:
    """A migrated and seeded database to use, but not to break; logs in as `postgres`."""
    project = os.environ.get("SUPABASE_DB_URL")
    if project and major == EMBEDDED:
        push(project)
        yield project
    else:
        with scratch(cluster) as url:
            push(url)
            apply_seed(url)
            yield url


@pytest.fixture
def migrated(cluster: Cluster, dsn: str) -> Iterator[str]:
    """A migrated database for one test, to break as it likes."""
    del dsn  # which has shown that the CLI applies the migrations; here they need to be quick
    with scratch(cluster) as url:
        with psycopg.connect(url) as connection:
            for file in sorted((SUPABASE / "migrations").glob("*.sql")):
                connection.execute(file.read_bytes())
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
