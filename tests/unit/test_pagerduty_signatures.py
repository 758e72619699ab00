"""PagerDuty's signatures: made, checked, rotated, forged."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.pagerduty.signatures import sign, verify

BODY = b'{"event": {}}'
secrets = st.text(min_size=1, max_size=40)


def test_a_known_signature() -> None:
    expected = hmac.new(b"s3cret", BODY, hashlib.sha256).hexdigest()
    assert sign(BODY, "s3cret") == f"v1={expected}"
    assert verify(BODY, f"v1={expected}", ["s3cret"])


@settings(deadline=None)
@given(st.binary(), secrets)
def test_round_trip(body: bytes, secret: str) -> None:
    assert verify(body, sign(body, secret), [secret])


@settings(deadline=None)
@given(st.binary(min_size=1), secrets, st.data())
def test_one_changed_bit_fails(body: bytes, secret: str, data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 8 * len(body) - 1))
    tampered = bytearray(body)
    tampered[bit // 8] ^= 1 << bit % 8
    assert not verify(bytes(tampered), sign(body, secret), [secret])


@settings(deadline=None)
@given(st.binary(), secrets, st.data())
def test_one_changed_digit_fails(body: bytes, secret: str, data: st.DataObject) -> None:
    header = sign(body, secret)
    place = data.draw(st.integers(3, len(header) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789abcdef" if digit != header[place]]))
    assert not verify(body, header[:place] + other + header[place + 1 :], [secret])


@settings(deadline=None)
@given(st.binary(), secrets, secrets)
def test_another_secret_fails(body: bytes, secret: str, other: str) -> None:
    # HMAC pads its key with NUL bytes, so a secret and the same one followed by NULs are one.
    same = secret.encode().rstrip(b"\0") == other.encode().rstrip(b"\0")
    assert verify(body, sign(body, secret), [other]) is same


def test_while_a_secret_is_rotated_any_signature_matches_any_secret() -> None:
    header = f"{sign(BODY, 'old')},{sign(BODY, 'new')}"
    assert verify(BODY, header, ["new"])
    assert verify(BODY, header, ["old"])
    assert verify(BODY, sign(BODY, "old"), ["new", "old"])
    assert not verify(BODY, header, ["other"])


@pytest.mark.parametrize("form", ["  {0} , v2=abc", "v2={1},{0}", "{2}", "v1 = {1}", "v1=short,{0}", ",,{0},"])
def test_tolerated_forms(form: str) -> None:
    signature = sign(BODY, "s")
    digest = signature.removeprefix("v1=")
    assert verify(BODY, form.format(signature, digest, "v1=" + digest.upper()), ["s"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "v1=",
        "v1",
        "=",
        ",",
        "v1=é",
        "v1=\ud800",
        "v2={}",
        "v1={}0",
        "v11={}",
        "{}",
        "v1=v1={}",
        "v1=" + "\uff10" * 64,
    ],
)
def test_what_does_not_verify(header: str | None) -> None:
    digest = sign(BODY, "s").removeprefix("v1=")
    assert not verify(BODY, header.format(digest) if header else header, ["s"])


def test_no_secret_and_an_empty_secret_verify_nothing() -> None:
    assert not verify(BODY, sign(BODY, "s"), [])
    assert not verify(BODY, sign(BODY, ""), [""])


def test_twenty_signatures_are_looked_at() -> None:
    wrong = sign(BODY, "wrong")
    assert verify(BODY, ",".join([wrong] * 19 + [sign(BODY, "s")]), ["s"])
    assert not verify(BODY, ",".join([wrong] * 20 + [sign(BODY, "s")]), ["s"])


@settings(deadline=None)
@given(st.text(), secrets)
def test_any_header_is_answered(header: str, secret: str) -> None:
    assert not verify(BODY, header, [secret])
