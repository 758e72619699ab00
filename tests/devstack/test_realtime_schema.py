"""Schema `realtime` as the stand-in makes it, asked as those who use it: as the real one's migrations leave it."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.devstack.gateway_fixtures import Gateway
from tests.devstack.realtime_client import RawClient


@pytest.fixture
def postgres(gateway: Gateway) -> Iterator[psycopg.Connection]:
    """As `postgres`, who runs migrations; what a test does is undone."""
    with psycopg.connect(gateway.database.dsn("postgres")) as connection:
        yield connection
        connection.rollback()


def test_postgres_may_select_insert_and_update_messages(postgres: psycopg.Connection) -> None:
    topic = f"room:{uuid.uuid4()}"
    postgres.execute("insert into realtime.messages (topic, extension) values (%s, 'broadcast')", (topic,))
    postgres.execute("update realtime.messages set event = 'seen' where topic = %s", (topic,))
    found = postgres.execute("select event from realtime.messages where topic = %s", (topic,)).fetchall()
    assert found == [("seen",)]
    postgres.execute("create policy ours on realtime.messages for select to anon using (false)")


@pytest.mark.parametrize("table", ["messages", "messages_default"])
@pytest.mark.parametrize("statement", ["delete from", "truncate"])
def test_postgres_may_not_delete_messages(postgres: psycopg.Connection, statement: str, table: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute(f"{statement} realtime.{table}".encode())


def test_bytes_are_sent_from_the_database(gateway: Gateway) -> None:
    with RawClient(gateway, "2.0.0") as two, RawClient(gateway) as one:
        for client in (one, two):
            client.join("realtime:room:bytes")
        gateway.database.execute("select realtime.send_binary('\\x00ff'::bytea, 'raw', 'room:bytes')")
        gateway.database.send("room:bytes", "last")
        frame = two.receive()["payload"]
        assert (frame["event"], frame["payload"], frame["encoding"]) == ("raw", [0, 255], 0)
        assert one.receive()["payload"]["event"] == "last", "1.0.0 cannot carry bytes"


@pytest.mark.parametrize(
    "statement",
    [
        "select realtime.send('{}', 'e', null)",
        "select realtime.send('[1]', 'e', 'room:array')",
        "select realtime.send_binary('\\x00', 'e', null)",
    ],
)
def test_what_cannot_be_sent_is_a_warning(postgres: psycopg.Connection, statement: str) -> None:
    warnings: list[str | None] = []
    postgres.add_notice_handler(lambda notice: warnings.append(notice.message_primary))
    postgres.execute(statement.encode())
    assert len(warnings) == 1
    assert str(warnings[0]).startswith("WarnSendingBroadcastMessage: ")


@pytest.mark.parametrize(
    ("operation", "level", "reason"),
    [
        ("TRUNCATE", "ROW", "Unexpected operation type: TRUNCATE"),
        ("INSERT", "STATEMENT", "function can only be triggered for each row, not for each statement"),
    ],
)
def test_changes_that_cannot_be_broadcast(
    postgres: psycopg.Connection, operation: str, level: str, reason: str
) -> None:
    call = "select realtime.broadcast_changes('t', 'e', %s, 'notes', 'public', row(1), row(1), %s)"
    with pytest.raises(psycopg.errors.RaiseException) as raised:
        postgres.execute(call, (operation, level))
    assert raised.value.diag.message_primary == f"Failed to process the row: {reason}"
