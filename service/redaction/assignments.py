"""Values that are written under a secret's name: `DB_PASSWORD=x`, `"password": "x"`, `Cookie: a=b; c=d`.

As JSON (also inside of JSON), YAML, dotenv, command lines, headers, query strings, and percent-encoded.
"""

import re

from service.redaction.names import MASK, is_secret_name, words

# "auth-service: high latency" is about a thing, and no assignment.
_THINGS = frozenset(
    {
        "service", "services", "server", "servers", "svc", "api", "app", "db", "store", "cache", "host", "pod", "node",
        "cluster", "proxy", "gateway", "worker", "manager", "provider", "handler", "controller", "job", "queue",
        "team", "page", "endpoint", "authentication",
    }
)  # fmt: skip

_QUOTE = r"(?:\\{0,32}(?:[\"'`]|u002[27])|%2[27]|&(?:quot|apos|\#3[49]);)"
_SIGN = (
    r"\s{0,8}(?P<%s>[:=\uff1a\uff1d]{1,3}>?|%%3[ad]|\\{1,32}u003[ad]|\((?=\s{0,8}b?[\"'`]))"
    r"(?:\s|%%20|\+(?=%%2)){0,20}"
)
_ASSIGNMENT = re.compile(
    rf"(?<![\w.-])(?P<name>[\w.-]++(?:[ ](?:id|code|number|value|header|string|hash)\b)?)"
    rf"(?P<close>{_QUOTE}?\]?){_SIGN % 'sign'}",
    re.I,
)
# {"name": "Authorization", "value": …}, also with a few others between them, and <add key="password" value="…">
_NAMES_IT = "(?:name|key|header|field|label|variable|parameter|property|type)"
_PAIR = re.compile(
    rf"{_NAMES_IT}{_QUOTE}?{_SIGN % 'first'}{_QUOTE}?(?P<name>[\w.-]{{1,64}}){_QUOTE}?"
    rf"(?:[\s,;]{{1,20}}[^{{}}<>\[\]\n]{{1,120}}?)??[\s,;]{{0,20}}(?<![\w.-])"
    rf"{_QUOTE}?val(?:ue)?(?P<close>{_QUOTE}?){_SIGN % 'sign'}",
    re.I,
)
# ("Authorization", "…"), as libraries print headers, and a part of a form
_LISTED = re.compile(
    rf"[\[(]\s{{0,8}}b?{_QUOTE}(?P<name>[\w.-]{{1,64}}){_QUOTE}\s{{0,8}},\s{{0,8}}b?(?={_QUOTE})", re.I
)
_FORM_PART = re.compile(
    rf"(?<![\w.-])name={_QUOTE}(?P<name>[\w.-]{{1,64}}){_QUOTE}(?:\r?\n|\\{{1,32}}r\\{{1,32}}n){{2}}(?P<value>[^\s\\]+)",
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
_CLOSING = rf"{_QUOTE}(?:[\s,;:}}\])>]|\Z)|\\{{1,32}}[rn][\w.\\-]{{1,64}}:"
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


def mask_assignments(text: str) -> str:
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
    return not _THINGS.intersection(words(found["name"])[-1:]) and not text.startswith("//", found.end())


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


def mask_listed(text: str) -> str:
    """`("Authorization", "x")` and a form's part with the values masked."""
    parts: list[str] = []
    copied = 0
    for found in _LISTED.finditer(text):
        opening = _OPENING.match(text, found.end())
        if opening and found.start() >= copied and is_secret_name(found["name"]):
            parts += text[copied : opening.end()], MASK
            copied = _end_of_quoted(text, opening)
    return _FORM_PART.sub(_form_part, "".join([*parts, text[copied:]]))


def _form_part(found: re.Match[str]) -> str:
    return found[0][: found.start("value") - found.start()] + MASK if is_secret_name(found["name"]) else found[0]


def mask_reversed_pairs(text: str) -> str:
    """`"value": "x", "name": "Authorization"` with the value masked."""
    return _REVERSED_PAIR.sub(_reversed_pair, text)


def _reversed_pair(found: re.Match[str]) -> str:
    return f"{found[1]}{MASK}{found[3]}" if is_secret_name(found["name"]) else found[0]
