"""Log lines: JSON with the request's id, and paths without webhook tokens."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from service.logs import configure_logging, init_app, log, redact_path

TOKENS = st.text("0123456789abcdef", min_size=32, max_size=128)
AROUND = st.text(st.characters(codec="utf-8", exclude_categories=("L", "N")), max_size=20)


@given(TOKENS, AROUND, AROUND)
def test_no_token_stays_in_a_path(token: str, before: str, after: str) -> None:
    for path in (
        f"/api/webhooks/pagerduty/{token}",
        f"/api/webhooks/pagerduty/{token}/{after}",
        f"/{before}{token}{after}",
    ):
        assert token not in redact_path(path)


@pytest.mark.parametrize(
    "path", ["/", "/api/me", "/api/notifications/6f2d0c1e-0e57-4a0b-9a55-7b6f3f9c8d11/read", "/api/webhooks/pagerduty"]
)
def test_other_paths_stay_as_they_are(path: str) -> None:
    assert redact_path(path) == path


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    root = logging.getLogger()
    before = root.handlers, root.level, logging.getLogger("service").level
    yield capsys
    root.handlers, root.level = before[0], before[1]
    logging.getLogger("service").setLevel(before[2])
    structlog.reset_defaults()


def test_each_line_of_a_request_carries_its_id(lines: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    app = Flask("test")
    init_app(app)

    @app.get("/")
    def index() -> str:
        log.debug("hidden")
        log.info("shown", answer=42)
        logging.getLogger("somebody.else").warning("from a library")
        return ""

    answer = app.test_client().get("/", headers={"X-Request-Id": "mine-1"})
    assert answer.headers["X-Request-Id"] == "mine-1"
    said = [json.loads(line) for line in lines.readouterr().err.splitlines()]
    assert [line["event"] for line in said] == ["shown", "from a library", "request"]
    assert all(line["request_id"] == "mine-1" and line["timestamp"] and line["level"] for line in said)
    assert said[0]["answer"] == 42
    assert (said[2]["method"], said[2]["path"], said[2]["status"]) == ("GET", "/", 200)


def test_no_line_holds_a_secret_whoever_writes_it(lines: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    structlog.contextvars.clear_contextvars()
    token = "0123456789abcdef" * 4
    try:
        raise ValueError(f"token={token}\r\nCookie: a=hush; b=hush\x1b[31m")
    except ValueError:
        log.exception("unhandled", url="postgres://u:hush@h/db", all=[{"password": "hush"}], request_id=token[:32])
    logging.getLogger("gunicorn.error").warning("Invalid request: %s", f"GET /hooks/{token} password=hush\nfake line")
    logging.getLogger("waitress").warning("bad %s", f"/x/{token}")
    logging.getLogger("somebody.else").warning("sent Authorization: Basic hush")
    said = lines.readouterr().err
    assert len(said.splitlines()) == 4
    assert all(json.loads(line)["event"] for line in said.splitlines())
    assert token not in said
    assert "hush" not in said
    assert "\x1b" not in said
    assert json.loads(said.splitlines()[0])["request_id"] == token[:32]


def test_a_request_with_a_secret_in_its_path(lines: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    app = Flask("test")
    init_app(app)
    for path in ("/x/token=hush", "/hooks/hush1", "/a%0Ab/password:hush", f"/{'long ' * 1000}"):
        app.test_client().get(path)
    said = lines.readouterr().err.splitlines()
    assert len(said) == 4
    assert "hush" not in "".join(said)
    assert max(map(len, said)) < 1_000


def test_an_error_is_one_line_with_its_traceback(lines: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    try:
        raise ValueError("broken\nin two lines")
    except ValueError:
        log.exception("unhandled")
    (line,) = lines.readouterr().err.splitlines()
    assert "ValueError: broken" in json.loads(line)["exception"]


@pytest.mark.parametrize(("level", "expected"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_levels(lines: pytest.CaptureFixture[str], level: str, expected: int) -> None:
    configure_logging(level)
    log.debug("1")
    log.info("2")
    log.warning("3")
    assert len(lines.readouterr().err.splitlines()) == expected
    assert log.isEnabledFor(logging.DEBUG) == (level == "debug")
