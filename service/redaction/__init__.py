"""Text without the secrets that can be recognised in it, for logs.

Recognised is what stands under a secret's name (`DB_PASSWORD=x`, `"password": "x"`, `--token x`, `<pin>x</pin>`), the
line of a header that carries credentials, what URLs carry of them, and the formats of well-known tokens. Where a secret
ends is a guess: rather too much is hidden than too little. Time is linear in the text: every repetition in a pattern is
possessive, bounded, or starts where no other could.
"""

import re
from collections.abc import Callable

from service.redaction.assignments import mask_assignments, mask_listed, mask_reversed_pairs
from service.redaction.names import MASK, is_secret_name
from service.redaction.tokens import TOKEN

__all__ = ["MASK", "is_secret_name", "redact"]

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY.*?(?:-----END [^-]{0,80}-----|\Z)", re.S)
_PUTTY_KEY = re.compile(r"PuTTY-User-Key-File-\d.*", re.S)
# Base64 of `{"`: JWTs, whole or cut, and other JSON that somebody encoded.
_JWT = re.compile(r"eyJ[\w+/=.%-]{10,}")
_USERINFO = re.compile(r"(://)[^\s/?#\"'<>@:]{0,512}(?::[^\s\"'<>]{0,512})?@")
_BARE_USERINFO = re.compile(r"(?<![\w.@/:-])[\w.-]{1,64}+:[^\s@/\"'<>]{1,256}@(?=[\w(\[])")
_WEBHOOK = re.compile(r"(hooks?[\w.:-]{0,100}+(?:/|%2f))([^\s\"'<>\\?#`]+)", re.I)
_EVENTS_API = re.compile(r"(/integration/)[^/\s]+(?=/enqueue)", re.I)
_PLAIN_SEGMENT = re.compile(r"[a-z_-]{1,24}[.,;:)]*", re.I)
_ELEMENT = re.compile(r"<([\w.:-]++)([^<>]*)>([^<]+)")
_OPTION = re.compile(r"(?<![^\s\"'])(--?[\w.-]++)(\s+)([^\s\"'][^\s]*|\"[^\"]*\"?|'[^']*'?)")
_NAMED_ELEMENT = re.compile(r"(?:name|key|id|field)\s{0,8}=\s{0,8}[\"']([\w.-]{1,64})[\"']", re.I)
_CURL_USER = re.compile(r"(?<!\S)(-u|--(?:proxy-)?user)([ =]|(?<=-u))[^\s:]+:\S+")
# Programs whose password has a letter alone.
_LETTER = re.compile(
    r"\b((?:mysql\w{0,20}|mariadb[\w-]{0,20})\b[^\n|;&]{0,200}?\s-p|sshpass\s+-p\s{0,8}|redis-cli\b[^\n|;&]{0,200}?\s-a\s+)(?=\S)"
    r"(?:\"[^\"]*\"?|'[^']*'?|\S+)"
)
# After white space alone, a plain word is prose: "password reset", "token expired".
_SPOKEN = re.compile(
    r"(?<![\w-])(?:"
    r"(?P<scheme>bearer\s+)(?!(?:of|tokens?|auth\w*|schemes?)\b)\S+"
    r"|(?P<basic>(?:basic|digest|negotiate)\s+)(?=\S{0,200}(?:[\d=+/]|(?-i:[a-z][A-Z])))[\w+/=.~-]{8,}"
    r"|(?P<code>(?:pin|otp|passcode|(?:security|verification|one-time|access) code)(?:\s+(?:is|was))?\s+)\d{4,}\b"
    r"|(?P<said>(?:pin|otp|passcode|(?:security|verification|one-time|access) code)\s+(?:is|was)\s+)"
    r"(?=[a-z-]{0,40}\d)[\w-]{4,}"
    r"|(?P<word>(?:token|secret|pwd|jwt|passw(?:or)?d|passphrase|identified\s+by"
    r"|(?:api|routing|integration|access|secret)[ _-]?key|session[ _-]?id)"
    r"(?:\s+(?:is|was))?\s+)(?:\"[^\"]*\"?|'[^']*'?|`[^`]*`?"
    r"|(?![a-z]++(?:['\u2019-][a-z]++)*+[.,;:!?)\]\"']*+(?:\s|\Z))(?![^\w\s]++(?:\s|\Z))\S+)"
    r")",
    re.I,
)


def redact(text: str) -> str:
    """The text with "***" for each secret that was recognised. Never raises."""
    for rule in _RULES:
        text = rule(text)
    return text


def _webhook(found: re.Match[str]) -> str:
    """A webhook's URL up to whose it is: /api/webhooks/pagerduty/***. What follows is a secret."""
    first, slash, _ = found[2].partition("/")
    if not _PLAIN_SEGMENT.fullmatch(first):
        return found[1] + MASK
    return found[1] + first + (slash + MASK if slash else "")


def _element(found: re.Match[str]) -> str:
    called = _NAMED_ELEMENT.search(found[2])
    is_secret = is_secret_name(found[1]) or (called is not None and is_secret_name(called[1]))
    return f"<{found[1]}{found[2]}>{MASK}" if is_secret and found[3].strip() else found[0]


def _option(found: re.Match[str]) -> str:
    return found[1] + found[2] + MASK if is_secret_name(found[1]) else found[0]


def _spoken(found: re.Match[str]) -> str:
    return (found["scheme"] or found["basic"] or found["code"] or found["said"] or found["word"]) + MASK


def _rule(pattern: re.Pattern[str], shown: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: pattern.sub(shown, text)


_RULES: tuple[Callable[[str], str], ...] = (
    _rule(_PRIVATE_KEY, MASK),
    _rule(_PUTTY_KEY, MASK),
    _rule(_USERINFO, rf"\1{MASK}@"),
    _rule(_BARE_USERINFO, f"{MASK}@"),
    _rule(_WEBHOOK, _webhook),
    _rule(_EVENTS_API, rf"\1{MASK}"),
    mask_reversed_pairs,
    mask_listed,
    mask_assignments,
    _rule(_ELEMENT, _element),
    _rule(_CURL_USER, rf"\1\2{MASK}"),
    _rule(_LETTER, rf"\1{MASK}"),
    _rule(_OPTION, _option),
    _rule(_SPOKEN, _spoken),
    _rule(_JWT, MASK),
    _rule(TOKEN, MASK),
)
