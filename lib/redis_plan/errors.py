"""Errors: what went wrong, where, and what to do, in one line.

RedisPlanError              anything we can explain (exit code 1)
├── InputError              a user's mistake (exit code 2)
│   ├── DocumentError       a project document that can't be read
│   ├── OverrideError       a fault in ai/redis-plan.toml
│   ├── ParameterError      an unknown or ill-typed notebook parameter
│   ├── ServerError         a server that can't or must not be used
│   └── OutputError         a place we can't write to
├── MissingStepError        a notebook's input is missing; another notebook makes it
├── Stopped                 Ctrl-C or SIGTERM ended a build (exit code 130)
└── PlanError               the plan can't be assembled from what the notebooks said
"""

from __future__ import annotations


class RedisPlanError(Exception):
    """An error with a message meant for a person; ``exit_code`` is what the command returns."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook: IPython calls this in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class InputError(RedisPlanError):
    """A user's mistake."""

    exit_code = 2


class DocumentError(InputError):
    """A project document that can't be read."""


class OverrideError(InputError):
    """A fault in ``ai/redis-plan.toml``."""


class ParameterError(InputError):
    """An unknown or ill-typed notebook parameter."""


class ServerError(InputError):
    """A server that can't be used, or that we must not touch."""


class OutputError(InputError):
    """A place we can't write to."""


class MissingStepError(RedisPlanError):
    """A notebook's input is missing from the run folder; the message names the notebook that makes it."""


class Stopped(RedisPlanError):  # noqa: N818  # being stopped is no error
    """Ctrl-C or SIGTERM ended a build in order."""

    exit_code = 130


class PlanError(RedisPlanError):
    """The plan can't be assembled; the message names the section and the cell."""
