"""The project's public keys: fetched once, renewed when it must be, kept through an outage."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from service.auth import InvalidToken, JwksCache, KeysUnavailable, TokenVerifier
from tests.unit.signing_keys import ISSUER, JwksServer, SigningKey, claims, ec_key, jwks_server, rsa_key, unpadded

FIRST, SECOND = ec_key("first"), ec_key("second")
DEEP = b"[" * 100_000 + b"]" * 100_000


@dataclass
class Clock:
    now: float = 1000.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[JwksServer]:
    with jwks_server(FIRST) as running:
        yield running


def cache_of(server: JwksServer, clock: Clock, **options: Any) -> JwksCache:
    return JwksCache(server.url, clock=clock, **options)


def test_keys_are_fetched_once_and_kept(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock)
    assert server.fetches == 0, "nothing is asked before it is needed"
    for _ in range(50):
        assert cache.get("first") is not None
    assert server.fetches == 1


def test_keys_are_renewed_when_old(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock, lifetime=600)
    assert cache.get("first") is not None
    server.keys[:] = [SECOND.jwk]
    clock.now += 599
    assert cache.get("first") is not None
    clock.now += 2
    assert cache.get("first") is None, "the project took it back"
    assert cache.get("second") is not None


def test_a_rotation_is_noticed_at_once(server: JwksServer, clock: Clock) -> None:
    verifier = TokenVerifier(cache_of(server, clock), ISSUER)
    verifier.verify(FIRST.sign(claims()))
    server.keys.insert(0, SECOND.jwk)
    verifier.verify(SECOND.sign(claims()))
    verifier.verify(FIRST.sign(claims()))
    assert server.fetches == 2


def together(cache: JwksCache, kids: list[str]) -> list[Any]:
    """Asks for all kids at the same moment; an exception is an answer, too."""
    barrier = threading.Barrier(len(kids))

    def ask(kid: str) -> Any:
        barrier.wait()
        try:
            return cache.get(kid)
        except KeysUnavailable as error:
            return error

    with ThreadPoolExecutor(len(kids)) as pool:
        return list(pool.map(ask, kids))


def answer_slowly(server: JwksServer) -> None:
    """Holds the JWKS back for long enough that every thread has asked."""
    never = threading.Event()
    server.before_answer = lambda: never.wait(0.5)


@pytest.mark.parametrize("kid", ["second", "unknown"])
def test_no_stampede(server: JwksServer, clock: Clock, kid: str) -> None:
    cache = cache_of(server, clock)
    cache.get("first")
    server.keys.append(SECOND.jwk)
    answer_slowly(server)
    found = together(cache, [kid] * 30)
    assert [one is not None for one in found] == [kid == "second"] * 30
    assert server.fetches == 2


def test_no_stampede_at_the_start(server: JwksServer, clock: Clock) -> None:
    answer_slowly(server)
    assert all(together(cache_of(server, clock), ["first"] * 30))
    assert server.fetches == 1


def test_no_stampede_on_a_broken_server(server: JwksServer, clock: Clock) -> None:
    """Those who waited share the failure: they do not try one after the other."""
    server.status = 503
    answer_slowly(server)
    found = together(cache_of(server, clock), ["first"] * 30)
    assert {type(one) for one in found} == {KeysUnavailable}
    assert server.fetches == 1


def test_old_keys_are_renewed_by_one_while_the_others_go_on(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock)
    cache.get("first")
    clock.now += 10_000
    answer_slowly(server)
    assert all(together(cache, ["first"] * 30))
    assert server.fetches == 2


def test_made_up_kids_flood_nobody(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock, budget=5, window=30)
    for number in range(500):
        assert cache.get(f"made-up-{number}") is None
        assert cache.get("first") is not None
    assert server.fetches == 5
    clock.now += 30
    assert cache.get("made-up") is None
    assert server.fetches == 6
    server.keys.append(SECOND.jwk)
    assert cache.get("second") is not None, "and a rotation comes through, once the flood has ebbed"


def test_known_keys_outlive_an_outage(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock, lifetime=600)
    cache.get("first")
    none_usable = b'{"keys": [{"kid": "a", "kty": []}, {"kid": "first", "kty": "EC", "x": 5}]}'
    nonsense = (b"<html>", b'{"keys": 7}', b"[]", b"{}", DEEP, none_usable)
    for trouble in ((500, None), *((200, body) for body in nonsense)):
        server.status, server.body = trouble
        clock.now += 3600
        for _ in range(20):
            assert cache.get("first") is not None
        with pytest.raises(KeysUnavailable):
            cache.get("unknown")  # it may be the newest
    server.status, server.body = 200, None
    server.keys.append(SECOND.jwk)
    clock.now += 3600
    assert cache.get("second") is not None
    assert cache.get("unknown") is None


def test_keys_that_the_project_has_no_more_are_good_no_more(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock, lifetime=600)
    cache.get("first")
    server.keys.clear()
    clock.now += 3600
    assert cache.get("first") is None


def test_known_keys_outlive_a_server_that_is_gone(clock: Clock) -> None:
    with jwks_server(FIRST) as server:
        cache = cache_of(server, clock)
        cache.get("first")
    clock.now += 3600
    assert cache.get("first") is not None


def test_without_ever_having_had_keys_they_are_unavailable(clock: Clock) -> None:
    cache = JwksCache("http://127.0.0.1:9/jwks.json", clock=clock)
    for _ in range(10):
        with pytest.raises(KeysUnavailable):
            cache.get("first")


@pytest.mark.parametrize("body", [DEEP, b'{"keys": ' + DEEP + b"}", b"[]", b"null", b"<html>"], ids=range(5))
def test_nonsense_in_the_place_of_keys_leaves_them_unavailable(server: JwksServer, clock: Clock, body: bytes) -> None:
    server.body = body
    with pytest.raises(KeysUnavailable):
        cache_of(server, clock).get("first")


def test_it_recovers_when_the_server_comes(server: JwksServer, clock: Clock) -> None:
    cache = cache_of(server, clock)
    server.status = 503
    with pytest.raises(KeysUnavailable):
        cache.get("first")
    server.status = 200
    assert cache.get("first") is not None


def test_one_bad_key_does_not_spoil_the_others(server: JwksServer, clock: Clock) -> None:
    server.keys[:0] = [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "damaged"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA", "kid": "of the future"},
        {"kty": "RSA", "kid": "no modulus"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "another kind"},
        {"kid": "no type"},
        {"kty": "oct", "k": unpadded(b"x" * 32), "kid": "secret", "alg": "HS256"},
        {**SECOND.jwk, "use": "enc"},
        {name: value for name, value in SECOND.jwk.items() if name != "kid"},
        {**SECOND.jwk, "kid": 7},
        {**SECOND.jwk, "kid": []},
        {**SECOND.jwk, "kty": ["EC"], "kid": "types"},
        "no object",
    ]
    cache = cache_of(server, clock)
    assert cache.get("first") is not None
    for kid in ("damaged", "of the future", "no modulus", "another kind", "secret", "second", "7", "types"):
        assert cache.get(kid) is None


def test_keys_of_both_kinds_and_without_optional_members(server: JwksServer, clock: Clock) -> None:
    key = rsa_key("rsa")
    server.keys[:] = [{name: value for name, value in key.jwk.items() if name not in ("alg", "use", "key_ops")}]
    TokenVerifier(cache_of(server, clock), ISSUER).verify(key.sign(claims()))


def test_a_key_of_another_curve_verifies_nothing(server: JwksServer, clock: Clock) -> None:
    other = SigningKey("p-384", ec.generate_private_key(ec.SECP384R1()), "ES384")
    server.keys.append({**other.jwk, "alg": "ES256"})
    verifier = TokenVerifier(cache_of(server, clock), ISSUER)
    verifier.verify(FIRST.sign(claims()))
    for algorithm in ("ES256", "ES384"):
        token = FIRST.sign(claims(), kid="p-384") if algorithm == "ES256" else other.sign(claims())
        with pytest.raises(InvalidToken):
            verifier.verify(token)


def test_redirects_are_not_followed(clock: Clock) -> None:
    """A JWKS comes from the project's own address, or not at all."""
    answers = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": "https://evil.example/"}))
    cache = JwksCache("https://project.supabase.co/jwks.json", clock=clock, client=httpx.Client(transport=answers))
    with pytest.raises(KeysUnavailable):
        cache.get("first")
