"""Later: experiments that are too long for a first look run from the profile ``standard`` on."""

from __future__ import annotations

from redis_plan.measure.finding import Finding
from redis_plan.measure.lab import Lab

#: Why an experiment was left out of a quick build; the plan lists it with this reason.
QUICK = "left out in profile quick; standard and full run it"


def left_out(lab: Lab, question: str) -> Finding | None:
    """Return the finding of an experiment that ``quick`` leaves out, or None where it runs."""
    return Finding(question, "", "", (), not_run=QUICK) if lab.profile == "quick" else None
