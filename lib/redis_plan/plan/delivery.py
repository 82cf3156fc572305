"""Delivery: the artefacts of a run, made from its records alone, and held against what the plan says of them."""

from __future__ import annotations

import json
import re

from redis_plan.delivery import bundle
from redis_plan.delivery.artefact import Artefact
from redis_plan.delivery.bundle import Walked
from redis_plan.delivery.configuration import Target
from redis_plan.errors import PlanError
from redis_plan.keyspace import settings
from redis_plan.run import Run
from redis_plan.words import capacity

WALK, CONFIGURATION = "E-07j", "E-09a"
_TOLD = re.compile(r"`redis/([\w./-]+)` \(SHA-256 `([0-9a-f]{64})`\)")


def artefacts(run: Run) -> tuple[Artefact, ...]:
    """Return the artefacts of ``run``: the same records, the same bytes.

    Raises :class:`MissingStepError` while notebook 06 has not run, whose results the configuration needs.
    """
    brief, keyspace, records = run.load_brief(), run.load_keyspace(), run.evidence.all()
    names = capacity.quantities(brief, keyspace, records)
    return bundle.bundle(brief, keyspace, settings.settings(keyspace, names), names, target(run), _walked(run))


def target(run: Run) -> Target:
    """Return the server that the configuration is for: the one on which notebook 09 tried it, else that of any record."""
    records = run.evidence.all()
    measured_on = (records.get(CONFIGURATION) or next(iter(records.values()))).server
    return Target(measured_on.product, measured_on.version)


def _walked(run: Run) -> Walked | None:
    record = run.evidence.all().get(WALK)
    if record is None or record.not_run:
        return None
    rows = run.evidence.samples(WALK).to_dict("records")
    told = tuple({str(k): v for k, v in row.items()} | {"keys": json.loads(row["keys"])} for row in rows)
    return Walked(told, record.server.name, str(record.conditions.get("form", "")))


def check(text: str, made: tuple[Artefact, ...]) -> None:
    """Raise :class:`PlanError` where the plan names another content of an artefact than is delivered with it."""
    digests = {artefact.path: artefact.sha256 for artefact in made}
    for path, sha in _TOLD.findall(text):
        if digests.get(path) != sha:
            raise PlanError(
                f"the plan describes another redis/{path} than this build would deliver; run notebooks 07 and 09 again"
            )
