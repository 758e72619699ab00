"""Which names are a secret's: of fields, headers, variables, options."""

import re

MASK = "***"

_SECRET_PART = re.compile(
    r"(?<!mon|tur|hoc|joc|don)key(?!board|word|note|space|stone|cloak)|token(?!i[sz])|secret(?!ar|s?manager)|authori[sz]ation"
    r"|credential|cookie|signature|pass(?:w|phrase|code)|(?:user|admin|root|db)pass\Z|pwd|sess(?:ion)?id|2fa|authentication",
    re.I,
)
# Too short to be looked for inside of words: `pin_code` and `sessionId` are meant, `opinion` and `author` are not.
_SECRET_WORDS = frozenset(
    {
        "pin", "otp", "totp", "mfa", "auth", "authn", "oauth", "bearer", "jwt", "session", "sess", "sid", "pass", "pw",
        "cred", "csrf", "xsrf", "sig", "hmac", "cvv", "cvc",
    }
)  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# These keys say which alert this is. They open nothing.
_NO_SECRET = re.compile(r"(?:incident|alert|dedup)[_ -]?keys?\Z", re.I)


def is_secret_name(name: str) -> bool:
    """Whether what stands under this name (a field's, a header's, a variable's) is a secret."""
    if _NO_SECRET.search(name):
        return False
    return bool(_SECRET_PART.search(name)) or any(
        word in _SECRET_WORDS or word.removesuffix("s") in _SECRET_WORDS for word in words(name)
    )


def words(name: str) -> list[str]:
    """The words of a name, in lower case: `sessionId`, `session_id` and `SESSION-ID` have the same two."""
    return [word.lower() for word in _WORD.findall(name)]
