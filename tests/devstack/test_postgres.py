"""Who gets into the embedded PostgreSQL, and who sees its password."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from devstack.dump import dump
from devstack.postgres import SUPERUSER, Cluster, PostgresError, embedded_bin_dir, free_port
from devstack.stack import Stack
from devstack.supabase_cli import database_url, supabase
from tests.conftest import installed_majors

ROLES = (SUPERUSER, "postgres", "authenticator", "supabase_auth_admin")
DATABASES = ("postgres", "template1")


@pytest.fixture(params=sorted(installed_majors()))
def cluster(request: pytest.FixtureRequest, cluster_of: Callable[[int], Cluster]) -> Cluster:
    return cluster_of(request.param)


@pytest.fixture(autouse=True)
def own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the passwords that a test names are tried."""
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/nonexistent")


@pytest.fixture(params=({}, {"replication": "true"}, {"replication": "database"}), ids=("", "walsender", "logical"))
def how(request: pytest.FixtureRequest) -> dict[str, str]:
    given: dict[str, str] = request.param
    return given


def test_nobody_gets_in_without_the_password(cluster: Cluster, how: dict[str, str]) -> None:
    known = conninfo_to_dict(cluster.dsn("postgres"))
    assert len(str(known.pop("password"))) >= 32
    address = make_conninfo(host=known["host"], port=known["port"])
    names = [*ROLES, "anon", "authenticated", "service_role", "nobody"]
    for user in names:
        for database in DATABASES:
            for password in (None, "", "postgres", user, cluster.password[:-1]):
                given = make_conninfo(address, **how, user=user, dbname=database, password=password)
                with pytest.raises(psycopg.OperationalError, match=r"no password supplied|authentication failed"):
                    psycopg.connect(given)


def test_who_logs_in_gets_in_with_it(cluster: Cluster) -> None:
    for user in ROLES:
        for database in DATABASES:
            with psycopg.connect(cluster.dsn(user, database)) as connection:
                assert connection.info.user == user
    for user in (SUPERUSER, "postgres"):
        with psycopg.connect(cluster.dsn(user), replication="true"):
            pass


def test_each_cluster_has_a_password_of_its_own_in_a_file_that_is_the_owners_alone(
    tmp_path: Path, embedded_cluster: Cluster
) -> None:
    cluster = Cluster(tmp_path / "data", free_port(), embedded_bin_dir())
    cluster.start()
    cluster.stop()
    assert cluster.password != embedded_cluster.password
    (file,) = (file for file in cluster.data_dir.iterdir() if file.is_file() and cluster.password in file.read_text())
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_data_directory_without_a_password_is_refused(tmp_path: Path, new_data_dir: Callable[[Path], None]) -> None:
    cluster = Cluster(tmp_path / "postgres", free_port(), embedded_bin_dir())
    new_data_dir(cluster.data_dir)
    (cluster.data_dir / "password").unlink()
    with pytest.raises(PostgresError, match="`make reset`"):
        cluster.start()


def command_lines() -> list[str]:
    """Of all processes, as everybody may list them."""
    return [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]


def command_lines_during(work: Callable[[], object]) -> Iterator[str]:
    """Of all processes, again and again while `work` is done."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        while not done.done():
            yield from command_lines()
        done.result()


def test_no_program_is_given_the_password_as_an_argument(embedded_cluster: Cluster) -> None:
    url = database_url(embedded_cluster.dsn("postgres"))

    def compare() -> None:
        ran = supabase("db", "diff", f"--from={url}", f"--to={url}", "--use-pg-delta")
        assert ran.returncode == 0, ran.stderr

    for program, work in (("pg_dump", lambda: dump(embedded_cluster, "postgres")), ("supabase", compare)):
        seen: set[str] = set()
        for _ in range(20):  # on a busy machine a quick program may have gone before anybody looked
            seen |= {line for line in command_lines_during(work) if str(embedded_cluster.port) in line}
            if any(program in line for line in seen):
                break
        assert any(program in line for line in seen)
        assert not any(embedded_cluster.password in line for line in seen)


def test_the_stack_shows_it_in_no_log_and_to_nobody_who_lists_processes(stack: Stack) -> None:
    assert stack.cluster is not None
    password = stack.cluster.password
    assert password in stack.database_dsn
    assert not [line for line in command_lines() if password in line]
    assert password not in (stack.cluster.data_dir / "server.log").read_text()
    holders = [file for file in stack.state_dir.glob("*.*") if password in file.read_text(errors="replace")]
    assert [file.name for file in holders] == ["gateway.json"]
    assert holders[0].stat().st_mode & 0o777 == 0o600
