"""The part of the stand-in for Supabase Auth that mails links: signing up, recovery, magic links, and what they open.

Statuses, codes and redirects are GoTrue's with the implicit flow: whoever opens a link gets the session in the fragment
of the address that they are sent to. Mails are put in a mailbox, not sent.
"""

import asyncio
import re
import secrets
import uuid
from collections.abc import Callable
from typing import Any, LiteralString
from urllib.parse import urlencode, urlsplit

import bcrypt
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from devstack import sessions
from devstack.auth_shapes import AuthError, Row, json_body, not_implemented, text, user_body
from devstack.mailbox import Mailbox
from devstack.sessions import Session

MIN_PASSWORD, MAX_PASSWORD_BYTES = 6, 72  # GoTrue's default; bcrypt's limit
LINK_LIFETIME = 3600  # seconds (GoTrue: mailer_otp_exp)
BETWEEN_MAILS = 1  # seconds to one user (as `supabase start` has it; a hosted project: 60)
EXPIRED = "Email link is invalid or has expired"
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")

#: What a link is for: which one-time token it carries, and the subject of its mail.
TYPES = {
    "signup": ("confirmation_token", "Confirm your address"),
    "recovery": ("recovery_token", "Choose a new password"),
    "magiclink": ("recovery_token", "Your link to sign in"),
}

#: What GoTrue verifies, too, and this does not.
UNKNOWN_TYPES = ("email", "invite", "email_change", "sms", "phone_change")
#: `error` of a redirect, by the status that the error would have as an answer.
OAUTH_ERRORS = {400: "invalid_request", 403: "access_denied", 500: "server_error"}

_MAKE_USER: LiteralString = """
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  confirmation_token, recovery_token, email_change, email_change_token_new
)
values (
  '00000000-0000-0000-0000-000000000000', %(id)s::uuid, 'authenticated', 'authenticated', %(email)s::text, %(hash)s,
  '{"provider": "email", "providers": ["email"]}',
  %(data)s || jsonb_build_object(
    'sub', %(id)s::uuid::text, 'email', %(email)s::text, 'email_verified', false, 'phone_verified', false
  ),
  now(), now(), '', '', '', ''
)
on conflict (email) where not is_sso_user do nothing
returning id
"""
_MAKE_IDENTITY: LiteralString = """
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
values (
  %(id)s::uuid::text, %(id)s::uuid,
  jsonb_build_object(
    'sub', %(id)s::uuid::text, 'email', %(email)s::text, 'email_verified', false, 'phone_verified', false
  ),
  'email', now(), now(), now()
)
"""
_KEEP_ONE_TIME: LiteralString = """
insert into auth.one_time_tokens as t (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
values (gen_random_uuid(), %s, %s::auth.one_time_token_type, %s, %s, now(), now())
on conflict (user_id, token_type) do update set token_hash = excluded.token_hash, created_at = now(), updated_at = now()
where t.created_at <= now() - make_interval(secs => %s)
returning id
"""
_USE_ONE_TIME: LiteralString = """
delete from auth.one_time_tokens
where token_type = %s::auth.one_time_token_type and token_hash = %s
returning user_id, created_at > now() - make_interval(secs => %s) as is_good
"""
_CONFIRM: LiteralString = """
update auth.users
set
  email_confirmed_at = coalesce(email_confirmed_at, now()),
  raw_user_meta_data = raw_user_meta_data || '{"email_verified": true}',
  updated_at = now()
where id = %s
"""

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


class AuthLinks:
    """The routes. `answer` makes the body of a session; `site_url` is where links may lead (GoTrue: SITE_URL)."""

    def __init__(
        self, pool: Pool, issuer: str, site_url: str, mailbox: Mailbox, answer: Callable[[Session], dict[str, Any]]
    ) -> None:
        self._pool, self._issuer, self._site, self._mailbox, self._answer = pool, issuer, site_url, mailbox, answer

    async def signup(self, request: Request) -> Response:
        """A new user, who is to confirm the address first. Tells nobody whether there is one already."""
        body = await self._body(request)
        email, password = self._email(body), text(body, "password")
        data = _metadata(body)
        if not password:
            raise AuthError(400, "validation_failed", "Signup requires a valid password")
        check_password(password)
        hashed = (await asyncio.to_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(10))).decode()
        user = await self._find_or_make(email, hashed, data)
        if user["email_confirmed_at"] is not None:
            return JSONResponse(_like_new(user, data))
        await self._mail(request, user, "signup")
        return JSONResponse(user_body(user))

    async def recover(self, request: Request) -> Response:
        """A link to choose a new password, if there is a user."""
        email = self._email(await self._body(request))
        await self._mail_if_known(request, email, "recovery")
        return JSONResponse({})

    async def otp(self, request: Request) -> Response:
        """A link to sign in with; where there is no user, one to sign up with, if the caller wants that."""
        body = await self._body(request)
        email, data = self._email(body), _metadata(body)
        async with self._pool.connection() as connection:
            user = await sessions.find_user_by_email(connection, email)
        if user is None and not body.get("create_user", True):
            raise AuthError(422, "otp_disabled", "Signups not allowed for otp")
        if user is None:
            user = await self._find_or_make(email, None, data)
        await self._mail(request, user, "signup" if user["email_confirmed_at"] is None else "magiclink")
        return JSONResponse({})

    async def resend(self, request: Request) -> Response:
        """The mail of a sign-up once more."""
        body = await self._body(request)
        if text(body, "type") != "signup":
            raise not_implemented(f"resending {text(body, 'type') or 'nothing'}")
        await self._mail_if_known(request, self._email(body), "signup")
        return JSONResponse({})

    async def verify(self, request: Request) -> Response:
        """GET: a link that somebody opened, which leads on to the app; POST: its token, for a session."""
        if request.method == "POST":
            body = await self._body(request)
            if text(body, "token"):
                raise not_implemented("verifying a code; a link's token_hash is")
            session = await self._use(request, text(body, "type"), text(body, "token_hash"))
            return JSONResponse(self._answer(session), headers={"Cache-Control": "no-store"})
        kind, token = request.query_params.get("type", ""), request.query_params.get("token", "")
        if not token:
            raise AuthError(400, "validation_failed", "Verify requires a token or a token hash")
        target = self._allowed(request.query_params.get("redirect_to"))
        try:
            answer = self._answer(await self._use(request, kind, token))
        except AuthError as error:
            if error.status not in OAUTH_ERRORS:
                raise
            told = {"error": OAUTH_ERRORS[error.status], "error_code": error.code, "error_description": error.message}
        else:
            names = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type")
            told = {**{name: answer[name] for name in names}, "type": kind}
        # `sb` says that it is Supabase Auth's.
        return RedirectResponse(f"{target}#{urlencode({**told, 'sb': ''})}", status_code=303)

    async def _body(self, request: Request) -> dict[str, Any]:
        body = await json_body(request)
        if text(body, "phone"):
            raise not_implemented("anything by phone")
        if body.get("code_challenge"):
            raise not_implemented("the PKCE flow")
        return body

    def _email(self, body: dict[str, Any]) -> str:
        email = text(body, "email").strip().lower()
        if not email or len(email) > 255 or not _EMAIL.fullmatch(email):
            raise AuthError(400, "validation_failed", "Unable to validate email address: invalid format")
        return email

    async def _find_or_make(self, email: str, password_hash: str | None, data: dict[str, Any]) -> Row:
        """Whoever has the address. An unconfirmed user keeps their password: nobody knows whose claim is right."""
        given = {"id": uuid.uuid4(), "email": email, "hash": password_hash, "data": Jsonb(data)}
        async with self._pool.connection() as connection, connection.transaction():
            made = await (await connection.execute(_MAKE_USER, given)).fetchone()
            if made:
                await connection.execute(_MAKE_IDENTITY, given)
            user = await sessions.find_user_by_email(connection, email)
        if user is None:
            raise AuthError(500, "unexpected_failure", "Database error saving new user")
        return user

    async def _mail_if_known(self, request: Request, email: str, kind: str) -> None:
        async with self._pool.connection() as connection:
            user = await sessions.find_user_by_email(connection, email)
        if user and not (kind == "signup" and user["email_confirmed_at"] is not None):
            await self._mail(request, user, kind)

    async def _mail(self, request: Request, user: Row, kind: str) -> None:
        token_type, subject = TYPES[kind]
        token = secrets.token_hex(28)
        async with self._pool.connection() as connection:
            given = (user["id"], token_type, token, user["email"], BETWEEN_MAILS)
            kept = await (await connection.execute(_KEEP_ONE_TIME, given)).fetchone()
        if kept is None:
            message = f"For security purposes, you can only request this after {BETWEEN_MAILS} seconds."
            raise AuthError(429, "over_email_send_rate_limit", message)
        target = self._allowed(request.query_params.get("redirect_to"))
        query = urlencode({"token": token, "type": kind, "redirect_to": target})
        self._mailbox.put(user["email"], subject, f"{self._issuer}/verify?{query}")

    def _allowed(self, redirect_to: str | None) -> str:
        """Where a link may lead: into the app, else to its start."""
        site, wanted = urlsplit(self._site), urlsplit(redirect_to or "")
        is_ours = (wanted.scheme, wanted.netloc) == (site.scheme, site.netloc) and "\\" not in (redirect_to or "")
        return (redirect_to or "").partition("#")[0] if is_ours else self._site

    async def _use(self, request: Request, kind: str, token: str) -> Session:
        if not kind:
            raise AuthError(400, "validation_failed", "Verify requires a verification type")
        if kind in UNKNOWN_TYPES:
            raise not_implemented(f"verifying the type {kind}")
        if kind not in TYPES:
            raise AuthError(400, "validation_failed", "Invalid email verification type")
        token_type, _ = TYPES[kind]
        async with self._pool.connection() as connection, connection.transaction():
            used = await (await connection.execute(_USE_ONE_TIME, (token_type, token, LINK_LIFETIME))).fetchone()
        if used is None or not used["is_good"]:
            raise AuthError(403, "otp_expired", EXPIRED)
        agent = request.headers.get("user-agent")
        async with self._pool.connection() as connection:
            await connection.execute(_CONFIRM, (used["user_id"],))  # who opens a link has the address
            user = await sessions.find_user(connection, used["user_id"])
            if user is None or sessions.is_banned(user):
                raise AuthError(403, "user_banned", "User is banned")
            return await sessions.open_session(connection, used["user_id"], agent, None)


def _metadata(body: dict[str, Any]) -> dict[str, Any]:
    data = body.get("data") or {}
    if not isinstance(data, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON: data must be an object")
    return data


def check_password(password: str) -> None:
    """Raises AuthError for one that is too short or too long."""
    if len(password.encode()) > MAX_PASSWORD_BYTES:
        message = f"Password cannot be longer than {MAX_PASSWORD_BYTES} characters"
        raise AuthError(400, "validation_failed", message)
    if len(password) < MIN_PASSWORD:
        message = f"Password should be at least {MIN_PASSWORD} characters."
        raise AuthError(422, "weak_password", message, weak_password={"reasons": ["length"]})


def _like_new(user: Row, data: dict[str, Any]) -> dict[str, Any]:
    """What a new user would get, for an address that has one: ids that are nobody's, and no identities."""
    body = user_body({**user, "id": uuid.uuid4(), "identities": [], "raw_user_meta_data": data})
    for known in ("email_confirmed_at", "confirmed_at", "last_sign_in_at"):
        body.pop(known, None)
    return body
