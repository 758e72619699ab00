"""The command that seals every stored credential anew, against the running product."""

import os
import subprocess
import sys
from typing import Any

import pytest

from devstack import pagerduty
from devstack.stack import ROOT, Stack
from service.crypto import CannotOpen, Sealer, new_key
from tests.world import Organization, World, v3

COLUMNS = {"api_key": "api_key", "signing_secret": "signing_secret", "previous_signing_secret": "signing_secret"}
PLAIN = {
    "api_key": pagerduty.FULL_ACCESS_KEY,
    "signing_secret": "the-second-secret",
    "previous_signing_secret": "the-first-secret",
}


def reseal(stack: Stack, keys: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **stack.service_environment(), "CREDENTIALS_KEYS": keys, **changes}
    command = [sys.executable, "-m", "service", "reseal"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def stored(world: World, organization: Organization) -> dict[str, str]:
    with world.database() as connection:
        row = connection.execute(
            f"select {', '.join(COLUMNS)} from pagerduty.credentials where organization_id = %s",
            (organization.id,),
        ).fetchone()
    assert row is not None
    return dict(zip(COLUMNS, row, strict=True))


def save(organization: Organization, **secrets: Any) -> None:
    assert organization.owner.api.post("/api/integrations/pagerduty", json=secrets).status_code == 200


@pytest.fixture
def old_key(stack: Stack) -> str:
    """The running service's. What other tests left unreadable on purpose must not count here."""
    return stack.service_environment()["CREDENTIALS_KEYS"]


@pytest.fixture(autouse=True)
def alone(world: World) -> None:
    with world.database() as connection:
        connection.execute("delete from pagerduty.credentials")


def test_a_rotation_from_end_to_end(
    stack: Stack, world: World, acme: Organization, globex: Organization, old_key: str
) -> None:
    save(acme, signing_secret=PLAIN["previous_signing_secret"], api_key=PLAIN["api_key"])
    save(acme, signing_secret=PLAIN["signing_secret"])
    save(globex, api_key=PLAIN["api_key"])
    before, new = stored(world, acme), new_key()

    done = reseal(stack, f"{new},{old_key}")

    assert done.returncode == 0, done.stderr
    assert "4 sealed anew" in done.stdout
    after = stored(world, acme)
    only_new, only_old = Sealer.from_base64([new]), Sealer.from_base64([old_key])
    for column, field in COLUMNS.items():
        assert after[column] != before[column]
        assert only_new.open(after[column], acme.id, field) == PLAIN[column]
        assert only_new.is_current(after[column])
        with pytest.raises(CannotOpen):
            only_old.open(after[column], acme.id, field)
    for plain in (*PLAIN.values(), *before.values(), *after.values(), new, old_key):
        assert plain not in done.stdout + done.stderr

    again = reseal(stack, f"{new},{old_key}")
    assert (again.returncode, again.stdout.startswith("0 sealed anew")) == (0, True)
    assert stored(world, acme) == after
    # And back, so that the running service, which has the old key alone, reads them again.
    back = reseal(stack, f"{old_key},{new}")
    assert back.returncode == 0
    assert acme.send(v3(), secret=PLAIN["signing_secret"]).status_code == 202
    assert acme.send(v3(), secret=PLAIN["previous_signing_secret"]).status_code == 202
    found = acme.owner.api.post("/api/integrations/pagerduty/test", json={}).json()
    assert found["status"] == "valid"


def test_a_damaged_one_is_reported_and_the_others_are_done(
    stack: Stack, world: World, acme: Organization, globex: Organization, old_key: str
) -> None:
    save(acme, api_key=PLAIN["api_key"], signing_secret=PLAIN["signing_secret"])
    save(globex, api_key=PLAIN["api_key"])
    with world.database() as connection:
        connection.execute(
            "update pagerduty.credentials set api_key = left(api_key, -8) where organization_id = %s", (acme.id,)
        )
    damaged, new = stored(world, acme), new_key()

    done = reseal(stack, f"{new},{old_key}")

    assert done.returncode == 1
    assert "2 sealed anew" in done.stdout
    assert "1 failed" in done.stdout
    assert acme.id in done.stderr
    assert "api_key" in done.stderr
    assert globex.id not in done.stderr
    assert "Traceback" not in done.stderr
    after = stored(world, acme)
    assert after["api_key"] == damaged["api_key"], "what cannot be read is left as it is"
    assert Sealer.from_base64([new]).open(after["signing_secret"], acme.id, "signing_secret") == PLAIN["signing_secret"]
    assert reseal(stack, f"{old_key},{new}").returncode == 0, "sealed with the first key again, it does not even look"


def test_a_key_that_is_missing_is_reported(stack: Stack, world: World, acme: Organization) -> None:
    save(acme, api_key=PLAIN["api_key"])
    before = stored(world, acme)
    done = reseal(stack, new_key())
    assert done.returncode == 1
    assert acme.id in done.stderr
    assert stored(world, acme) == before


def test_a_database_that_is_gone_is_one_clear_sentence(stack: Stack) -> None:
    done = reseal(stack, new_key(), SUPABASE_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "reached" in done.stderr


def test_more_than_a_page(stack: Stack, world: World, old_key: str) -> None:
    """More organizations than one page holds: each is done, and once."""
    sealer, new = Sealer.from_base64([old_key]), new_key()
    with world.database() as connection:
        ids = [
            str(row[0])
            for row in connection.execute(
                "insert into pagerduty.organizations (name) select 'P' || n from generate_series(1, 210) n returning id"
            )
        ]
        connection.execute("insert into pagerduty.integrations (organization_id) select unnest(%s::uuid[])", (ids,))
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into pagerduty.credentials (organization_id, api_key) values (%s, %s)",
                [(one, sealer.seal("a key", one, "api_key")) for one in ids],
            )
    done = reseal(stack, f"{new},{old_key}")
    assert (done.returncode, done.stdout.startswith("210 sealed anew")) == (0, True), done.stdout + done.stderr
    with world.database() as connection:
        rows = connection.execute("select organization_id, api_key from pagerduty.credentials").fetchall()
        connection.execute("delete from pagerduty.organizations where id = any(%s)", (ids,))
    opener = Sealer.from_base64([new])
    assert {opener.open(row[1], str(row[0]), "api_key") for row in rows} == {"a key"}
