"""Free text for logs: a secret is masked however it is written, and prose stays."""

import json
import string
import time
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.redaction import MASK, is_secret_name, redact

SECRETS = st.text(string.ascii_letters + string.digits + "_-+/.=~!#$%*^", min_size=6, max_size=60).map(
    lambda s: f"Q7{s}Z"
)
# What a quoted value may hold besides.
QUOTABLE = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=4, max_size=40).map(
    lambda s: f"Q7{s}Z"
)

NAMES = st.sampled_from(
    [
        *("DB_PASSWORD", "client_secret", "pwd", "PGPASSWORD", "X-Api-Key", "apiKey", "routing_key", "access_token"),
        *("pin", "otp", "auth", "bearer", "jwt", "session", "sessionId", "pin_code", "auth_header", "PHPSESSID"),
        *(
            "pw",
            "DBPASS",
            "userPass",
            "mfa_code",
            "2fa",
            "sess",
            "connect.sid",
            "sig",
            "X-Hmac",
            "creds",
            "authn",
            "cvv",
        ),
        *("Proxy-Authorization", "Set-Cookie", "credentials", "X-PagerDuty-Signature", "passphrase", "csrf"),
    ]
)
UNQUOTED = st.sampled_from(
    [
        *("{name}={secret}", "export {name}={secret}", "{name}: {secret}", "with {name}={secret} it fails"),
        *("a=1 {name} = {secret} b=2", "?{name}={secret}&page=2", "https://h.example/x?page=2&{name}={secret}"),
        *("--{name}={secret}", "--{name} {secret}", "{name}:={secret}", "{name}%3D{secret}", "- {name}: {secret}"),
        *(
            "x[{name}]={secret}",
            "{name}:\n  {secret}",
            "{name}: |\n  {secret}\n  {secret}\n",
            "<{name}>{secret}</{name}>",
        ),
        "curl -H '{name}: {secret}' https://h.example",
        r"GET / HTTP/1.1\r\nX-Token: {secret}\r\n{name}: {secret}\r\nHost: h",
    ]
)
QUOTED = st.sampled_from(
    ["{name}={secret}", "{name}: {secret}", "x = {{{name}: {secret}, a: 1}}", "['{name}'] = {secret}"]
)
ELSEWHERE = st.sampled_from(
    [
        *("Authorization: Basic {}", "Authorization: {}", "authorization: Token token={}", "Bearer {}"),
        *(
            "Cookie: {}=a; {}=b",
            "Cookie: a={}; c={}",
            "GET / HTTP/1.1\r\nCookie: a={}; b={}\r\nHost: h",
            "pwd is {} then",
        ),
        *("postgres://user:{}@db.example/app", "redis://:{}@h:6379/0", "see https://{}@h.example/x", "u:{}@tcp(h)/db"),
        *("password {}", 'the password "{}"', "curl -u user:{} h", "token was {}", "IDENTIFIED BY '{}'"),
        *('{{"name": "Authorization", "value": "{}"}}', "{{'key': 'DB_PASSWORD', 'value': '{}'}}"),
        *('{{"name": "Cookie", "in": "header", "value": "{}"}}', "- name: PASSWORD\n  x: 1\n  value: {}"),
        *("headers=[('Host', 'h'), ('Authorization', '{}')]", "[(b'cookie', b'{}')]", 'got ["X-Api-Key", "{}"]'),
        *('name="password"\r\n\r\n{}\r\n--b', r'name="pin"\r\n\r\n{}\r\n', '<param name="password">{}</param>'),
        *('<input type="password" value="{}">', 'set_password("{}")', "login('a', password='{}')", "password\uff1d{}"),
        *("mysql -u root -p{} db", "sshpass -p {} ssh h", "redis-cli -h h -a {} ping", "curl -uu:{} h"),
        *("the OTP was 1{}", "session id {}", "https://h.example/x?sv=1&sig={}&se=2"),
        *('<add key="password" value="{}"/>', 'got [{{"value": "{}", "name": "Authorization"}}]'),
        *("https://app.example/api/webhooks/pagerduty/{}", "POST /api/webhooks/pagerduty/{}?x=1", "/webhooks/v9/{}"),
        *("https://hooks.slack.com/services/T0/B0/{}", "https://discord.com/api/webhooks/1234567/{}"),
        *("https://events.pagerduty.com/integration/{}/enqueue", "-----BEGIN PRIVATE KEY-----\n{}\n-----END"),
    ]
)


@given(UNQUOTED, NAMES, SECRETS)
def test_a_secret_under_its_name(form: str, name: str, secret: str) -> None:
    assert secret not in redact(form.format(name=name, secret=secret))


@given(QUOTED, NAMES, QUOTABLE, st.integers(0, 3))
@example("{name}: {secret}", "pin", 'Q7a"\\', 2)
def test_a_quoted_secret_in_json_in_json(form: str, name: str, secret: str, depth: int) -> None:
    written = (
        form.format(name=json.dumps(name), secret=json.dumps(secret))
        if "'" not in form
        else form.format(name=name, secret=json.dumps(secret))
    )
    for _ in range(depth):
        secret, written = json.dumps(secret)[1:-1], json.dumps(written)
    shown = redact(f"Alert: {written} happened")
    assert "Q7" not in shown
    assert json.dumps(secret)[1:-1] not in shown


@given(NAMES, st.text(string.ascii_letters + "\"' ;&", min_size=3, max_size=40))
def test_a_percent_encoded_secret(name: str, secret: str) -> None:
    written = quote(json.dumps({name: f"Q7{secret.replace(chr(34), '')}"}), safe="")
    assert "Q7" not in redact(f"body={written}")


@given(ELSEWHERE, st.text(string.ascii_letters + string.digits, min_size=8, max_size=60).map(lambda s: f"Q7{s}"))
def test_a_secret_in_a_header_a_url_or_a_sentence(form: str, secret: str) -> None:
    assert "Q7" not in redact(form.replace("{}", secret).replace("{{", "{").replace("}}", "}"))


# Made up, and put together here, so that nobody's scanner takes them for real.
TOKENS = [
    *("AKIA" + "IOSFODNN7EXAMPLE", "ghp_" + "a1B2" * 9, "github_pat_" + "a1B2_" * 16, "glpat-" + "a1B2" * 5),
    *(
        "xoxb-" + "123-456-abcDEF",
        "xapp-" + "1-A0-123-abcdef",
        "sk_" + "live_" + "a1B2" * 24,
        "rk_" + "test_" + "a1B2" * 6,
    ),
    *("sb_secret_" + "a1B2" * 6, "sbp_" + "0a1b" * 10, "SG." + "a" * 22 + "." + "b" * 43, "sk-proj-" + "a1B2" * 12),
    *(
        "AIza" + "a1B2-" * 7,
        "npm_" + "a1B2" * 9,
        "whsec_" + "a1B2" * 8,
        "u+" + "a1B2c3D4e5F6g7H8i9",
        "hvs." + "a1B2" * 8,
    ),
    "pypi-AgEIcHlwaS5vcmc" + "a1B2" * 20,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
]


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("around", ["{}", "found {} in the log", "x={},", '"{}"', "({})", "a/{}/b"])
def test_tokens_are_known_by_their_format(token: str, around: str) -> None:
    shown = redact(around.format(token))
    assert MASK in shown
    assert token[-8:] not in shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("DB_PASSWORD=x", "DB_PASSWORD=***"),
        ("client_secret=x", "client_secret=***"),
        ("pwd=x", "pwd=***"),
        (r"?password\u003dx", r"?password\u003d***"),
        ("your one-time code is 123456, PIN 1234", "your one-time code is ***, PIN ***"),
        ("got Basic dXNlcjpwYXNz", "got Basic ***"),
        ("Authorization: Basic x", "Authorization: Basic ***"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ('sent {"password": "x y", "a": 1}', 'sent {"password": "***", "a": 1}'),
        (r"{\"password\": \"x \\\" y\", \"a\": 1}", r"{\"password\": \"***\", \"a\": 1}"),
        ("{'pin': 1234, 'a': 1}", "{'pin': ***, 'a': 1}"),
        ('{"tokens": ["x", "y"], "a": 1}', '{"tokens": ***, "a": 1}'),
        ("Cookie: a=b; c=d", "Cookie: ***"),
        ("curl -H 'Cookie: a=\"b\"; c=d' h", "curl -H 'Cookie: ***' h"),
        ("h/?token=x&page=2", "h/?token=***&page=2"),
        ("postgres://u:p@h/db", "postgres://***@h/db"),
        ("password: x\nuser: ann", "password: ***\nuser: ann"),
        ("PGPASSWORD=x psql -h db", "PGPASSWORD=*** psql -h db"),
        ("https://a.example/api/webhooks/pagerduty/x", "https://a.example/api/webhooks/pagerduty/***"),
        ("/hooks/x9/y?z=1", "/hooks/***?z=1"),
        ("password 'a b' and so on", "password *** and so on"),
    ],
)
def test_what_is_left_to_read(written: str, shown: str) -> None:
    assert redact(written) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "prose",
    [
        "Disk full on db-1: 98% of /var/lib/postgresql (mount=/data, since 12:30)",
        "Password reset failed for 3 users",
        "The token expired; the bearer of bad news is Basic auth",
        "auth-service: high latency, session-store: evictions",
        "https://keycloak:8080/realms is down",
        "incident_key: d3640fbd41094207a1c11e58e46b1662, dedup_key=srv01/HTTP, alertKey: x",
        "https://acme.pagerduty.com/incidents/PT4KHLK",
        "https://support.pagerduty.com/main/docs/webhooks and https://h.example/integration/guide/one",
        "author: Ann, opinion: good, pinned=yes, authored_by=bob, compass: north, monkey=1, keyboard: us",
        "5ac64822-4adc-4fda-ade0-410becf0de4f 01DEN4HPBQAAAG05V5QQYBRZMF 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "see https://medium.example/@ann/post and <b>this</b>",
        "hey Jude, heyJude",
        'checkout -> auth -> db: timeouts, authentication: failed, ("disk", "full"), token(s) expired, mysql: -p',
        "<param name='environment'>production</param> and name: env, type: text, value: production",
        "[FIRING:1] KubePodCrashLooping (auth-api prod/monitoring:prometheus), HTTP code 5003, secretsmanager: slow",
        'psql: FATAL: password authentication failed for user "app"; kubectl get secret my-secret -n prod',
        "Key (email)=(x) already exists: duplicate key value violates unique constraint",
        "Webhook deliveries failing: https://hooks.example.com/alerts returned 503",
    ],
)
def test_prose_and_ids_stay(prose: str) -> None:
    assert redact(prose) == prose


@given(st.lists(st.text(string.ascii_lowercase, min_size=1, max_size=8).filter(lambda w: "hook" not in w), max_size=12))
def test_words_stay(words: list[str]) -> None:
    sentence = ", ".join(words) + "."
    assert redact(sentence) == sentence


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    redact(text)
    redact(f"password={text} Cookie: {text} {{'token': '{text}")


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "key",
            "token ",
            "token=",
            "a:",
            "://a:",
            "a-",
            "\\",
            '"',
            '\\"',
            "eyJ",
            "eyJ-",
            "-----BEGIN ",
            "hook",
            "hooks/",
        ),
        *(
            "password: '",
            "password=[",
            "Cookie: ",
            "name=key value",
            "xoxb-1-",
            "<a",
            "-a ",
            "&a",
            "?token=&",
            "password  ",
        ),
        *(
            "u:",
            "@",
            "a@",
            "%22",
            "\\u0022",
            "sk-",
            "aws",
            "gh",
            " ",
            "\n",
            "- ",
            "[",
            "Bearer\t",
            "-----BEGIN PRIVATE KEY",
        ),
        *(
            "is ",
            "value='",
            "name='",
            'val:"x" ',
            "pin\\n",
            "password is",
            "'token': \\\\'",
            "http://",
            "A" * 30,
            "token'",
            "basic a",
            "name:pin,a",
            "name=pin ",
            "('pin', '",
            "('pin','x')",
            'name="pin"\r\n',
            "mysql ",
            "mysql -p",
            "redis-cli -a ",
            "otp is ",
            "<a name='pin'",
            "pin('",
        ),
    ],
)
def test_time_is_linear_in_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = (unit * size)[:size] + "!"
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            redact(text)
            best = min(best, time.process_time() - began)
        return best

    # Four times the text takes four times as long, or sixteen where time is quadratic.
    assert seconds(8_000) < 10 * seconds(2_000) + 0.02


@pytest.mark.parametrize(
    "name",
    [
        *("pin", "PIN", "pin_code", "pinCode", "user-pin", "otp", "totp_code", "auth", "auth_header", "X-Auth-Header"),
        *(
            "bearer",
            "jwt",
            "jwts",
            "session",
            "sessionId",
            "session_id",
            "JSESSIONID",
            "basicAuth",
            "api_key",
            "apikey",
        ),
        *("PGPASSWORD", "passwd", "client_secret", "X-CSRF-Token", "Set-Cookie", "credentials", "private key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "pinned",
            "opinion",
            "spinner",
            "author",
            "authored_by",
            "authors",
            "bypass",
            "signal",
            "inside",
            "option",
            "forbearer",
            "compass",
            "passed",
        ),
        *("incident_key", "incidentKey", "alert_key", "dedup_key", "dedup-key", "keyboard", "monkey", "secretary"),
        *("id", "title", "html_url", "service", "status", "tokenizer"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)
