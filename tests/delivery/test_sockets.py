"""Closing and coming back are those of the WebSocket library that the stack names."""

import re
from dataclasses import replace

import pytest

from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import appendix
from redis_plan.delivery import bundle, sockets
from redis_plan.words import socket_text
from tests.delivery import made
from tests.test_imports import MODULES, PACKAGE


def with_stack(brief: Brief, *names: str) -> Brief:
    return replace(brief, stack=tuple(replace(brief.stack[0], name=name, status="chosen") for name in names))


@pytest.mark.parametrize(
    ("stack", "name"),
    [
        (("Node.js", "Socket.IO"), "Socket.IO"),
        (("Django", "Django Channels"), "Django Channels"),
        (("FastAPI", "React"), "FastAPI/Starlette"),
        (("Elixir", "Phoenix"), "Phoenix Channels"),
        (("SignalR",), "SignalR"),
        (("Node.js", "ws"), "WebSocket"),
        (("Laravel",), "WebSocket"),
    ],
)
def test_the_library_follows_the_stack(sample: made.Project, stack: tuple[str, ...], name: str) -> None:
    assert sockets.library(with_stack(sample.brief, *stack)).name == name


def test_a_library_without_close_codes_is_promised_none(sample: made.Project) -> None:
    assert not sockets.library(sample.brief).codes  # Socket.IO
    text = socket_text.closing(sample.brief, sample.keyspace) + appendix.limits(sample.brief, sample.keyspace)
    assert not re.search(r"\b40\d\d\b", text)
    assert "socket.connect()" in text  # after "io server disconnect" the client does not come back by itself


def test_a_library_s_own_adapter_is_decided_and_not_left_open(sample: made.Project) -> None:
    """The stack names one; test_access has it that the user of the application may not run its commands."""
    (told,) = (
        line
        for line in socket_text.closing(sample.brief, sample.keyspace).splitlines()
        if "Redis adapter stays out" in line
    )
    assert "`PSUBSCRIBE`" in told
    assert "`NOPERM`" in told


def test_a_library_with_close_codes_names_private_ones(sample: made.Project) -> None:
    text = socket_text.closing(with_stack(sample.brief, "ws"), sample.keyspace)
    codes = {int(code) for code in re.findall(r"code (\d+)", text)}
    assert codes == {reason.code for reason in sockets.reasons().values()}
    assert all(4000 <= code <= 4999 for code in codes)


@pytest.mark.parametrize("name", ["Socket.IO", "SignalR", "Phoenix", "Django Channels", "FastAPI", "ws"])
def test_every_library_closes_with_the_reason_s_word(sample: made.Project, name: str) -> None:
    library = sockets.library(with_stack(sample.brief, name))
    for reason in sockets.reasons().values():
        closing = library.closing(reason)
        assert str(reason.code) in closing or reason.word in closing
        assert "{word}" not in closing


@pytest.mark.parametrize("name", ["Socket.IO", "SignalR", "Phoenix", "Django Channels", "FastAPI", "ws"])
def test_the_readme_answers_adapter_or_own_channel_and_maps_the_library(sample: made.Project, name: str) -> None:
    brief = with_stack(sample.brief, name)
    library, readme = sockets.library(brief), bundle.readme(brief, sample.keyspace, ())
    assert f"The design's own channel, alone, and nothing of {library.adapter}." in readme
    for said in (library.rooms, library.answer, library.back, library.closed, library.recovery):
        assert f": {said}." in readme
    for reason in ("kicked", "taken"):
        assert f"with {library.sign(sockets.reasons()[reason])}" in " ".join(readme.split())


def test_no_text_types_a_close_code() -> None:
    for path in MODULES:
        if path.relative_to(PACKAGE).parts[0] in ("plan", "delivery", "keyspace", "chapters", "rig", "words"):
            assert not re.search(r"(code|with|then|takeover,) 40\d\d\b", path.read_text("utf-8")), path
