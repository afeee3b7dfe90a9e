"""What secrets look like: for each rule its name, the words that hint at it, and its pattern; pure.

A pattern's group ``secret`` is what the marker takes the place of; without that group it is the
whole match. Every pattern is linear: what repeats is either bounded, or stops at characters that
what follows begins with. ``Rule.hints`` are looked for in one pass over the lower-case text; a
pattern is tried only where one of its hints is.
"""

import re
from dataclasses import dataclass

MARKER = re.compile(r"\[redacted:[a-z0-9-]+\]")
"""What stands where a secret was."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of secret is found."""

    name: str
    hints: tuple[str, ...]
    """In lower case; none: the pattern is tried on every text."""
    pattern: re.Pattern[str]

    @property
    def marker(self) -> str:
        """What takes the place of the secret."""
        return marker_of(self.name)


def marker_of(name: str) -> str:
    """Return the marker of a rule."""
    return f"[redacted:{name}]"


def _rule(name: str, hints: str, pattern: str) -> Rule:
    return Rule(name, tuple(hints.split()), re.compile(pattern, re.IGNORECASE))


_SEPARATOR = r"""["'\\\]]{0,6}\s{0,3}(?:=>|:=|[:=]|%(?:25)?3[ad])\s{0,3}"""
"""Between a name and its value: ``=``, ``:``, in JSON, in JSON inside JSON, in an encoded URL."""
_QUOTE = r"""(?:[bru]{1,2}(?=["']))?(?:\\{1,8}["']|["'])"""
_IN_QUOTES = (
    r"""(?<=\\["'])(?:(?!\\{1,8}["'])[^\r\n])+"""
    r"""|(?<=(?<!\\)")(?:[^"\\\r\n]|\\[^\r\n])+"""
    r"""|(?<=(?<!\\)')(?:[^'\\\r\n]|\\[^\r\n])+"""
)
_PART = r"""(?:(?!%(?:25)?26)[^\s"'&,;\\<>(){}\[\]])"""
_AND_SO_ON = r"""(?:[&,;\\<>(){}\[\]]{1,4}(?![\w.-]{1,40}["']?\s?[:=])""" + _PART + r"""+)"""
_BARE = r"""[&,;<>(){}\[\]]{0,3}""" + _PART + r"+" + _AND_SO_ON + "*"
"""A value without quotes. It ends at white space, at a quote, and where another name begins."""
_ENDS = r"""(?=[\s"'&,;\\<>(){}\]]|%(?:25)?26|$)"""
_PLACEHOLDER = (
    r"(?:\[redacted:[a-z0-9-]+\]|none|null|nil|true|false|\*+|\.{2,}|x{3,}|\[[a-z_ -]{1,20}\]"
    r"|<[\w -]{1,40}>|\$\{\w{1,64}\}|\$\(\w{1,64}\)|%\(\w{1,64}\)s|%s"
    r"|\{\w{0,64}\}|\{\{[^{}]{1,64}\}\})"
)
"""What stands for a value that is not told, or that there is none."""
_MASKED = f"(?!{_PLACEHOLDER}{_ENDS})"
_MASKED_IN_QUOTES = rf"(?!{_PLACEHOLDER}(?:\\{{0,8}}[\"']|$))"
_PROSE = (
    r"(?:(?<==)|(?!(?:a|an|any|auth\w*|cannot|could|denied|empty|error|expired|failed|failure|for|has|in"
    r"|incorrect|invalid|is|missing|must|no|not|please|required|that|the|this|too|try|unable|user"
    r"|was|with|wrong)\b(?!=)))"
)
"""Words that follow a colon in a sentence about a secret."""
_VALUE = (
    f"(?:{_QUOTE}{_MASKED_IN_QUOTES}(?P<secret>{_IN_QUOTES})"
    f"|(?![bru]{{1,2}}[\"']){_MASKED}{_PROSE}(?P<bare>{_BARE}))"
)
_OPAQUE = r"(?=[^\s\"'&]{0,64}\d)[\w.~+/%=-]{16,}"
_AUTHORIZATION = (
    r"authorization[\"'\\\]]{0,6}\s{0,3}[:=]\s{0,3}"
    r"(?:b(?=[\"']))?(?:[\\\"'(]|\[(?!redacted:)){0,6}+"
)
_SCHEME = r"(?:basic|bearer|token|negotiate|ntlm|api-?key)"

_PARAMETER = r"[\w-]{1,40}=(?:\\{0,8}\"[^\"\\\r\n]*(?:\\{0,8}\")?|[^\s,;\"'\\]+)"
"""Of a header ``Authorization`` with parameters."""
_PAIR = r"[\w!#$%&*+.^`|~-]{1,128}=(?:\\{0,8}\"[^\"\\\s]{0,4096}\\{0,8}\"|[^\s;,\"'\\]*)"
"""A cookie and its value; Tornado's stand in quotes."""

_PASSWORDS = r"(?:passw(?:or)?d|passphrase|pwd(?=[\"'\\\]]{0,6}\s{0,3}[:=]\s{0,3}[\"']?[^/~\"'\s]))"
_NAMES = (
    r"(?:(?:client|cookie|webhook|signing|app|shared|oauth2?|jwt|hmac)[_-]?secret"
    r"|(?:api|access|secret|private|crypt|encryption|account|signing|master|fernet|subscription)"
    r"[_-]?key"
    r"|(?:access|refresh|id|auth|api|session|security|bot|bearer|proxy|registry|deploy|webhook"
    r"|csrf|xsrf)[_-]?token"
    r"|_xsrf|session-id|code_verifier"
    r"|jupyterhub-(?:hub-login|services?|user-[\w%.-]{1,80})(?==))"
)

RULES: tuple[Rule, ...] = (
    _rule(
        "jwt",
        "eyj",
        r"(?-i:eyJ)[\w-]{10,}(?:\.[\w-]+){0,4}(?:=|%3D){0,2}",
    ),
    _rule(
        "github-token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"(?:gh[pousr]|github_pat)_\w{16,}",
    ),
    _rule("openshift-token", "sha256~", r"sha256~[\w-]{16,}"),
    _rule("slack-token", "xox xapp-", r"(?:xox[a-z]|xapp)-[\w-]{10,}"),
    _rule("slack-webhook", "hooks.slack.com/", r"hooks\.slack\.com/[a-z]{1,20}/(?P<secret>[\w/]+)"),
    _rule(
        "aws-key",
        "akia asia",
        r"(?-i:(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9]))",
    ),
    _rule(
        "service-token",
        "glpat- hf_ pypi- dckr_pat_ sk_live_ sk-ant- sk-proj- aiza gocspx-",
        r"(?-i:(?:glpat-|hf_|pypi-|dckr_pat_|sk_live_|sk-ant-|sk-proj-|AIza|GOCSPX-)[\w-]{20,})",
    ),
    _rule(
        "session-cookie",
        "2|1: 2%7c1%3a",
        r"(?<![\w|])2(?:\||%7C)1(?::|%3A)\d[^\s\"',;\\]{20,}",
    ),
    _rule("jupyterhub-token", "token", r"\btoken\s{1,3}(?P<secret>[0-9a-f]{32,64})\b"),
    _rule(
        "jupyterhub-token",
        "authorizations/",
        r"/authorizations/(?:token|cookie/[^/\s]{1,200})/"
        + _MASKED
        + r"(?P<secret>[^\s/?\"'\[\],;)]+)",
    ),
    _rule(
        "url-password",
        "://",
        r"://[^\s/:@?#\"'<>\[\]]{0,256}+:(?!\d{1,5}(?:[/?#\s\"',;)]|$))"
        r"(?!(?:\[redacted:[a-z0-9-]+\]|\*+|x{3,}|<[\w -]{1,40}>|\[[a-z_ -]{1,20}\])@)"
        r"(?P<secret>[^\s/?#<>]{1,512}(?=@(?!sha\d{3}:))"
        r"|[^\s<>@]{1,512}+(?:@[^\s<>@/?#]{1,256}+){0,8}(?=@(?!sha\d{3}:)))",
    ),
    _rule("url-password", "://", r"://(?P<secret>[\w-]{32,256}+)(?=@)"),
    _rule(
        "authorization",
        "authorization",
        _AUTHORIZATION + r"(?:digest|aws4-hmac-sha256)\s{1,3}"
        rf"(?P<secret>{_PARAMETER}(?:,\s{{0,3}}{_PARAMETER})*)",
    ),
    _rule(
        "authorization",
        "authorization",
        _AUTHORIZATION + r"(?:" + _SCHEME + r"\s{1,3})?+"
        r"(?!"
        + _SCHEME
        + r"\b|digest\b|aws4)"
        + _MASKED
        + _PROSE
        + r"(?P<secret>[^\s\"'\\,;)\]}]{4,})",
    ),
    _rule(
        "bearer-token",
        "bearer",
        r"\bbearer\s{1,3}(?=[^\s\"']{0,256}(?:\d|(?-i:[a-z][A-Z])))(?P<secret>[\w.~+/=-]{6,})",
    ),
    _rule(
        "basic-credentials",
        "basic",
        r"\bbasic\s{1,3}(?=[a-z0-9+/](?-i:[a-z+/]{0,256}[A-Z0-9=]))"
        r"(?P<secret>(?:[a-z0-9+/]{4}){1,256}(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?)(?![\w+/=])",
    ),
    _rule(
        "cookie",
        "cookie",
        r"cookie2?[\"'\\\]]{0,6}\s{0,3}[:=]\s{0,3}[\\\"'\[]{0,6}(?!\[redacted:)"
        rf"(?P<secret>{_PAIR}(?:;\s{{0,3}}(?:{_PAIR}|secure|httponly))*)",
    ),
    _rule(
        "password",
        "passwd password passphrase pwd",
        _PASSWORDS + _SEPARATOR + _VALUE,
    ),
    _rule(
        "password",
        "passwd password passphrase",
        r"(?:passw(?:or)?d|passphrase)\s{1,3}"
        + _QUOTE
        + _MASKED_IN_QUOTES
        + f"(?P<secret>{_IN_QUOTES})",
    ),
    _rule(
        "secret",
        "secret key token _xsrf session-id verifier jupyterhub-hub-login jupyterhub-service"
        " jupyterhub-user-",
        _NAMES + _SEPARATOR + _VALUE,
    ),
    _rule(
        "secret",
        "--",
        r"--[\w-]{0,40}(?:password|passwd|token|secret|api-?key)\s{1,3}(?!-)" + _VALUE,
    ),
    _rule("token", "token", r"token(?:=|%(?:25)?3d)" + _VALUE),
    _rule(
        "token",
        "token",
        r"token[\"'\\]{0,6}\s{0,3}(?::|=>?)\s{0,3}(?:(?=\\{0,8}[\"'])"
        + _VALUE
        + r"|(?P<opaque>"
        + _OPAQUE
        + "))",
    ),
    _rule(
        "oauth",
        "code= code%3d code%253d state= state%3d state%253d sig= signature= nonce=",
        r"(?:[?&;]|%(?:25)?3f|%(?:25)?26)(?:code|(?:session_)?state|nonce|sig|x-amz-signature"
        r"|signature)(?:=|%(?:25)?3d)"
        + _MASKED
        + r"(?!\d{1,3}"
        + _ENDS
        + r"|(?:in)?active"
        + _ENDS
        + r"|ready"
        + _ENDS
        + r"|running"
        + _ENDS
        + r"|open"
        + _ENDS
        + r"|closed"
        + _ENDS
        + r"|pending"
        + _ENDS
        + r"|all"
        + _ENDS
        + ")"
        r"(?P<secret>" + _PART + "+)",
    ),
    _rule(
        "oauth",
        "code state",
        r"\b(?:code|state)[\"'\\]{0,6}\s{0,3}[:=]\s{0,3}[\\\"']{0,6}(?P<secret>" + _OPAQUE + ")",
    ),
)
"""In the order in which they are applied: what tells itself first, then what its name tells."""

KEY_RULES = ("private-key", "base64")
"""Not by patterns alone: see :mod:`pipeline.redact.keymaterial`."""
RULE_NAMES: tuple[str, ...] = tuple(dict.fromkeys((*KEY_RULES, *(rule.name for rule in RULES))))
"""Every built-in rule by its name; several patterns may share one."""
