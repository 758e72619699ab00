"""The official clients against the whole stack: `supabase` for Python, and `@supabase/supabase-js` on Node."""

import asyncio
import json
import subprocess
from typing import Any, cast

import pytest
from postgrest import CountMethod
from realtime.types import RealtimeSubscribeStates
from supabase import AsyncClient, PostgrestAPIError, acreate_client, create_client
from supabase_auth.errors import AuthApiError
from supabase_auth.types import SignInWithEmailAndPasswordCredentials

from tests.devstack.gateway_fixtures import PASSWORD, Gateway
from tests.devstack.node_client import node_command

EMAIL = "anna@example.com"
#: Options of channels; the client's types ask for more than it needs.
PRIVATE: Any = {"config": {"private": True}}
ROOM: Any = {"config": {"broadcast": {"self": True, "ack": True}, "private": False}}
SIGN_IN: SignInWithEmailAndPasswordCredentials = {"email": EMAIL, "password": PASSWORD}


@pytest.mark.parametrize("key", ["publishable_key", "anon_jwt"])
def test_python_signs_in_reads_refreshes_and_signs_out(gateway: Gateway, key: str) -> None:
    client = create_client(gateway.url, getattr(gateway.keys, key))
    with pytest.raises(AuthApiError) as wrong:
        client.auth.sign_in_with_password({"email": EMAIL, "password": "wrong"})
    assert wrong.value.code == "invalid_credentials"
    signed_in = client.auth.sign_in_with_password(SIGN_IN)
    assert signed_in.session is not None
    assert signed_in.user is not None
    found = client.auth.get_user()
    assert found is not None
    assert found.user.email == EMAIL

    made = client.table("notes").insert({"body": "from python"}).execute()
    [row] = cast("list[dict[str, Any]]", made.data)
    note = row["id"]
    read = client.table("notes").select("body,owner", count=CountMethod.exact).eq("id", note).execute()
    assert (read.data, read.count) == ([{"body": "from python", "owner": signed_in.user.id}], 1)
    client.table("notes").delete().eq("id", note).execute()

    refreshed = client.auth.refresh_session()
    assert refreshed.session is not None
    assert refreshed.session.refresh_token != signed_in.session.refresh_token
    client.auth.sign_out()
    with pytest.raises(AuthApiError) as signed_out:
        client.auth.get_user(refreshed.session.access_token)
    assert signed_out.value.code == "session_not_found"


def test_python_as_the_service_role_and_as_nobody(gateway: Gateway) -> None:
    gateway.database.execute("grant all on public.notes to service_role")
    service = create_client(gateway.url, gateway.keys.secret_key)
    assert isinstance(service.table("notes").select("*").execute().data, list)
    with pytest.raises(PostgrestAPIError) as refused:
        create_client(gateway.url, gateway.keys.publishable_key).table("notes").select("*").execute()
    assert refused.value.code == "42501"


class Heard:
    """Collects what a channel hears, and waits for it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Any] = asyncio.Queue()

    def __call__(self, payload: Any, *_: Any) -> None:
        self._queue.put_nowait(payload)

    async def next(self) -> Any:
        return await asyncio.wait_for(self._queue.get(), 10)


async def _realtime(gateway: Gateway) -> None:
    client: AsyncClient = await acreate_client(gateway.url, gateway.keys.publishable_key)
    signed_in = await client.auth.sign_in_with_password(SIGN_IN)
    assert signed_in.session is not None
    assert signed_in.user is not None
    await client.realtime.set_auth(signed_in.session.access_token)
    topic = f"user:{signed_in.user.id}"

    heard, states = Heard(), Heard()
    channel = client.channel(topic, PRIVATE)
    await channel.on_broadcast("notification", heard).subscribe(lambda state, error: states(state))
    assert await states.next() == RealtimeSubscribeStates.SUBSCRIBED
    gateway.database.send(topic, "notification", '{"title": "hello"}')
    assert (await heard.next())["payload"]["title"] == "hello"

    refusals = Heard()
    secret = client.channel("secret", PRIVATE)
    await secret.subscribe(lambda state, error: refusals((state, str(error))))
    state, error = await refusals.next()
    assert state == RealtimeSubscribeStates.CHANNEL_ERROR
    assert "You do not have permissions to read from this Channel topic: secret" in error
    await client.remove_channel(secret)

    refreshed = await client.auth.refresh_session()
    assert refreshed.session is not None
    await client.realtime.set_auth(refreshed.session.access_token)
    gateway.database.send(topic, "notification", '{"title": "after the refresh"}')
    assert (await heard.next())["payload"]["title"] == "after the refresh"

    public = client.channel("room:python", ROOM)
    await public.on_broadcast("hi", heard).subscribe()
    await public.send_broadcast("hi", {"n": 1})
    assert (await heard.next())["payload"] == {"n": 1}
    await public.http_send("hi", {"n": 2})
    assert (await heard.next())["payload"] == {"n": 2}

    await client.realtime.set_auth("not a token")
    assert await states.next() == RealtimeSubscribeStates.CHANNEL_ERROR, "the server closed the channel"
    await client.remove_all_channels()


def test_python_listens(gateway: Gateway) -> None:
    asyncio.run(_realtime(gateway))


def drive_node(gateway: Gateway) -> dict[str, Any]:
    """Runs the script, sends the broadcasts that it asks for, and answers what it saw."""
    command = node_command("supabase_js.cjs", gateway.url, gateway.keys.publishable_key, EMAIL, PASSWORD)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                said = json.loads(line)
                if "seen" in said:
                    seen: dict[str, Any] = said["seen"]
                    return seen
                wanted = said["send"]
                gateway.database.send(wanted["topic"], wanted["event"], json.dumps(wanted["payload"]))
            raise AssertionError(process.stderr.read())
        finally:
            process.kill()


def test_supabase_js_does_it_all(gateway: Gateway) -> None:
    seen = drive_node(gateway)
    user = seen["user"]
    assert seen["wrong"] == "invalid_credentials"
    assert seen["sameUser"] is True
    assert seen["claims"] == user
    assert seen["notes"] == {"data": [{"body": "changed", "owner": user}], "count": 1}
    assert seen["missing"] == "PGRST205"
    assert seen["joined"] == {"status": "SUBSCRIBED", "message": None}
    assert seen["broadcast"]["event"] == "notification"
    assert seen["broadcast"]["payload"]["title"] == "hello"
    assert seen["broadcast"]["meta"]["id"] == seen["broadcast"]["payload"]["id"]
    assert seen["refused"]["status"] == "CHANNEL_ERROR"
    assert "You do not have permissions to read" in seen["refused"]["message"]
    assert seen["afterRefresh"] == 2
    assert seen["publicJoins"] == ["SUBSCRIBED", "SUBSCRIBED"]
    assert seen["acknowledged"] == "ok"
    assert seen["heard"] == {"from": "node"}
    assert seen["byHttp"] == {"n": 3}
    assert seen["rotated"] is True
    assert seen["signOut"] is None
    assert seen["afterSignOut"] == "AuthSessionMissingError", "what it makes of session_not_found"
    assert seen["anonymous"] == "42501"
