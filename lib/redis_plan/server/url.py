"""A server's URL: checked before anything is sent, and never shown with its password.

>>> masked("redis://app:hunter2@cache.example:6380/1")
'redis://app:***@cache.example:6380/1'
>>> masked("redis://:pa/ss@cache.example")
'redis://:***@cache.example'
>>> address_of("unix:///run/redis.sock?db=1")
('unix', '/run/redis.sock')
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from redis_plan.errors import ServerError
from redis_plan.server.process import Address

DEFAULT_PORT = 6379
_SECRET = re.compile(r"([?&](?:password|ssl_password)=)[^&#]*", re.IGNORECASE)
_MASKED = re.compile(r":\*\*\*@|[?&](?:password|ssl_password)=\*\*\*(?:[&#]|$)", re.IGNORECASE)
VARIABLE = "REDIS_PLAN_SERVER_URL"  # the environment variable that keeps a URL with its password
_FORMS = "a URL is redis://HOST:PORT, rediss://HOST:PORT or unix:///PATH"
_ESCAPE = "write / ? # @ of a password as %2F %3F %23 %40"


def masked(url: str) -> str:
    """Return ``url`` without its password, even where the password makes it a wrong URL."""
    scheme, mark, rest = url.rpartition("://") if url.count("://") == 1 else url.partition("://")
    before, at, after = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    shown = f"{user}:***@{after}" if colon else f"{before}{at}{after}"
    return _SECRET.sub(r"\1***", f"{scheme}{mark}{shown}")


def conceal(url: str) -> str:
    """Return ``url`` as it may be written into a notebook, its password replaced by ``***``.

    The whole URL is kept in the environment, which kernels inherit; ``server.open`` takes the masked one in its place.
    """
    shown = masked(url)
    if shown != url:
        os.environ[VARIABLE] = url
    return shown


def revealed(url: str) -> str:
    """Return the whole URL for one that :func:`conceal` masked; raises :class:`ServerError` where it is not known."""
    if not _MASKED.search(url):
        return url
    whole = os.environ.get(VARIABLE, "")
    if whole and masked(whole) == url:
        return whole
    raise ServerError(f"the password of {url} was not kept; give the whole URL, or set {VARIABLE} to it")


def has_password(url: str) -> bool:
    """Whether ``url`` says a password."""
    return urlsplit(url).password is not None or bool(_SECRET.search(url))


def with_password(url: str) -> str:
    """Return what a URL of this kind looks like with a password.

    >>> with_password("unix:///run/redis.sock")
    'unix://:PASSWORD@/PATH'
    """
    scheme = urlsplit(url).scheme
    return "unix://:PASSWORD@/PATH" if scheme == "unix" else f"{scheme}://:PASSWORD@HOST:PORT"


def checked(url: str) -> str:
    """Return ``url`` as redis-py takes it; raises :class:`ServerError` in one line that says what a URL looks like."""
    where = masked(url)
    url = re.sub(r"^valkey(s?)://", r"redis\1://", url.strip())
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ServerError(f"{where!r} is no URL of a server: {_FORMS}; {_ESCAPE}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ServerError(f"{where!r} is no URL of a server: {_FORMS}")
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise ServerError(f"{where!r} has no path of a socket: write unix:///PATH")
        return url
    try:
        port = parts.port
    except ValueError:
        raise ServerError(f"the port of {where!r} is no number from 1 to 65535: {_FORMS}; {_ESCAPE}") from None
    if port == 0:
        raise ServerError(f"the port of {where!r} is no number from 1 to 65535: {_FORMS}")
    if not parts.hostname:
        raise ServerError(f"{where!r} has no host: {_FORMS}")
    if not re.fullmatch(r"/?\d*/?", parts.path):
        raise ServerError(f"{where!r}: after the host comes the number of a database, such as /0; {_ESCAPE}")
    if parts.fragment:
        raise ServerError(f"{where!r} has a #, which ends a URL; {_ESCAPE}")
    return url


def address_of(url: str) -> Address:
    """Return where raw sockets connect for a checked ``url``."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return ("unix", unquote(parts.path))
    return ("tcp", parts.hostname or "localhost", parts.port or DEFAULT_PORT)
