"""Sealed credentials: they open for whom they were sealed, unchanged, with a key of ours, and not otherwise."""

import base64
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.__main__ import main
from service.crypto import CannotOpen, Sealer, new_key

OLD, NEW = new_key(), new_key()
ORGANIZATION = "a0000000-0000-4000-8000-00000000000a"
OTHER = "b0000000-0000-4000-8000-00000000000b"


@pytest.fixture(scope="module")
def sealer() -> Sealer:
    return Sealer.from_base64([OLD])


@given(st.text(), st.text(), st.text())
def test_round_trip(secret: str, organization: str, field: str) -> None:
    sealer = Sealer.from_base64([OLD])
    sealed = sealer.seal(secret, organization, field)
    assert sealed.isascii()
    assert sealer.open(sealed, organization, field) == secret
    assert len(secret) < 5 or secret not in sealed


def test_the_same_secret_is_never_sealed_the_same(sealer: Sealer) -> None:
    assert len({sealer.seal("secret", ORGANIZATION, "api_key") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("organization", "field"),
    [
        (OTHER, "api_key"),
        (ORGANIZATION, "signing_secret"),
        (ORGANIZATION.upper(), "api_key"),
        ("", "api_key"),
        (ORGANIZATION, ""),
        (f"{ORGANIZATION}/api_key", ""),
        ("", f"{ORGANIZATION}/api_key"),
    ],
)
def test_moved_it_does_not_open(sealer: Sealer, organization: str, field: str) -> None:
    sealed = sealer.seal("secret", ORGANIZATION, "api_key")
    with pytest.raises(CannotOpen):
        sealer.open(sealed, organization, field)


@given(st.data())
def test_tampered_it_never_opens_to_something_else(data: st.DataObject) -> None:
    sealer = Sealer.from_base64([OLD])
    sealed = sealer.seal("the secret", ORGANIZATION, "api_key")
    at = data.draw(st.integers(0, len(sealed) - 1))
    cut = data.draw(st.integers(0, 3))
    changed = sealed[:at] + data.draw(st.text(max_size=3)) + sealed[at + cut :]
    try:
        opened = sealer.open(changed, ORGANIZATION, "api_key")
    except CannotOpen:
        opened = None
    # base64 has more than one spelling of the same bytes.
    assert opened in (None, "the secret")


@given(st.text() | st.text(alphabet="v1.ABCDabcd=-_").map(lambda text: "v1." + text))
def test_rubbish_cannot_be_opened(rubbish: str) -> None:
    with pytest.raises(CannotOpen):
        Sealer.from_base64([OLD]).open(rubbish, ORGANIZATION, "api_key")


def test_each_bit_of_the_box_counts(sealer: Sealer) -> None:
    version, key_id, encoded = sealer.seal("secret", ORGANIZATION, "api_key").split(".")
    box = base64.urlsafe_b64decode(encoded)
    for bit in range(len(box) * 8):
        flipped = bytearray(box)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            sealer.open(f"{version}.{key_id}.{base64.urlsafe_b64encode(flipped).decode()}", ORGANIZATION, "api_key")
    for length in range(len(box)):
        with pytest.raises(CannotOpen):
            sealer.open(f"v1.{key_id}.{base64.urlsafe_b64encode(box[:length]).decode()}", ORGANIZATION, "api_key")


def test_rotation(sealer: Sealer) -> None:
    """The first key seals, all of them open."""
    rotated = Sealer.from_base64([NEW, OLD])
    before = sealer.seal("secret", ORGANIZATION, "api_key")
    assert rotated.open(before, ORGANIZATION, "api_key") == "secret"
    assert sealer.is_current(before)
    assert not rotated.is_current(before)
    after = rotated.seal("secret", ORGANIZATION, "api_key")
    assert rotated.is_current(after)
    assert Sealer.from_base64([NEW]).open(after, ORGANIZATION, "api_key") == "secret"
    with pytest.raises(CannotOpen):
        sealer.open(after, ORGANIZATION, "api_key")
    with pytest.raises(CannotOpen):
        Sealer.from_base64([NEW]).open(before, ORGANIZATION, "api_key")


def test_the_same_key_twice_is_one_key() -> None:
    twice = Sealer.from_base64([OLD, OLD])
    assert twice.open(twice.seal("s", ORGANIZATION, "f"), ORGANIZATION, "f") == "s"


def test_the_error_says_nothing_about_the_value(sealer: Sealer) -> None:
    sealed = sealer.seal("the secret", ORGANIZATION, "api_key")
    with pytest.raises(CannotOpen) as error:
        sealer.open(sealed, OTHER, "api_key")
    assert sealed not in str(error.value)
    assert error.value.__cause__ is None
    assert OLD not in repr(sealer.__dict__)


def test_new_keys() -> None:
    assert len(base64.b64decode(new_key(), validate=True)) == 32
    assert new_key() != new_key()


def test_the_command_prints_a_key_and_needs_no_settings() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "new-key"], capture_output=True, text=True, env={}, check=True
    )
    assert len(base64.b64decode(done.stdout.strip(), validate=True)) == 32


@pytest.mark.parametrize("arguments", [[], ["what"], ["new-key", "twice"]])
def test_the_command_explains_itself(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "new-key" in said.err
    assert "reseal" in said.err


def test_resealing_without_settings_says_which_are_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "reseal"], capture_output=True, text=True, env={}, check=False
    )
    assert done.returncode == 2
    assert "SUPABASE_URL" in done.stderr
    assert "CREDENTIALS_KEYS" in done.stderr
    assert "Traceback" not in done.stderr
