"""The linter: each rule finds its planted fault, and a designed keyspace has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redis_plan.brief.model import Brief
from redis_plan.keyspace import checks, design, lint
from redis_plan.keyspace.linter import rules
from redis_plan.keyspace.model import Candidate, Field, KeyPattern, Keyspace, TtlRule

from .briefs import entity, facts, ledger, prices, workshop

NONE = TtlRule("none", None, "")
Change = Callable[[KeyPattern], KeyPattern]


def changed(of: str, /, **values: object) -> Callable[[Keyspace, Brief], tuple[Keyspace, Brief]]:
    """Plant a fault in one pattern."""

    def plant(keyspace: Keyspace, brief: Brief) -> tuple[Keyspace, Brief]:
        patterns = tuple(replace(p, **values) if p.name == of else p for p in keyspace.patterns)  # type: ignore[arg-type]
        return replace(keyspace, patterns=patterns), brief

    return plant


def rebuilt(candidate: Candidate) -> dict[str, object]:
    return {"candidates": (candidate,), "chosen": candidate.name}


NAIVE = Candidate("n", "hash", "s", ("HSET <key> a 1",), ("HGETALL <key>",), naive=True)
TTL_APART = replace(NAIVE, write=("HSET <key> a 1", "EXPIRE <key> 60"), atomic=False)
APP = "team-workshop:v1:"


def together_in(*names: str) -> Callable[[Keyspace], Keyspace]:
    """Let one MULTI write several keys."""

    def plant(keyspace: Keyspace) -> Keyspace:
        step = ("service: MULTI of both, EXPIRE",)
        return replace(
            keyspace, patterns=tuple(replace(p, writers=step) if p.name in names else p for p in keyspace.patterns)
        )

    return plant


PLANTED = {
    "KS001": changed("due", deleted_by=""),
    "KS002": changed("roster", ttl=NONE),
    "KS003": changed("roster", at_bound=""),
    "KS004": changed("roster", max_elements=1e6),
    "KS005": changed("log", template=APP + "{<log_id>}:log"),
    "KS006": changed("round", template=APP + "{<session_id>}:roster"),
    "KS007": changed("vote", template=APP + "{<session_id>}:vote-<round_id>"),
    "KS008": changed("vote", template=APP + "{<session_id>}:Vote:<round_id>"),
    "KS009": changed("sticky-note", template=APP + "{notes}:sticky-note:<session_id>"),
    "KS010": changed("sticky-note", template=APP + "{<session_id>}:{<note_id>}:sticky-note"),
    "KS011": changed("code", template=APP + "code:<email>"),
    "KS012": changed("roster", chosen=""),
    "KS013": changed("roster", **rebuilt(replace(NAIVE, since="8.4"))),
    "KS014": lambda k, b: (replace(k, patterns=tuple(p for p in k.patterns if p.name != "log")), b),
    "KS015": changed("idem", ttl=TtlRule("fixed", 5, "")),
    "KS018": changed("roster", readers=("worker: SCAN MATCH *",)),
    "KS019": changed("roster", **rebuilt(replace(NAIVE, naive=False))),
    "KS020": changed("roster", **rebuilt(NAIVE)),
    "KS021": changed("roster", requirements=(), access_patterns=()),
    "KS022": changed("vote", template=APP + "{<session_id>}:vote:<a_id>:<b_id>:<c_id>:<d_id>"),
    "KS023": changed("roster", fields=(Field("<member_id>", "JSON", 300),)),
    "KS024": changed("due", readers=("worker, on expired notifications",)),
    "KS025": changed("code", writers=("service",), functions=(), **rebuilt(replace(NAIVE, atomic=False))),
    "KS026": changed("events", template=APP + "{<session_id>}:events"),
    "KS027": lambda k, b: (k, replace(b, entities=(*b.entities, entity("Whiteboard stroke")))),
    "KS028": changed("gateways", max_elements=1e6),
    "KS029": changed("round", name="roster"),
    "KS030": changed("code", writers=("service",), functions=(), **rebuilt(TTL_APART)),
    "KS031": changed("code", writers=("service",), functions=(), **rebuilt(replace(NAIVE, write=("HSET <key> a 1",)))),
    "KS032": changed("code", **rebuilt(Candidate("s", "string", "s", ("SET <key> <value>",), ("GET <key>",)))),
    "KS033": lambda k, b: (together_in("code", "gateway")(k), b),
    "KS034": changed("presence", readers=("worker: HPEXPIRE of each field",)),
    "KS035": changed("events", readers=("gateway: PSUBSCRIBE *:events",)),
    "KS036": changed("due", use="lock"),
    "KS037": changed("log", fields=(Field("d", "JSON", 300),)),
    "KS038": changed("due", type="stream", scope="session", typical_elements=3.0),
    "KS039": lambda k, b: (k, replace(b, pinned={"bids": "list"})),
}


@pytest.mark.parametrize("code", PLANTED)
def test_a_planted_fault_is_found_by_its_rule(code: str) -> None:
    brief = workshop()
    keyspace, about = PLANTED[code](design(brief), brief)
    found = [finding for finding in lint(keyspace, about) if finding.rule == code]
    assert found, f"{code} did not find its fault"
    assert (
        all(
            finding.pattern and finding.message and finding.fix and "{" + "}" not in finding.message
            for finding in found
        )
        or code == "KS010"
    )


@pytest.mark.parametrize("code", [rule.code for rule in rules()])
@pytest.mark.parametrize("brief", [workshop(), prices(), ledger()], ids=lambda brief: brief.slug)
def test_a_designed_keyspace_passes_every_rule(code: str, brief: Brief) -> None:
    assert code not in {finding.rule for finding in lint(design(brief), brief)}


@pytest.mark.parametrize(
    ("policy", "code"), [("allkeys-lru", "KS016"), ("volatile-ttl", "KS016"), ("volatile-lru", "KS017")]
)
def test_an_eviction_policy_that_drops_live_sessions_is_found(policy: str, code: str) -> None:
    brief = workshop()
    assert code in {finding.rule for finding in lint(design(brief), brief, policy)}
    assert lint(design(brief), brief, "noeviction") == ()


def test_every_rule_has_a_check_and_every_check_a_rule() -> None:
    assert {rule.check for rule in rules()} == set(checks._CHECKS)
    assert len({rule.code for rule in rules()}) == len(rules()) >= 35
    assert {rule.code for rule in rules()} == set(PLANTED) | {"KS016", "KS017"}


def test_errors_come_before_warnings() -> None:
    brief = workshop()
    keyspace, _ = changed("roster", max_elements=1e6, requirements=(), access_patterns=())(design(brief), brief)
    assert [finding.severity for finding in lint(keyspace, brief)] == ["error", "warning"]


@pytest.mark.parametrize(
    "values",
    [
        {"idle_ttl": 20, "reconnect_grace": 5, "heartbeat": 60},
        {"sync_latency": 100},
        {"idle_ttl": 1, "reconnect_grace": 900},
    ],
)
def test_lifetimes_are_designed_so_that_the_chain_holds_whatever_the_documents_say(values: dict[str, float]) -> None:
    brief = replace(workshop(), facts=facts(**values))
    assert [finding for finding in design(brief).findings if finding.rule == "KS015"] == []
