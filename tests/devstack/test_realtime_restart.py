"""PostgreSQL is restarted below a running Realtime: the very next join works."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.gateway import GatewayConfig, create_server
from devstack.keys import Keys
from devstack.postgres import Cluster, embedded_bin_dir, free_port
from tests.conftest import TEST_SETTINGS
from tests.devstack.gateway_fixtures import ANNA, QUICK, SCHEMA, Database, Gateway, bound_socket, serve, wait_until
from tests.devstack.realtime_client import RawClient


@pytest.fixture
def cluster(tmp_path: Path, new_data_dir: Callable[[Path], None]) -> Iterator[Cluster]:
    """A server of its own, to be restarted."""
    new_data_dir(tmp_path / "data")
    made = Cluster(tmp_path / "data", free_port(), embedded_bin_dir(), TEST_SETTINGS)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def restartable(cluster: Cluster) -> Iterator[Gateway]:
    """A gateway on it."""
    database = Database(cluster, "postgres")
    database.execute(SCHEMA)
    listening, url = bound_socket()
    keys = Keys.create(f"{url}/auth/v1")
    config = GatewayConfig(
        public_url=url,
        authenticator_dsn=database.dsn("authenticator"),
        auth_dsn=database.dsn("supabase_auth_admin"),
        realtime_dsn=database.dsn(),
        keys=keys,
        realtime_settings=QUICK,
    )
    with serve(create_server(config), listening):
        yield Gateway(url, keys, database)


def test_the_very_next_joins_work_and_broadcasts_come_again(restartable: Gateway, cluster: Cluster) -> None:
    with RawClient(restartable) as client:
        assert client.join()["status"] == "ok"
        cluster.stop()
        cluster.start()
        for _ in range(2):  # as many connections as the pool has
            assert client.join()["status"] == "ok"
            assert client.receive()["event"] == "phx_close", "of the join before"

        def is_heard() -> bool:
            restartable.database.send(f"user:{ANNA}")
            try:
                return bool(client.receive(0.2)["event"] == "broadcast")
            except TimeoutError:
                return False

        wait_until(is_heard)
