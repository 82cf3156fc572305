"""The actions of a project, played through its delivered functions, and the story matrix that names what ran."""

from pathlib import Path

import pytest

from redis_plan import brief, resources
from redis_plan.actions import catalog, designing, matrix
from redis_plan.chapters.sessions import actions, appendix, evening, steps
from redis_plan.delivery import library
from redis_plan.keyspace import calls, naming
from redis_plan.measure.finding import Value
from redis_plan.measure.lab import Lab
from redis_plan.plan import played
from redis_plan.rig.playing import planted, world
from tests import projects
from tests.plan import records

BOARD = Path(__file__).parents[1] / "actions" / "whiteboard"


@pytest.fixture(scope="module", params=[resources.sample_project(), BOARD], ids=["sample", "declared"])
def project(request):
    asked = brief.read(request.param)
    return asked, designing.design(asked)


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def test_every_action_of_the_project_holds_and_every_control_fails(lab, project):
    found = actions.play(lab, brief=project[0], keyspace=project[1])
    assert not found.not_run
    values = {v.name: v for v in found.values}
    assert list(found.samples.loc[found.samples["broken"] > 0, "fault"]) == []
    assert values["control_noticed"].value == values["control_noticed"].n > 10
    assert values["control_beyond"].value > 0
    composed = {a.name for a, _ in actions.acting.composed(project[1])}
    assert set(found.samples["action"]) == composed
    assert set(found.samples.loc[found.samples["check"] == "accepted", "action"]) == composed


def test_a_library_that_lost_a_guard_and_every_ttl_is_found(lab, project, monkeypatch):
    """The control of the whole: the same checks on a library without one kind of guard, which sets no TTL either."""
    lines = library.compose(*project).split("\n")
    broken = [line for line in lines if "GUARD.seat(t) then return" not in line and "  refresh(keys, " not in line]
    assert len(broken) < len(lines) - 5
    monkeypatch.setattr(actions.library, "compose", lambda *_: "\n".join(broken))
    found = actions.play(lab, brief=project[0], keyspace=project[1])
    faults = " ".join(found.samples["fault"])
    assert "seat must refuse with 'no seat'" in faults
    assert "without a TTL" in faults


def test_the_matrix_names_what_ran_of_the_project_s_own_actions_and_says_where_nothing_did(project):
    found = matrix.stories(*project)
    served = [row for row in found.rows if row.served == "concrete"]
    name = served[0].actions[0]
    ran = (
        Value(f"played {name} any.kind", 5, "checks", 5),
        Value(f"played {served[-1].actions[0]} any.kind", 4, "checks", 5),
    )
    evidence = records.evidence("E-07k", *ran)
    shown = {row.place: row.test for row in matrix.shown_by(found, played.by_action([evidence])).rows}
    assert shown[served[0].place] == f"E-07k {name}"
    assert matrix.NOT_PLAYED in shown[served[-1].place]  # a check that broke shows nothing
    assert served[0].test not in shown[served[0].place]


def test_any_sequence_of_actions_keeps_every_invariant_and_planted_faults_are_found(lab, project):
    found = steps.steps(lab, brief=project[0], keyspace=project[1])
    values = {v.name: v for v in found.values}
    assert (values["violations"].value, values["steps"].value) == (0, 250)
    assert values["accepted"].value > 25
    assert values["control_noticed"].value >= values["control_noticed"].n - 2 >= 4  # few steps: the rarest may hide
    by = dict(steps.found_by(found.samples))
    assert "log" in by["no event"]


def test_each_fault_is_planted_into_the_library_of_a_project_that_has_what_it_takes_away():
    """A pattern that no longer meets the text of a function plants nothing, and a control that plants nothing shows nothing."""
    asked = brief.read(resources.sample_project())
    text = library.compose(asked, designing.design(asked))
    assert [name for name, _ in planted.faulty(text)] == list(planted.PLANTED)


def test_a_whole_session_goes_as_its_scenes_say_and_planted_faults_are_noticed(lab, project):
    found = evening.evening(lab, brief=project[0], keyspace=project[1])
    values = {v.name: v for v in found.values}
    assert list(found.samples.loc[found.samples["broken"] != "", ["step", "broken"]].itertuples(index=False)) == []
    assert values["control_noticed"].value == values["control_noticed"].n == 4
    steps_taken = set(found.samples["step"])
    assert "session_renew" in steps_taken
    assert {"session_leave", "leave"} & steps_taken  # the second is how a project calls it that speaks of leaving
    assert found.samples["answer"].iloc[-1] == "removed"


def test_the_scenes_speak_of_kinds_and_arguments_that_there_are():
    kinds = catalog.kinds()
    for scene in evening.scenes():
        assert set(scene.get("needs", ())) <= set(kinds), scene["title"]
        for beat in scene["beats"]:
            asked = beat.get("does", ())
            for name in (asked,) if isinstance(asked, str) else asked:
                kind = kinds[name]
                results = set(kind.results) | {"exists", "ended", "again", "unknown"}
                assert beat.get("want", "ok") in results | {"ok"}, (scene["title"], beat)
                known = {*kind.takes, *(p.name for p in kind.parameters), "member", "target", "connection", "device"}
                if kind.call:  # what its function takes, and the ids in the name of its key
                    known |= {a.name for a in calls.calls()[kind.call].arguments} | {
                        "code",
                        "action",
                        "subject",
                        "window",
                    }
                assert set(beat) - evening.HOW <= known, (scene["title"], beat)


def test_what_actions_write_with_ids_of_26_bytes_and_the_longest_names_fits_the_sizes_that_the_design_counts_with(
    lab, project
):
    """Sizes are bounds: a roster counted too small would leave its compact form, or a service that checks them refuse a join."""
    keyspace = project[1]
    with lab.own() as own:
        client = own.client(decode_responses=True)
        client.function_load(library.compose(*project), replace=True)
        written = stored(client, keyspace)
    assert written["presence"]
    for name, values in written.items():
        most = keyspace.pattern(name).fields[0].max_bytes
        assert max(len(value.encode()) for value in values) <= most, name


def stored(client, keyspace):
    """What each action of the design stores as an element, by pattern."""
    ulid, found = "01JD8Q6Z7K3W9M2N4P5R6S7T8V", {}
    for action, scene in world.of_project(client, keyspace, "bytes"):
        longest = dict(action.values).get("name_most", 20)
        named = {"name": "N" * longest, "folded": "n" * longest} if "name" in scene.kind.takes else {}
        ids = {name: ulid for name in ("member", "object", "item", "team") if name in scene.kind.takes}
        scene.build()
        client.hset(scene.key("roster"), ulid, "{}")
        scene.call("op1", **named, **ids, connection="12345678")
        for pattern in keyspace.keys:
            key = next((k for k in client.scan_iter() if naming.parse(pattern.template, k) is not None), None)
            if key and pattern.type in ("hash", "zset") and pattern.fields and pattern.fields[0].name.startswith("<"):
                if pattern.type == "hash":
                    held = [value for field, value in client.hgetall(key).items() if field]  # "": its own record
                else:
                    held = client.zrange(key, 0, -1)
                found.setdefault(pattern.name, set()).update(held)
    return found


def test_a_pub_behind_one_address_is_not_throttled_by_its_own_joins_only_wrong_codes_of_a_device_are_counted(project):
    """What bounds guessing counts wrong codes of one device; a limit on joins of an address would lock a whole room out."""
    asked, keyspace = project
    told = appendix.limits(asked, keyspace)
    assert "joins an address" not in told
    tries = [action for action in keyspace.actions if action.kind == "codes.try_code"]
    assert ("wrong codes a device" in told) == bool(tries)
    if tries:
        assert f"| {dict(tries[0].values)['limit']}/min" in told
        assert "rate_hit" in {step.function.name for step in library.steps(keyspace)}


def test_each_bound_of_the_documents_has_its_own_line_and_none_stands_under_another_s_number():
    """The sample has 5 tries of a device (prd.md:47) and 20 wrong codes of an address (prd.md:153): these are two limits."""
    told = appendix.limits(projects.read(projects.SAMPLE), projects.acting(projects.SAMPLE))
    assert "| wrong codes a device | 5/min (prd.md:47) |" in told
    assert "| 20 wrong codes per minute | prd.md:153 |" in told
    assert "| how many may watch | 5 (prd.md:68) | in `watch` | `full` |" in told
    assert "| members of one team | 6 (prd.md:111) | in `choose_team` | `full` |" in told
