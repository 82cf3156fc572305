"""Evidence records made by hand."""

from redis_plan.evidence.store import Evidence
from redis_plan.server import Fingerprint


def fingerprint() -> Fingerprint:
    """A fingerprint with every field filled by a plain value of its type."""
    plain = {"str": "x", "int": 1, "bool": False, "float": 1.0}
    given = {}
    for name, field in Fingerprint.__dataclass_fields__.items():
        kind = str(field.type)
        given[name] = {} if kind.startswith("dict") else () if kind.startswith("tuple") else plain.get(kind, "x")
    return Fingerprint(**given)


def evidence(id: str, *values, not_run: str = "") -> Evidence:
    """A record of notebook ``id[2:4]`` with ``values``."""
    return Evidence(
        id=id,
        notebook="04_expiry",
        question="When is a key gone?",
        hypothesis="Late.",
        method="Probes",
        conclusion="Late indeed.",
        values=values,
        conditions={"loop": "open", "rate": 12.5},
        server=fingerprint(),
        profile="quick",
        inputs="0",
        samples_file=f"{id}.parquet",
        samples_count=300,
        seconds=1.0,
        not_run=not_run,
    )
