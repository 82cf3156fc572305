"""The linter: each rule finds its planted fault, and a designed keyspace has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from redis_plan.brief.model import Brief
from redis_plan.keyspace import checks, design, lint
from redis_plan.keyspace.linter import rules
from redis_plan.keyspace.model import Candidate, Field, Keyspace, TtlRule

from .briefs import entity, facts, ledger, prices, workshop

NONE = TtlRule("none", None, "")
Plant = Callable[[Keyspace, Brief], tuple[Keyspace, Brief]]


def changed(of: str, /, **values: object) -> Plant:
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


PLANTED: dict[str, Plant] = {
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
    "KS028": changed("due", template=APP + "due", max_elements=1e6),
    "KS029": changed("round", name="roster"),
    "KS030": changed("code", writers=("service",), functions=(), **rebuilt(TTL_APART)),
    "KS031": changed("code", writers=("service",), functions=(), **rebuilt(replace(NAIVE, write=("HSET <key> a 1",)))),
    "KS032": changed("code", **rebuilt(Candidate("s", "string", "s", ("SET <key> <value>",), ("GET <key>",)))),
    "KS033": lambda k, b: (together_in("code", "due")(k), b),
    "KS034": changed("presence", readers=("worker: HPEXPIRE of each field",)),
    "KS035": changed("events", readers=("gateway: PSUBSCRIBE *:events",)),
    "KS036": changed("due", use="lock"),
    "KS037": changed("log", fields=(Field("d", "JSON", 300),)),
    "KS038": changed("due", type="stream", scope="session", typical_elements=3.0),
    "KS039": lambda k, b: (k, replace(b, pinned={"bids": "list"})),
}


def without_log(when_lost: str) -> Plant:
    """Take the log away and say of every channel what a client does that missed a message."""

    def plant(keyspace: Keyspace, brief: Brief) -> tuple[Keyspace, Brief]:
        patterns = (replace(p, when_lost=when_lost) if p.type == "channel" else p for p in keyspace.patterns)
        return replace(keyspace, patterns=tuple(p for p in patterns if p.name != "log")), brief

    return plant


def both(*plants: Plant) -> Plant:
    """Plant one change after the other."""

    def plant(keyspace: Keyspace, brief: Brief) -> tuple[Keyspace, Brief]:
        for one in plants:
            keyspace, brief = one(keyspace, brief)
        return keyspace, brief

    return plant


SMART = replace(NAIVE, name="smart", naive=False)
#: For each rule a change that comes close to its fault, or mends it: the rule has nothing to say.
PASSING: dict[str, Plant] = {
    "KS001": changed("due", deleted_by="", ttl=TtlRule("fixed", 60, "")),
    "KS002": changed("roster", ttl=TtlRule("sliding", 60, "")),
    "KS003": changed("roster", at_bound="the next join is refused", max_elements=1),
    "KS004": changed("roster", max_elements=10_000, fields=(Field("<member_id>", "JSON", 100),)),
    "KS005": changed("log", template=APP + "{<session_id>}:journal"),
    "KS006": changed("round", template=APP + "{<session_id>}:roster:<round_id>"),
    "KS007": changed("vote", template=APP + "{<session_id>}:vote:<round_id>:<voter_id>"),
    "KS008": changed("vote", template=APP + "{<session_id>}:vote-2:<round_id>"),
    "KS009": changed("sticky-note", template=APP + "{<note_id>}:sticky-note"),
    "KS010": changed("sticky-note", template=APP + "{<session_id>}:sticky-note:<note_id>"),
    "KS011": changed("code", template=APP + "email:<digest>"),
    "KS012": changed("roster", chosen="", candidates=()),
    "KS013": changed("roster", **rebuilt(replace(NAIVE, since="7.2"))),
    "KS014": without_log("the next snapshot replaces it"),
    "KS015": changed("idem", ttl=TtlRule("fixed", 3600, "")),
    "KS016": changed("roster", authoritative=True),
    "KS017": changed("roster", ttl=NONE),
    "KS018": changed("roster", readers=("worker: HSCAN <key> 0",)),
    "KS019": changed("roster", candidates=(NAIVE, SMART), chosen="n"),
    "KS020": changed("roster", candidates=(NAIVE, SMART), chosen="smart"),
    "KS021": changed("roster", requirements=(), access_patterns=("A-join-workshop",)),
    "KS022": changed("vote", template=APP + "{<session_id>}:vote:<a_id>:<b_id>"),
    "KS023": changed("roster", fields=(Field("<member_id>", "JSON", 64),)),
    "KS024": changed("due", readers=("worker: ZRANGEBYSCORE <key> 0 <now>, each second",)),
    "KS025": changed("code", writers=("service: MULTI",), functions=(), **rebuilt(replace(NAIVE, atomic=False))),
    "KS026": changed("events", template="<env>:" + APP + "{<session_id>}:news"),
    "KS027": lambda k, b: (k, replace(b, entities=(*b.entities, entity("Invoice", "durable", False)))),
    "KS028": changed("due", template=APP + "due", max_elements=10_000),
    "KS029": changed("round", name="turn"),
    "KS030": changed("code", writers=("service: MULTI",), functions=(), **rebuilt(TTL_APART)),
    "KS031": changed("code", writers=("service: HSET, EXPIRE",), functions=(), **rebuilt(NAIVE)),
    "KS032": changed("code", **rebuilt(Candidate("s", "string", "s", ("SET <key> <value> KEEPTTL",), ("GET <key>",)))),
    "KS033": lambda k, b: (together_in("vote", "round")(k), b),
    "KS034": both(
        changed("presence", readers=("worker: HPEXPIRE of each field",)),
        lambda k, b: (k, replace(b, stack=(replace(b.stack[0], version="7.4"),))),
    ),
    "KS035": changed("events", readers=("gateway: SUBSCRIBE <channel>",)),
    "KS036": both(changed("due", use="lock"), changed("code", use="lock", name="fence")),
    "KS037": changed("log", fields=(Field("e", "epoch", 4), Field("v", "integer", 8), Field("d", "JSON", 300))),
    "KS038": changed("due", type="stream", scope="session", typical_elements=3.0, fields=(Field("d", "JSON", 4096),)),
    "KS039": lambda k, b: (k, replace(b, pinned={"roster": "hash"})),
}
#: The eviction policy that the passing example runs with, where it is what the rule looks at.
POLICIES = {"KS017": "allkeys-lru"}


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


@pytest.mark.parametrize("code", PASSING)
def test_what_comes_close_to_a_fault_passes_its_rule(code: str) -> None:
    brief = workshop()
    designed = design(brief)
    keyspace, about = PASSING[code](designed, brief)
    assert (keyspace, about) != (designed, brief) or code == "KS016"
    assert [f for f in lint(keyspace, about, POLICIES.get(code, "noeviction")) if f.rule == code] == []


def test_every_rule_has_an_example_that_fails_and_one_that_passes() -> None:
    by_policy = {"KS016", "KS017"}  # their failing examples are server settings
    codes = {rule.code for rule in rules()}
    assert len(codes) >= 25
    assert codes == set(PLANTED) | by_policy == set(PASSING)


#: What the task of the linter names, by the function that looks for it.
ASKED = {
    "session_without_ttl", "ttl_apart", "unbounded", "big_key", "cross_slot", "hot_global", "constant_tag",
    "ambiguous_placeholder", "overlapping", "scanning", "lossy", "notifications", "multi_across_slots",
    "field_ttl_unsupported", "pii", "untimed_under_volatile", "evictable",
}  # fmt: skip


def test_every_fault_that_the_linter_is_for_has_a_rule() -> None:
    assert {rule.check for rule in rules()} >= ASKED


def test_a_rule_whose_ground_is_missing_is_left_out() -> None:
    brief = workshop()
    keyspace, about = PLANTED["KS021"](design(brief), brief)
    assert {f.rule for f in lint(keyspace, about)} == {"KS021"}
    assert lint(keyspace, about, without={"documents"}) == ()


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
