"""Settings: what is missing or wrong is said by name at the start, and no value is ever repeated."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from service import create_app
from service.config import ConfigError, Settings, load_settings
from service.crypto import new_key

GOOD_KEY = "rqQaIpPWhsaqBpe4guxkIIFwZ2XB5/5zp/3LFqxB4L8="
GOOD = {
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_abc",
    "SUPABASE_SECRET_KEY": "sb_secret_abc",
    "CREDENTIALS_KEYS": GOOD_KEY,
}
EVERY = [name.upper() for name in Settings.model_fields]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only the settings of GOOD."""
    for name in EVERY:
        monkeypatch.delenv(name, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def complaint() -> str:
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert error.value.__cause__ is None
    return str(error.value)


def test_defaults(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.issuer == "https://project.supabase.co/auth/v1"
    assert settings.public_url == "http://localhost:3000"
    assert settings.log_level == "info"
    assert settings.supabase_jwt_secret is None
    assert settings.pagerduty_api_urls == {"us": "https://api.pagerduty.com", "eu": "https://api.eu.pagerduty.com"}
    assert settings.demo_people == ()


@pytest.mark.parametrize("name", GOOD)
def test_what_is_missing_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    said = complaint()
    assert name in said
    assert [line for line in EVERY if f"  {line}:" in said] == [name]


def test_all_that_is_missing_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        environment.delenv(name)
    said = complaint()
    assert all(name in said for name in GOOD)


SHORT_KEY = base64.b64encode(b"too short").decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SUPABASE_URL", "project.supabase.co"),
        ("SUPABASE_URL", "ftp://project.supabase.co"),
        ("SUPABASE_URL", "https://project.supabase.co/rest/v1"),
        ("SUPABASE_URL", ""),
        ("SUPABASE_PUBLISHABLE_KEY", ""),
        ("SUPABASE_SECRET_KEY", ""),
        ("CREDENTIALS_KEYS", ""),
        ("CREDENTIALS_KEYS", " , "),
        ("CREDENTIALS_KEYS", "marked-not-base64!"),
        ("CREDENTIALS_KEYS", SHORT_KEY),
        ("CREDENTIALS_KEYS", f"{GOOD['CREDENTIALS_KEYS']},{SHORT_KEY}"),
        ("CREDENTIALS_KEYS", "schlüssel"),
        ("PUBLIC_URL", "marked.example"),
        ("PRODUCT_NAME", " "),
        ("PRODUCT_NAME", "marked" * 7),
        ("PRODUCT_NAME", "marked\nlines"),
        ("LOG_LEVEL", "verbose"),
        ("PAGERDUTY_API_URL_US", "api.marked.example"),
        ("PAGERDUTY_API_URL_EU", "api.marked.example"),
        ("WEBHOOK_RATE_LIMIT", "marked banana"),
        ("WEBHOOK_RATE_LIMIT", "12"),
        ("WEBHOOK_RATE_LIMIT", "12 per marked"),
        ("RATE_LIMIT_STORAGE_URL", "marked"),
        ("RATE_LIMIT_STORAGE_URL", "marked://user:marked@host"),
        ("TRUSTED_PROXIES", "marked"),
        ("TRUSTED_PROXIES", "-1"),
        ("DEMO_PEOPLE", "{marked"),
        ("DEMO_PEOPLE", '{"marked": 1}'),
        ("DEMO_PEOPLE", '["marked"]'),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(name, value)
    said = complaint()
    assert [line for line in EVERY if f"  {line}:" in said] == [name]
    assert "marked" not in said
    for part in value.split(","):
        assert len(part) < 6 or part not in said
    assert all(GOOD[secret] not in said for secret in ("SUPABASE_SECRET_KEY", "CREDENTIALS_KEYS"))


def test_what_is_forgiven(environment: pytest.MonkeyPatch) -> None:
    first, second = new_key(), new_key()
    environment.setenv("SUPABASE_URL", "http://localhost:54321/")
    environment.setenv("PUBLIC_URL", "https://alerts.example/base/")
    environment.setenv("LOG_LEVEL", "DEBUG")
    environment.setenv("CREDENTIALS_KEYS", f" {first} ,{second}, ")
    environment.setenv("SUPABASE_JWT_ISSUER", "")
    environment.setenv("SUPABASE_JWT_SECRET", "")
    settings = load_settings()
    assert settings.supabase_url == "http://localhost:54321"
    assert settings.issuer == "http://localhost:54321/auth/v1"
    assert settings.public_url == "https://alerts.example/base"
    assert settings.log_level == "debug"
    assert [key.get_secret_value() for key in settings.credentials_keys] == [first, second]


def test_secrets_do_not_show(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SUPABASE_JWT_SECRET", "the-jwt-secret")
    shown = repr(load_settings()) + str(load_settings()) + json.dumps(load_settings().model_dump(mode="json"))
    for secret in ("sb_secret_abc", GOOD["CREDENTIALS_KEYS"], "the-jwt-secret"):
        assert secret not in shown


def test_an_application_starts_on_good_settings_alone(environment: pytest.MonkeyPatch) -> None:
    assert create_app().test_client().get("/healthz").get_json() == {"status": "ok"}
    environment.delenv("SUPABASE_URL")
    with pytest.raises(ConfigError):
        create_app()


def test_gunicorn_says_what_is_wrong(tmp_path: Path) -> None:
    environment = {**GOOD, "SUPABASE_URL": "nowhere", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "gunicorn", "service:create_app()", "--bind", f"unix:{tmp_path}/socket"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*command, "--no-control-socket"], cwd=root, env=environment, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "SUPABASE_URL: " in done.stderr
    assert GOOD["SUPABASE_SECRET_KEY"] not in done.stderr
    assert GOOD["CREDENTIALS_KEYS"] not in done.stderr
