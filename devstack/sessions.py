"""Users, sessions and refresh tokens in schema `auth`, as Supabase Auth (GoTrue) keeps them."""

import datetime
import secrets
import string
import uuid
from dataclasses import dataclass
from enum import Enum
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

#: How long a refresh token that has been used may be used again (GoTrue's default), in seconds.
REUSE_INTERVAL = 10
TOKEN_ALPHABET = string.ascii_lowercase + string.digits

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]

USER: LiteralString = """
    select users.*, coalesce(
      (select jsonb_agg(to_jsonb(identities) order by identities.created_at)
       from auth.identities where identities.user_id = users.id), '[]'
    ) as identities
    from auth.users
"""


class Rotation(Enum):
    """Why a refresh token gave no session."""

    NOT_FOUND = "not found"
    NO_SESSION = "no session"
    EXPIRED = "session expired"
    BANNED = "user banned"
    ALREADY_USED = "already used"


@dataclass(frozen=True)
class Session:
    """An open session: its row in auth.sessions, its user, and the refresh token that continues it."""

    row: Row
    user: Row
    refresh_token: str


async def find_user_by_email(connection: Connection, email: str) -> Row | None:
    """The user who signs in with this address, in any spelling of its case."""
    query = USER + " where email = lower(%s) and not is_sso_user and deleted_at is null"
    return await (await connection.execute(query, (email,))).fetchone()


async def find_user(connection: Connection, user_id: uuid.UUID) -> Row | None:
    """A user by id."""
    return await (await connection.execute(USER + " where id = %s", (user_id,))).fetchone()


async def session_exists(connection: Connection, session_id: uuid.UUID) -> bool:
    """Whether the session is still open."""
    found = await connection.execute("select 1 from auth.sessions where id = %s", (session_id,))
    return await found.fetchone() is not None


async def open_session(connection: Connection, user_id: uuid.UUID, user_agent: str | None, ip: str | None) -> Session:
    """A new session with its first refresh token, and the user's `last_sign_in_at` set."""
    async with connection.transaction():
        opened = await connection.execute(
            """insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
               values (%s, %s, now(), now(), 'aal1', %s, %s::inet)
               returning *""",
            (uuid.uuid4(), user_id, user_agent, ip),
        )
        row = await opened.fetchone()
        await connection.execute(
            "update auth.users set last_sign_in_at = now(), updated_at = now() where id = %s", (user_id,)
        )
        user = await find_user(connection, user_id)
        if row is None or user is None:
            raise LookupError("the user was deleted while signing in")
        return Session(row, user, await _issue(connection, row, parent=None))


async def rotate(connection: Connection, refresh_token: str) -> Session | Rotation:
    """Exchanges a refresh token for the next one (GoTrue: RefreshTokenGrant).

    A token that was used before is accepted within REUSE_INTERVAL, or if it is the parent of the newest (the client
    did not get to save that); otherwise every token of its session is revoked.
    """
    async with connection.transaction():
        token = await _find_token(connection, refresh_token)
        if token is None:
            return Rotation.NOT_FOUND
        user = await find_user(connection, uuid.UUID(token["user_id"]))
        session = await _lock_session(connection, token["session_id"])
        if user is None or session is None:
            return Rotation.NO_SESSION
        if is_banned(user):
            return Rotation.BANNED
        if session["not_after"] is not None and session["not_after"] <= _now():
            return Rotation.EXPIRED
        token = await _find_token(connection, refresh_token)  # again, now that the session is locked
        if token is None:
            return Rotation.NOT_FOUND
        continued = await _continue(connection, session, token)
        if continued is None:
            await _revoke_all(connection, session["id"])
            return Rotation.ALREADY_USED
        await connection.execute(
            "update auth.sessions set refreshed_at = now() at time zone 'utc', updated_at = now() where id = %s",
            (session["id"],),
        )
        return Session(session, user, continued)


async def close_sessions(connection: Connection, user_id: uuid.UUID, session_id: uuid.UUID | None, scope: str) -> None:
    """Deletes the user's sessions with their refresh tokens: `local` this one, `others` all but it, `global` all."""
    everything: LiteralString = "delete from auth.sessions where user_id = %s"
    if session_id is None or scope == "global":
        await connection.execute(everything, (user_id,))
    elif scope == "local":
        await connection.execute(everything + " and id = %s", (user_id, session_id))
    else:
        await connection.execute(everything + " and id <> %s", (user_id, session_id))


async def update_user(
    connection: Connection, user_id: uuid.UUID, password_hash: str | None, data: dict[str, Any] | None
) -> Row | None:
    """Sets the password and merges user metadata (a null removes a key)."""
    data = data or {}
    removed = [key for key, value in data.items() if value is None]
    await connection.execute(
        """update auth.users
           set encrypted_password = coalesce(%s, encrypted_password),
             raw_user_meta_data = (coalesce(raw_user_meta_data, '{}') || %s) - %s::text[],
             updated_at = now()
           where id = %s""",
        (password_hash, Jsonb(data), removed, user_id),
    )
    return await find_user(connection, user_id)


def is_banned(user: Row) -> bool:
    """Whether the user may not sign in at present."""
    return user["banned_until"] is not None and user["banned_until"] > _now()


async def _continue(connection: Connection, session: Row, token: Row) -> str | None:
    """The refresh token that follows this one; None if this one may not be used any more."""
    if token["revoked"]:
        newest = await connection.execute(
            """select token, parent
               from auth.refresh_tokens
               where session_id = %s and not revoked
               order by id desc
               limit 1""",
            (session["id"],),
        )
        active = await newest.fetchone()
        if active is not None and active["parent"] == token["token"]:
            return str(active["token"])
        if _now() > token["updated_at"] + datetime.timedelta(seconds=REUSE_INTERVAL):
            return None
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s", (token["id"],)
    )
    return await _issue(connection, session, parent=token["token"])


async def _issue(connection: Connection, session: Row, parent: str | None) -> str:
    token = "".join(secrets.choice(TOKEN_ALPHABET) for _ in range(12))
    await connection.execute(
        """insert into auth.refresh_tokens
             (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
           values ('00000000-0000-0000-0000-000000000000', %s, %s, false, now(), now(), %s, %s)""",
        (token, str(session["user_id"]), parent, session["id"]),
    )
    return token


async def _find_token(connection: Connection, refresh_token: str) -> Row | None:
    found = await connection.execute("select * from auth.refresh_tokens where token = %s", (refresh_token,))
    return await found.fetchone()


async def _lock_session(connection: Connection, session_id: uuid.UUID | None) -> Row | None:
    found = await connection.execute("select * from auth.sessions where id = %s for update", (session_id,))
    return await found.fetchone()


async def _revoke_all(connection: Connection, session_id: uuid.UUID) -> None:
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where session_id = %s and not revoked",
        (session_id,),
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
