"""The stand-in for Supabase Auth (GoTrue): sign in by password, refresh, the user, sign out, JWKS; links by mail.

Its shapes, statuses and error codes are GoTrue's; whatever else GoTrue can do answers 501 and says so.
"""

import asyncio
import contextlib
import functools
import ipaddress
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import bcrypt
import jwt
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from devstack import sessions
from devstack.auth_links import MAX_PASSWORD_BYTES, AuthLinks, check_password
from devstack.auth_shapes import AuthError, Row, endpoint, json_body, not_implemented, text, user_body
from devstack.keys import Keys
from devstack.mailbox import Mailbox
from devstack.sessions import Rotation, Session

INVALID_LOGIN = "Invalid login credentials"
UNKNOWN_GRANTS = ("id_token", "pkce", "web3")  # GoTrue has them, this has not

ROTATION_ERRORS = {
    Rotation.NOT_FOUND: ("refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found"),
    Rotation.NO_SESSION: ("session_not_found", "Invalid Refresh Token: No Valid Session Found"),
    Rotation.EXPIRED: ("session_expired", "Invalid Refresh Token: Session Expired"),
    Rotation.BANNED: ("user_banned", "Invalid Refresh Token: User Banned"),
    Rotation.ALREADY_USED: ("refresh_token_already_used", "Invalid Refresh Token: Already Used"),
}

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


def create_app(
    dsn: str,
    keys: Keys,
    issuer: str,
    access_token_lifetime: int = 3600,
    *,
    site_url: str = "http://localhost:3000",
    mailbox: Mailbox | None = None,
) -> Starlette:
    """The app to be mounted at `/auth/v1`.

    `dsn` is supabase_auth_admin's, `issuer` becomes the tokens' `iss`, the lifetime is in seconds, `site_url` is where
    mailed links may lead. The app's lifespan opens its connections.
    """
    pool: Pool = AsyncConnectionPool(
        dsn,
        min_size=1,
        max_size=6,
        open=False,
        timeout=5,
        check=AsyncConnectionPool.check_connection,  # one from before a restart of PostgreSQL is replaced
        connection_class=AsyncConnection[DictRow],
        kwargs={"autocommit": True, "row_factory": dict_row},
        name="auth",
    )
    api = AuthApi(pool, keys, issuer, access_token_lifetime)

    links = AuthLinks(
        pool,
        issuer,
        site_url,
        mailbox or Mailbox(),
        lambda session: session_body(session, keys, issuer, access_token_lifetime),
    )

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    routes = [
        Route("/token", endpoint(api.token), methods=["POST"]),
        Route("/user", endpoint(api.get_user), methods=["GET"]),
        Route("/user", endpoint(api.put_user), methods=["PUT"]),
        Route("/logout", endpoint(api.logout), methods=["POST"]),
        Route("/signup", endpoint(links.signup), methods=["POST"]),
        Route("/recover", endpoint(links.recover), methods=["POST"]),
        Route("/otp", endpoint(links.otp), methods=["POST"]),
        Route("/resend", endpoint(links.resend), methods=["POST"]),
        Route("/verify", endpoint(links.verify), methods=["GET", "POST"]),
        Route("/.well-known/jwks.json", endpoint(api.jwks), methods=["GET"]),
        Route("/settings", endpoint(api.settings), methods=["GET"]),
        Route("/health", endpoint(api.health), methods=["GET"]),
        Route("/{path:path}", endpoint(_unsupported), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.pool = pool
    return app


class AuthApi:
    """The routes."""

    def __init__(self, pool: Pool, keys: Keys, issuer: str, lifetime: int) -> None:
        self._pool, self._keys, self._issuer, self._lifetime = pool, keys, issuer, lifetime

    async def token(self, request: Request) -> Response:
        """`grant_type=password` or `refresh_token`: opens or continues a session."""
        grant = request.query_params.get("grant_type")
        if grant == "password":
            session = await self._sign_in(request)
        elif grant == "refresh_token":
            session = await self._refresh(request)
        elif grant in UNKNOWN_GRANTS:
            raise not_implemented(f"grant_type={grant}")
        else:
            raise AuthError(400, "invalid_credentials", "unsupported_grant_type")
        body = session_body(session, self._keys, self._issuer, self._lifetime)
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def get_user(self, request: Request) -> Response:
        """Whose token it is."""
        user, _ = await self._authenticate(request)
        return JSONResponse(user_body(user))

    async def put_user(self, request: Request) -> Response:
        """A new password, new user metadata; a new password ends the user's other sessions."""
        user, session_id = await self._authenticate(request)
        body = await json_body(request)
        for field in ("email", "phone", "app_metadata", "nonce", "current_password"):
            if body.get(field):
                raise not_implemented(f"changing {field}")
        password, data = text(body, "password"), body.get("data")
        if data is not None and not isinstance(data, dict):
            raise AuthError(400, "bad_json", "Could not parse request body as JSON: data must be an object")
        hashed = await self._new_hash(user, password) if password else None
        async with self._pool.connection() as connection, connection.transaction():
            updated = await sessions.update_user(connection, user["id"], hashed, data)
            if hashed:
                await sessions.close_sessions(connection, user["id"], session_id, "others")
        return JSONResponse(user_body(updated or user))

    async def logout(self, request: Request) -> Response:
        """Ends sessions; `scope` is `global` (the default), `local` or `others`."""
        scope = request.query_params.get("scope") or "global"
        user, session_id = await self._authenticate(request)
        if scope not in ("global", "local", "others"):
            raise AuthError(400, "validation_failed", f'Unsupported logout scope "{scope}"')
        async with self._pool.connection() as connection:
            await sessions.close_sessions(connection, user["id"], session_id, scope)
        return Response(status_code=204)

    async def jwks(self, request: Request) -> Response:
        """The public keys."""
        return JSONResponse(self._keys.jwks(), headers={"Cache-Control": "public, max-age=600"})

    async def settings(self, request: Request) -> Response:
        """What this project allows: e-mail and password, signing up, and links by mail."""
        return JSONResponse(
            {
                "external": {"anonymous_users": False, "email": True, "phone": False},
                "disable_signup": False,
                "mailer_autoconfirm": False,
                "phone_autoconfirm": False,
                "sms_provider": "",
                "saml_enabled": False,
                "passkeys_enabled": False,
            }
        )

    async def health(self, request: Request) -> Response:
        """That it is alive."""
        description = "A stand-in for GoTrue, a user registration and authentication API"
        return JSONResponse({"version": "local", "name": "GoTrue", "description": description})

    async def _sign_in(self, request: Request) -> Session:
        body = await json_body(request)
        email, password = text(body, "email"), text(body, "password")
        if text(body, "phone"):
            raise not_implemented("signing in by phone")
        if not email:
            raise AuthError(400, "validation_failed", "missing email or phone")
        async with self._pool.connection() as connection:
            user = await sessions.find_user_by_email(connection, email)
        stored = user["encrypted_password"] if user else None
        # Without a user a hash is compared too, so that the time taken tells nobody who exists.
        matches = await asyncio.to_thread(_matches, password, stored or _hash_of_nothing())
        if user is None or not stored or not matches:
            raise AuthError(400, "invalid_credentials", INVALID_LOGIN)
        if sessions.is_banned(user):
            raise AuthError(400, "user_banned", "User is banned")
        if user["email_confirmed_at"] is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        agent = request.headers.get("user-agent")
        async with self._pool.connection() as connection:
            return await sessions.open_session(connection, user["id"], agent, _client_ip(request))

    async def _refresh(self, request: Request) -> Session:
        refresh_token = text(await json_body(request), "refresh_token")
        if not refresh_token:
            raise AuthError(400, "validation_failed", "refresh_token required")
        async with self._pool.connection() as connection:
            rotated = await sessions.rotate(connection, refresh_token)
        if isinstance(rotated, Rotation):
            raise AuthError(400, *ROTATION_ERRORS[rotated])
        return rotated

    async def _authenticate(self, request: Request) -> tuple[Row, uuid.UUID | None]:
        """The user and session of the bearer token (GoTrue: requireAuthentication)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AuthError(401, "no_authorization", "This endpoint requires a valid Bearer token")
        try:
            claims = self._keys.verify(token.strip())
        except jwt.InvalidTokenError as error:
            message = f"invalid JWT: unable to parse or verify signature, {_go_wording(error)}"
            raise AuthError(403, "bad_jwt", message) from error
        if not claims.get("sub"):
            raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
        user_id = _uuid(claims["sub"])
        if user_id is None:
            raise AuthError(400, "bad_jwt", "invalid claim: sub claim must be a UUID")
        session_id = _uuid(claims["session_id"]) if claims.get("session_id") else None
        if claims.get("session_id") and session_id is None:
            raise AuthError(403, "bad_jwt", "invalid claim: session_id claim must be a UUID")
        async with self._pool.connection() as connection:
            user = await sessions.find_user(connection, user_id)
            if user is None:
                raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
            if session_id is not None and not await sessions.session_exists(connection, session_id):
                message = "Session from session_id claim in JWT does not exist"
                raise AuthError(403, "session_not_found", message)
        if sessions.is_banned(user):
            raise AuthError(403, "user_banned", "User is banned")
        return user, session_id

    async def _new_hash(self, user: Row, password: str) -> str:
        check_password(password)
        if user["encrypted_password"] and await asyncio.to_thread(_matches, password, user["encrypted_password"]):
            raise AuthError(422, "same_password", "New password should be different from the old password.")
        return (await asyncio.to_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(10))).decode()


def session_body(session: Session, keys: Keys, issuer: str, lifetime: int) -> dict[str, Any]:
    """A session as a client gets it: the user, a refresh token, and an access token for so many seconds."""
    now = int(time.time())
    user = session.user
    claims = {
        "iss": issuer,
        "sub": str(user["id"]),
        "aud": user["aud"] or "authenticated",
        "exp": now + lifetime,
        "iat": now,
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "role": user["role"] or "authenticated",
        "aal": session.row["aal"] or "aal1",
        "amr": [{"method": "password", "timestamp": int(session.row["created_at"].timestamp())}],
        "session_id": str(session.row["id"]),
        "is_anonymous": user["is_anonymous"],
    }
    return {
        "access_token": keys.sign(claims),
        "token_type": "bearer",
        "expires_in": lifetime,
        "expires_at": now + lifetime,
        "refresh_token": session.refresh_token,
        "user": user_body(user),
    }


async def _unsupported(request: Request) -> Response:
    raise not_implemented(f"{request.method} {request.url.path}")


@functools.cache
def _hash_of_nothing() -> str:
    return bcrypt.hashpw(uuid.uuid4().hex.encode(), bcrypt.gensalt(10)).decode()


def _matches(password: str, hashed: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode()[:MAX_PASSWORD_BYTES], hashed.encode())
    except ValueError:  # a hash that is not bcrypt's
        return False


def _uuid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return None


def _client_ip(request: Request) -> str | None:
    try:
        return str(ipaddress.ip_address(request.client.host)) if request.client else None
    except ValueError:
        return None


def _go_wording(error: jwt.InvalidTokenError) -> str:
    if isinstance(error, jwt.ExpiredSignatureError):
        return "token has invalid claims: token is expired"
    if isinstance(error, jwt.InvalidSignatureError):
        return "token signature is invalid"
    return str(error)
