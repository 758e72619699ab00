"""Settings, read from the environment once and checked before anything starts."""

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class ConfigError(Exception):
    """The settings are not usable; the message lists what is wrong with which variable."""


class Settings(BaseSettings):
    """What the service is told by environment variables of the same names in capitals."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    supabase_url: str = Field(pattern=r"^https?://[^/\s]+$", description="Origin of the Supabase project.")
    supabase_publishable_key: str = Field(min_length=1, description="sb_publishable_… (or the legacy anon key).")
    supabase_secret_key: SecretStr = Field(description="sb_secret_… (or the legacy service_role key).")
    supabase_jwt_secret: SecretStr | None = Field(
        None, description="Legacy HS256 secret of the project. Unset: only ES256 and RS256 tokens are accepted."
    )
    supabase_jwt_issuer: str | None = Field(None, description="Expected iss; by default SUPABASE_URL/auth/v1.")
    credentials_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        description="Base64 keys of 32 bytes, separated by commas. The first seals; all of them open."
    )
    public_url: str = Field(
        "http://localhost:3000", pattern=r"^https?://\S+[^/]$", description="Where PagerDuty and browsers reach us."
    )
    product_name: str = Field(
        "supabase-pagerduty",
        pattern=r"^\S(.*\S)?$",
        max_length=40,
        description="What the pages call the product, in a line.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    pagerduty_api_url_us: str = Field("https://api.pagerduty.com", pattern=r"^https?://\S+$")
    pagerduty_api_url_eu: str = Field("https://api.eu.pagerduty.com", pattern=r"^https?://\S+$")
    webhook_rate_limit: str = Field("1200 per minute", description="Webhooks that one integration takes.")
    rate_limit_storage_url: str = Field(
        "memory://",
        pattern=r"^(memory|redis|rediss|valkey|valkeys|memcached|mongodb)(\+[a-z]+)?://",
        description="Where rates are counted; a redis:// URL counts over all processes.",
    )
    outbox_interval: float = Field(
        7.5, ge=0.05, le=60, description="Seconds between the worker's looks while there is nothing to tell PagerDuty."
    )
    reconcile_every: float = Field(
        900, ge=1, le=86_400, description="Seconds after which an integration is compared with PagerDuty's log again."
    )
    reconcile_after: float = Field(
        60, ge=0, le=3600, description="Seconds that a webhook may take before what it tells is read from the log."
    )
    trusted_proxies: int = Field(0, ge=0, le=10, description="Reverse proxies whose X-Forwarded-* are believed.")
    metrics_bind: str | None = Field(
        None, pattern=r"^[^\s/]+:\d{1,5}$", description="HOST:PORT for /metrics alone, apart from the service."
    )
    demo_people: Annotated[tuple[dict[str, str], ...], NoDecode] = Field(
        (), description="JSON: people to sign in as. Only the embedded stack sets it."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("supabase_url", "public_url", mode="before")
    @classmethod
    def _without_slash(cls, value: Any) -> Any:
        return value.rstrip("/") if isinstance(value, str) else value

    @field_validator("webhook_rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        try:
            parse_many(value)
        except ValueError:
            raise ValueError("a rate is written as 1200 per minute") from None
        return value

    @field_validator("demo_people", mode="before")
    @classmethod
    def _people(cls, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("credentials_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("credentials_keys")
    @classmethod
    def _keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("at least one key is needed: `python -m service new-key` makes one")
        for key in value:
            try:
                good = len(base64.b64decode(key.get_secret_value(), validate=True)) == 32
            except (binascii.Error, ValueError):
                good = False
            if not good:
                raise ValueError("each key is 32 bytes in base64: `python -m service new-key` makes one")
        return value

    @property
    def sealing_keys(self) -> list[str]:
        """CREDENTIALS_KEYS, for whoever seals and opens."""
        return [key.get_secret_value() for key in self.credentials_keys]

    @property
    def issuer(self) -> str:
        """The `iss` that access tokens must carry."""
        return self.supabase_jwt_issuer or f"{self.supabase_url}/auth/v1"

    @property
    def jwks_url(self) -> str:
        """Where the project's public keys are."""
        return f"{self.supabase_url}/auth/v1/.well-known/jwks.json"

    @property
    def pagerduty_api_urls(self) -> dict[str, str]:
        """Base URL of PagerDuty's REST API by service region."""
        return {"us": self.pagerduty_api_url_us, "eu": self.pagerduty_api_url_eu}


def load_settings() -> Settings:
    """The settings of this environment. Raises ConfigError, whose message never repeats a value."""
    try:
        return Settings()  # type: ignore[call-arg]  # pydantic-settings fills the fields from the environment
    except ValidationError as error:
        problems = [f"{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors(include_input=False)]
        raise ConfigError("Settings are missing or wrong:\n  " + "\n  ".join(problems)) from None
