"""Key names: the formal grammar of every key and channel, and the encoding that keeps ids inside their segment.

::

    key      = app ":v" schema ":" ( "{" id "}" ":" part / part ) *( ":" id )
    channel  = environment ":" key
    app      = *digit slug
    part     = slug                       ; "roster", "votes": unique in a keyspace
    slug     = lower *( lower / digit / "-" )
    schema   = digit19 *digit
    id       = 1*64( ALPHA / digit / "_" / "-" / "." / "%" HEX HEX )

>>> key = render("poker:v1:{<session_id>}:votes:<round_id>", session_id="k3:}", round_id=7)
>>> key
'poker:v1:{k3%3A%7D}:votes:7'
>>> parse("poker:v1:{<session_id>}:votes:<round_id>", key)
{'session_id': 'k3:}', 'round_id': '7'}
>>> hash_tag("poker:v1:{<session_id>}:votes"), slot(key) == slot("poker:v1:{k3%3A%7D}:roster")
('<session_id>', True)
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from redis.crc import key_slot

from redis_plan.brief.slug import SLUG_BYTES

#: Longest encoded id, in bytes; a longer one becomes "~" and a digest. 64 B is what a UUID or a ULID needs twice over.
MAX_ID_BYTES = 64
MAX_APP_BYTES = SLUG_BYTES
#: The environment that ACL patterns and examples name: users are made for each one, so it is never a wildcard.
ENVIRONMENT = "prod"

SLUG = re.compile(r"[a-z][a-z0-9-]*")
#: A product may begin with a number, as "3d-chess" does; it is none.
_APP = r"[0-9]*[a-z][a-z0-9-]*"
APP = re.compile(_APP)
PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_]*)>")
_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.")
_ID = r"(?:[A-Za-z0-9_.-]|%[0-9A-F]{2}|~){1,64}"

#: An encoded id.
ID = re.compile(_ID)

#: The grammar as one regular expression, over rendered names (channels with their environment in front).
KEY = re.compile(
    rf"(?:(?P<environment>[a-z][a-z0-9-]*):)?(?P<app>{_APP}):v(?P<schema>[1-9][0-9]*):"
    rf"(?:\{{(?P<tag>{_ID})\}}:)?(?P<part>[a-z][a-z0-9-]*)(?P<ids>(?::{_ID})*)"
)

#: The same grammar for a reader: EBNF (ISO 14977).
EBNF = """\
key      = app, ":v", schema, ":", [ "{", id, "}", ":" ], part, { ":", id } ;
channel  = environment, ":", key ;
app      = { digit }, slug ;  environment = slug ;  part = slug ;
slug     = lower, { lower | digit | "-" } ;
schema   = "1" … "9", { digit } ;
id       = safe, { safe } ;                     (* 1 to 64 bytes *)
safe     = letter | digit | "_" | "-" | "." | "%", hex, hex | "~" ;"""


def encode_id(value: object) -> str:
    """Return ``value`` as a segment of a key: percent-encoded UTF-8 (RFC 3986), capped at 64 bytes by hashing.

    The result never holds a colon, a brace, a blank, a newline or a NUL; different values stay different (a digest of
    160 bits stands for those that are too long). Raises :class:`ValueError` for an empty id: ``{}`` is no hash tag.
    """
    raw = str(value).encode("utf-8", "surrogatepass")
    if not raw:
        raise ValueError("an id in a key name can't be empty: '{}' would hash the whole name instead of the tag")
    text = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
    if len(text) <= MAX_ID_BYTES:
        return text
    # "~" is no safe character of its own, so a digest never equals the encoding of some other id; SHA-256 is what every
    # language has, and its first 160 bits are enough
    return "~" + hashlib.sha256(raw).hexdigest()[:40]


def decode_id(segment: str) -> str:
    """Return the id that ``segment`` encodes; a digest comes back as it stands."""
    raw = re.sub(rb"%([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), segment.encode())
    return raw.decode("utf-8", "surrogatepass")


def slugify(text: str, fallback: str = "app") -> str:
    """Return ``text`` as an ascii slug of at most :data:`MAX_APP_BYTES`: letters, digits and hyphens, none of digits first.

    >>> slugify("Głosowanie w zespole"), slugify("게임"), slugify("2048"), slugify("10x cards")
    ('glosowanie-w-zespole', 'app', 'app-2048', '10x-cards')
    """
    plain = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L").replace("ß", "ss"))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", plain).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if plain and not APP.match(plain):
        plain = f"{fallback}-{plain}"
    return plain[:MAX_APP_BYTES].rstrip("-") or fallback


def placeholders(template: str) -> tuple[str, ...]:
    """Return the placeholder names of ``template``, in order."""
    return tuple(PLACEHOLDER.findall(template))


def render(template: str, **ids: object) -> str:
    """Fill ``template`` with encoded ``ids``; raises :class:`KeyError` naming a placeholder that is missing."""
    return PLACEHOLDER.sub(lambda match: encode_id(ids[match[1]]), template)


@lru_cache(maxsize=1024)
def regex(template: str) -> re.Pattern[str]:
    """Return the expression that matches exactly the keys of ``template``, with a group for each placeholder."""
    parts = re.split(r"(<[a-z][a-z0-9_]*>)", template)
    return re.compile("".join(f"(?P<{p[1:-1]}>{_ID})" if p.startswith("<") else re.escape(p) for p in parts))


def parse(template: str, key: str) -> dict[str, str] | None:
    """Return the ids in ``key``, or None if it is no key of ``template``."""
    match = regex(template).fullmatch(key)
    return {name: decode_id(text) for name, text in match.groupdict().items()} if match else None


def hash_tag(template: str) -> str:
    """Return what Redis hashes of ``template`` instead of the whole name, or "" (only the first ``{…}`` counts)."""
    start = template.find("{")
    end = template.find("}", start + 1)
    return template[start + 1 : end] if start >= 0 and end > start + 1 else ""


def slot(key: str) -> int:
    """Return the cluster slot of ``key``: CRC16 of its hash tag modulo 16384 (Redis cluster specification)."""
    return int(key_slot(key.encode()))


def acl_pattern(template: str) -> str:
    """Return ``template`` as an ACL pattern: the environment is a literal, every other placeholder a ``*``.

    >>> acl_pattern("quiz:v1:{<session_id>}:roster"), acl_pattern("<env>:quiz:v1:{<session_id>}:events")
    ('quiz:v1:{*}:roster', 'prod:quiz:v1:{*}:events')
    """
    return PLACEHOLDER.sub("*", template.replace("<env>", ENVIRONMENT))


def overlap(one: str, other: str) -> bool:
    """Whether some key belongs to both templates: segment by segment, a placeholder meets anything."""
    left, right = one.split(":"), other.split(":")
    if len(left) != len(right):
        return False
    return all(_meet(a, b) for a, b in zip(left, right, strict=True))


def _meet(a: str, b: str) -> bool:
    if a == b:
        return True
    tagged = [s.startswith("{") for s in (a, b)]
    if tagged[0] != tagged[1]:
        return False  # encoded ids hold no brace
    return bool(PLACEHOLDER.search(a) or PLACEHOLDER.search(b))


def example(template: str) -> str:
    """Return one real key of ``template``, with sample ids that are as long as the real ones."""
    samples = {"session_id": "01J9Z3K8QW4T", "env": ENVIRONMENT, "bucket": "07", "node_id": "gw-2", "code": "K7PQXM",
               "op_id": "01J9Z3KAW2M7R4QX8V6T1N5B0D", "digest": "9f86d081884c7d65", "operation": "9f86d081884c7d659a2feaa0c55ad015", "action": "join", "subject": "u-4f2a9c",
               "window": "29923940", "metric": "members", "day": "2026-11-23"}  # fmt: skip
    names = placeholders(template)
    return render(template, **{name: samples.get(name, f"{name[0]}-4f2a9c") for name in names})
