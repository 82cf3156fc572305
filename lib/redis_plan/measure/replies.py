r"""Replies counted as they arrive, as cheaply as the kind of reply allows.

A generator needs the number of replies, not their content. Replies of one line each (``+OK``, ``:1``, errors) are
counted by their line ends; replies whose every copy has as many bytes are counted by bytes; anything else goes through
the hiredis reader. Errors are counted apart wherever they can be told.

>>> counter = lines()
>>> counter.feed(b"+OK\r\n:1\r\n-ERR no"), counter.feed(b"\r\n")
(2, 1)
>>> counter.errors
1
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import hiredis


class Counter(Protocol):
    """Counts the replies on one connection; ``errors`` is how many of them were errors."""

    errors: int

    def feed(self, received: bytes) -> int:
        """Return how many whole replies ``received`` completed."""
        ...


#: Makes a counter for one connection.
Counting = Callable[[], Counter]


class _Lines:
    """Replies of ``each`` lines: 1 for statuses, integers and errors, 2 for a bulk string without line ends inside."""

    def __init__(self, each: int = 1) -> None:
        self.errors = 0
        self._each, self._lines, self._last = each, 0, b"\n"

    def feed(self, received: bytes) -> int:
        before = self._lines // self._each
        if b"-" in received:  # an id such as 1700-0 has one, too: look at the beginnings of lines only
            wrong = received.count(b"\n-") + (self._last == b"\n" and received[:1] == b"-")
            self.errors += wrong
            self._lines += wrong * (self._each - 1)  # an error has one line
        self._last = received[-1:]
        self._lines += received.count(b"\n")
        return self._lines // self._each - before


class _Sized:
    """Replies of ``size`` bytes each, whatever they hold; an error shows at the first byte of a chunk of replies."""

    def __init__(self, size: int) -> None:
        self.errors = 0
        self._size, self._bytes = size, 0

    def feed(self, received: bytes) -> int:
        if self._bytes % self._size == 0 and received[:1] == b"-":
            self.errors += 1
        before = self._bytes // self._size
        self._bytes += len(received)
        return self._bytes // self._size - before


class _Parsed:
    """Any replies, through the hiredis reader."""

    def __init__(self) -> None:
        self.errors = 0
        self._reader = hiredis.Reader()

    def feed(self, received: bytes) -> int:
        reader = self._reader
        reader.feed(received)
        count = 0
        while (reply := reader.gets()) is not False:
            count += 1
            if isinstance(reply, hiredis.ReplyError):
                self.errors += 1
        return count


def lines(each: int = 1) -> Counter:
    """Return a counter of replies that have ``each`` line ends: 1 for ``+OK`` and ``:1``, 2 for a plain bulk string."""
    return _Lines(each)


def sized(size: int) -> Counter:
    """Return a counter of replies that all have ``size`` bytes, as GET of values of one length."""
    return _Sized(size)


def parsed() -> Counter:
    """Return a counter of any replies."""
    return _Parsed()
