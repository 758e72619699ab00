"""Text without the secrets that can be recognised in it, for logs.

Recognised is what stands under a secret's name (`DB_PASSWORD=x`, `"password": "x"`, `--token x`, `<pin>x</pin>`), the
line of a header that carries credentials, what URLs carry of them, and the formats of well-known tokens. Where a secret
ends is a guess: rather too much is hidden than too little. Time is linear in the text: every repetition in a pattern is
possessive, bounded, or starts where no other could.
"""

import re
from collections.abc import Callable

from service.token_formats import TOKEN

MASK = "***"

_SECRET_PART = re.compile(
    r"(?<!mon|tur|hoc|joc|don)key(?!board|word|note|space|stone|cloak)|token(?!i[sz])|secret(?!ar)|authori[sz]ation"
    r"|credential|cookie|signature|pass(?:w|phrase|code)|pwd|sess(?:ion)?id",
    re.I,
)
# Too short to be looked for inside of words: `pin_code` and `sessionId` are meant, `opinion` and `author` are not.
_SECRET_WORDS = frozenset({"pin", "otp", "totp", "auth", "oauth", "bearer", "jwt", "session", "pass", "csrf", "xsrf"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# These keys say which alert this is. They open nothing.
_NO_SECRET = re.compile(r"(?:incident|alert|dedup)[_ -]?keys?\Z", re.I)
# "auth-service: high latency" is about a thing, and no assignment.
_THINGS = frozenset(
    {
        "service", "services", "server", "servers", "svc", "api", "app", "db", "store", "cache", "host", "pod", "node",
        "cluster", "proxy", "gateway", "worker", "manager", "provider", "handler", "controller", "job", "queue",
        "team", "page", "endpoint",
    }
)  # fmt: skip

_QUOTE = r"(?:\\{0,32}(?:[\"'`]|u002[27])|%2[27]|&(?:quot|apos|\#3[49]);)"
_SIGN = r"\s{0,8}(?P<%s>[:=\uff1a]{1,3}>?|%%3[ad]|\\{1,32}u003[ad])(?:\s|%%20|\+(?=%%2)){0,20}"
_ASSIGNMENT = re.compile(
    rf"(?<![\w.-])(?P<name>[\w.-]++(?:[ ](?:id|code|number|value|header|string|hash)\b)?)"
    rf"(?P<close>{_QUOTE}?\]?){_SIGN % 'sign'}",
    re.I,
)
# {"name": "Authorization", "value": …}, and <add key="password" value="…">
_NAMES_IT = "(?:name|key|header|field|label|variable|parameter|property)"
_PAIR = re.compile(
    rf"{_NAMES_IT}{_QUOTE}?{_SIGN % 'first'}{_QUOTE}?"
    rf"(?P<name>[\w.-]{{1,64}}){_QUOTE}?[\s,;]{{0,20}}{_QUOTE}?val(?:ue)?(?P<close>{_QUOTE}?){_SIGN % 'sign'}",
    re.I,
)
_REVERSED_PAIR = re.compile(
    rf"((?<![\w.-])val(?:ue)?{_QUOTE}?{_SIGN % 'first'}{_QUOTE})(?:(?!{_QUOTE}).){{1,512}}"
    rf"({_QUOTE}[\s,;]{{0,20}}{_QUOTE}?{_NAMES_IT}{_QUOTE}?{_SIGN % 'sign'}{_QUOTE}?(?P<name>[\w.-]{{1,64}}))",
    re.I | re.S,
)
_OPENING = re.compile(
    r"[a-z@]{0,2}(?P<quote>\"\"\"|'''|(?P<escapes>\\*)(?P<mark>[\"'`])|\\*u002[27]|%2[27]|&\#?\w+;)", re.I
)
# A closing quote, or a line break that is written \r\n and has a header's name after it.
_CLOSING = rf"{_QUOTE}(?:[\s,;:}}\])>]|\Z)|\\{{1,32}}[rn][\w\\-]{{1,64}}:"
_UNQUOTED = re.compile(rf"(?:(?!{_CLOSING})\S)*", re.I)
_QUERY_VALUE = re.compile(rf"(?:(?!{_CLOSING}|&(?:amp;)?[\w.%\[\]-]{{1,64}}=)\S)*", re.I)
_ENCODED_VALUE = re.compile(r"(?:(?!%2[267])\S)*", re.I)
_LITERAL = re.compile(r"[^\s,}\]]*")
_BRACKET = re.compile(r"[\[\](){}]")
_LINE = re.compile(r"[^\r\n]*")
_BLOCK = re.compile(r"[|>][-+\d]{0,3}[ \t]*\r?\n(?:[ \t]+[^\n]*\n?)+")
_START_OF_LINE = re.compile(r"(?:\A|[\r\n])[ \t]{0,60}(?:-[ \t]+)?(?:export[ \t]+)?\Z")
_HEADER = re.compile(r"cookie|authori[sz]ation", re.I)
_SCHEME = re.compile(r"(?:bearer|basic|digest|negotiate|ntlm|token|apikey|oauth|hawk|aws4-hmac-sha256)[ \t]+", re.I)

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,60}PRIVATE KEY.*?(?:-----END [^-]{0,80}-----|\Z)", re.S)
_PUTTY_KEY = re.compile(r"PuTTY-User-Key-File-\d.*", re.S)
# Base64 of `{"`: JWTs, whole or cut, and other JSON that somebody encoded.
_JWT = re.compile(r"eyJ[\w+/=.%-]{10,}")
_USERINFO = re.compile(r"(://)[^\s/?#\"'<>@:]{0,512}(?::[^\s\"'<>]{0,512})?@")
_BARE_USERINFO = re.compile(r"(?<![\w.@/:-])[\w.-]{1,64}+:[^\s@/\"'<>]{1,256}@(?=[\w(\[])")
_WEBHOOK = re.compile(r"(hooks?[\w.:-]{0,100}+(?:/|%2f))([^\s\"'<>\\?#`]+)", re.I)
_EVENTS_API = re.compile(r"(/integration/)[^/\s]+", re.I)
_PLAIN_SEGMENT = re.compile(r"[a-z_-]{1,24}[.,;:)]*", re.I)
_ELEMENT = re.compile(r"<([\w.:-]++)([^<>]*)>([^<]+)")
_OPTION = re.compile(r"(?<![^\s\"'])(--?[\w-]++)(\s+)([^\s\"'][^\s]*|\"[^\"]*\"?|'[^']*'?)")
_CURL_USER = re.compile(r"(?<!\S)(-u|--(?:proxy-)?user)([ =])[^\s:]+:\S+")
# After white space alone, a plain word is prose: "password reset", "token expired".
_SPOKEN = re.compile(
    r"(?<![\w-])(?:"
    r"(?P<scheme>bearer\s+)(?!(?:of|tokens?|auth\w*|schemes?)\b)\S+"
    r"|(?P<basic>(?:basic|digest|negotiate)\s+)(?=\S{0,200}(?:[\d=+/]|(?-i:[a-z][A-Z])))[\w+/=.~-]{8,}"
    r"|(?P<code>(?:pin|otp|code)(?:\s+(?:is|was))?\s+)\d{4,}\b"
    r"|(?P<word>(?:token|secret|pwd|jwt|passw(?:or)?d|passphrase|identified\s+by"
    r"|(?:api|routing|integration|access|secret)[ _-]?key)"
    r"(?:\s+(?:is|was))?\s+)(?:\"[^\"]*\"?|'[^']*'?|`[^`]*`?"
    r"|(?![a-z]++(?:['\u2019-][a-z]++)*+[.,;:!?)\]\"']*+(?:\s|\Z))(?![^\w\s]++(?:\s|\Z))\S+)"
    r")",
    re.I,
)


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name (a field's, a header's, a variable's) is a secret."""
    if _NO_SECRET.search(name):
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    return bool(_SECRET_PART.search(name)) or any(
        word in _SECRET_WORDS or word.removesuffix("s") in _SECRET_WORDS for word in words
    )


def redact(text: str) -> str:
    """The text with "***" for each secret that was recognised. Never raises."""
    for rule in _RULES:
        text = rule(text)
    return text


def _assignments(text: str) -> str:
    """`name=value` in all its spellings, with the values of secret names masked."""
    parts: list[str] = []
    copied = at = 0
    while found := _ASSIGNMENT.search(text, at):
        pair = _PAIR.match(text, found.start())
        found = pair if pair and is_secret_name(pair["name"]) else found
        start = at = found.end()
        if not _is_secret_assignment(text, found):
            continue
        start, at = _value(text, start, found)
        if at > start:
            parts += text[copied:start], MASK
            copied = at
    return "".join([*parts, text[copied:]])


def _is_secret_assignment(text: str, found: re.Match[str]) -> bool:
    after_escape = text[max(0, found.start() - 1) : found.start()] == "\\"
    # \npin: is written where a line break was escaped.
    if not is_secret_name(found["name"]) and not (after_escape and is_secret_name(found["name"][1:])):
        return False
    if found["sign"] != ":" or found["close"]:
        return True
    words = _WORD.findall(found["name"])
    return not (words and words[-1].lower() in _THINGS) and not text.startswith("//", found.end())


def _value(text: str, start: int, found: re.Match[str]) -> tuple[int, int]:
    """From where to where the value's secret goes, for the way in which its name is written."""
    is_json = bool(found["close"]) and found["sign"] == ":"
    opening = _OPENING.match(text, start)
    if opening:
        end = _end_of_quoted(text, opening)
        return opening.end(), end if is_json else _end_of(_UNQUOTED, text, end)
    if text[start : start + 1] in ("[", "{", "("):
        end = _end_of_bracket(text, start)
        return start, end if is_json else _end_of(_UNQUOTED, text, end)
    if is_json:
        return start, _end_of(_LITERAL, text, start)
    scheme = _SCHEME.match(text, start)
    start = scheme.end() if scheme and _HEADER.search(found["name"]) else start
    return start, _end_of_line_or_word(text, start, found)


def _end_of_line_or_word(text: str, start: int, found: re.Match[str]) -> int:
    before = text[max(0, found.start() - 80) : found.start()]
    block = _BLOCK.match(text, start)
    if block:
        return block.end()
    if _HEADER.search(found["name"]):
        # 'Cookie: a=b; c=d' ends where what it is quoted in does, else with its line.
        enclosing = re.search(rf"{_QUOTE}\Z", before)
        opening = _OPENING.match(text, found.start() - len(enclosing[0])) if enclosing else None
        return _end_of_quoted(text, opening, start) if opening else _end_of(_LINE, text, start)
    if found["sign"].startswith("%"):
        return _end_of(_ENCODED_VALUE, text, start)
    if found["sign"] == ":" and _START_OF_LINE.search(before if len(before) == 80 else f"\n{before}"):
        return _end_of(_LINE, text, start)
    return _end_of(_QUERY_VALUE if before.endswith(("?", "&", ";", "#")) else _UNQUOTED, text, start)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    found = pattern.match(text, start)
    return found.end() if found else start


def _end_of_quoted(text: str, opening: re.Match[str], start: int | None = None) -> int:
    """Where the closing quote is. Inside JSON inside JSON, a quote of the value has more backslashes than its ends."""
    at = opening.end() if start is None else start
    if opening["mark"] is None:
        end = text.find(opening["quote"], at)
        return end if end >= 0 else len(text)
    depth, mark = len(opening["escapes"]), opening["mark"]
    closing = re.compile(rf"(?<!\\)(\\*+){mark}")
    while found := closing.search(text, at):
        at = found.end()
        if len(found[1]) % (2 * (depth + 1)) != depth:
            continue
        if not text.startswith(mark, at):
            return found.start()
        at += 1  # 'it''s' in YAML and SQL
    return len(text)


def _end_of_bracket(text: str, start: int) -> int:
    depth = 0
    for found in _BRACKET.finditer(text, start):
        depth += 1 if found[0] in "[({" else -1
        if depth == 0:
            return found.end()
    return len(text)


def _webhook(found: re.Match[str]) -> str:
    """A webhook's URL up to whose it is: /api/webhooks/pagerduty/***. What follows is a secret."""
    first, slash, _ = found[2].partition("/")
    if not _PLAIN_SEGMENT.fullmatch(first):
        return found[1] + MASK
    return found[1] + first + (slash + MASK if slash else "")


def _reversed_pair(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}{found[3]}" if is_secret_name(found["name"]) else found[0]


def _element(found: re.Match[str]) -> str:
    return f"<{found[1]}{found[2]}>{MASK}" if is_secret_name(found[1]) and found[3].strip() else found[0]


def _option(found: re.Match[str]) -> str:
    return found[1] + found[2] + MASK if is_secret_name(found[1]) else found[0]


def _spoken(found: re.Match[str]) -> str:
    return (found["scheme"] or found["basic"] or found["code"] or found["word"]) + MASK


def _rule(pattern: re.Pattern[str], shown: str | Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: pattern.sub(shown, text)


_RULES: tuple[Callable[[str], str], ...] = (
    _rule(_PRIVATE_KEY, MASK),
    _rule(_PUTTY_KEY, MASK),
    _rule(_USERINFO, rf"\1{MASK}@"),
    _rule(_BARE_USERINFO, f"{MASK}@"),
    _rule(_WEBHOOK, _webhook),
    _rule(_EVENTS_API, rf"\1{MASK}"),
    _rule(_REVERSED_PAIR, _reversed_pair),
    _assignments,
    _rule(_ELEMENT, _element),
    _rule(_CURL_USER, rf"\1\2{MASK}"),
    _rule(_OPTION, _option),
    _rule(_SPOKEN, _spoken),
    _rule(_JWT, MASK),
    _rule(TOKEN, MASK),
)
