"""A Supabase Auth for unit tests: signing keys, and the server of their JWKS."""

import base64
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ISSUER = "https://project.supabase.co/auth/v1"
USER = "7f3f3b4e-8f0a-4f6c-9b57-0c5a4f1f6a11"


@dataclass
class SigningKey:
    """A private key with its kid."""

    kid: str
    private: Any
    algorithm: str

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        made = jwt.get_algorithm_by_name(self.algorithm).to_jwk(self.private.public_key())
        return {**json.loads(made), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    @property
    def public_pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        return jwt.encode(claims, self.private, self.algorithm, headers={"kid": self.kid, **header})


def ec_key(kid: str = "ec-1") -> SigningKey:
    return SigningKey(kid, ec.generate_private_key(ec.SECP256R1()), "ES256")


def rsa_key(kid: str = "rsa-1") -> SigningKey:
    return SigningKey(kid, rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256")


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good access token; a change to `...` leaves one out."""
    good = {
        "sub": USER, "role": "authenticated", "aud": "authenticated", "iss": ISSUER, "email": "ann@example.com",
        "exp": int(time.time()) + 3600, "iat": int(time.time()), "session_id": str(uuid.uuid4()), "aal": "aal1",
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not ...}


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def raw_token(header: Any, payload: Any, signature: bytes = b"signature") -> str:
    """A token of whatever parts, not signed by anything."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload))
    return ".".join([*map(unpadded, parts), unpadded(signature)])


@dataclass
class JwksServer:
    """Serves the keys in `keys`, and counts how often."""

    keys: list[Any] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    before_answer: Callable[[], Any] = lambda: None
    fetches: int = 0
    url: str = ""


@contextmanager
def jwks_server(*keys: SigningKey) -> Iterator[JwksServer]:
    state = JwksServer([key.jwk for key in keys])
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                state.fetches += 1
            state.before_answer()
            body = state.body if state.body is not None else json.dumps({"keys": state.keys}).encode()
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
