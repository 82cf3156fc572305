"""The story matrix: what serves each demand of a project, and that nothing is claimed which nothing does."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan import brief, cli, keyspace, resources
from redis_plan.actions import catalog, command, deadlines, diagram, matrix, messages, vocabulary, wording
from redis_plan.actions.designing import design
from redis_plan.actions.finding import find_actions
from redis_plan.actions.matrix import Row, Stories
from redis_plan.brief.model import Attribute, Requirement, Restriction, TakenUse
from tests.actions import test_called, test_mechanics
from tests.keyspace.briefs import requirement, workshop

UNRELATED = tomllib.loads((Path(__file__).parent / "unrelated.toml").read_text("utf-8"))["stories"]
DOCUMENTS = ("prd.md", "redis_planning_summary.md", "tech-stack.md")
#: What a developer of the sample looks for: story -> the kind of action that must carry it out.
CARRIED_OUT = {
    "US-001": "session.open", "US-002": "seats.join", "US-003": "seats.join", "US-004": "seats.join",
    "US-005": "naming.approve_name",
    "US-006": "seats.kick", "US-007": "seats.watch", "US-008": "phases.start", "US-009": "submission.submit",
    "US-010": "submission.submit", "US-011": "phases.reveal", "US-012": "scoring.award", "US-013": "scoring.award",
    "US-014": "phases.pause", "US-015": "phases.skip", "US-016": "signals.send", "US-017": "claim.claim", "US-018": "teams.choose",
    "US-019": "session.catch_up", "US-020": "seats.join", "US-021": "hosting.pause_absent", "US-022": "presence.mark_away",
    "US-023": "session.finish", "US-024": "session.end_idle", "US-025": "session.rematch", "US-027": "session.catch_up",
    "US-028": "codes.try_code",
}  # fmt: skip


#: Numbers of the sample's actions and the line that states each.
STATED = {
    ("seats.join", "capacity"): (60, "prd.md:17"),
    ("seats.join", "lease_ms"): (90_000, "prd.md:117"),
    ("seats.join", "name_least"): (2, "prd.md:48"),
    ("seats.join", "name_most"): (20, "prd.md:48"),
    ("phases.start", "length_ms"): (20_000, "prd.md:21"),
    ("phases.start", "length_least"): (5_000, "prd.md:21"),
    ("phases.start", "length_most"): (60_000, "prd.md:21"),
    ("codes.try_code", "limit"): (5, "prd.md:47"),
    ("signals.send", "limit"): (2, "prd.md:104"),
    ("presence.mark_away", "away_ms"): (30_000, "prd.md:129"),
    ("hosting.pause_absent", "absent_ms"): (600_000, "prd.md:125"),
    ("hosting.give_role", "most"): (2, "prd.md:18"),
    ("session.end_idle", "idle_ms"): (1_800_000, "prd.md:139"),
    ("teams.choose", "most"): (6, "prd.md:111"),
}


def with_stories(folder: Path, stories: list[str], toml: str = "") -> Path:
    """Copy the sample's documents into ``folder`` and plant ``stories`` behind its own, each with an id from US-901 on."""
    (folder / "ai").mkdir()
    for name in DOCUMENTS:
        shutil.copy(resources.sample_project() / "ai" / name, folder / "ai" / name)
    prd = (folder / "ai" / "prd.md").read_text("utf-8")
    planted = "".join(f"#### US-{901 + n} Planted\n{story}.\n\n" for n, story in enumerate(stories))
    assert "## 5. Quality" in prd
    (folder / "ai" / "prd.md").write_text(prd.replace("## 5. Quality", f"{planted}## 5. Quality"), "utf-8")
    if toml:
        (folder / "ai" / "redis-plan.toml").write_text(toml, "utf-8")
    return folder


def planted(found: Stories) -> list[Row]:
    return [row for row in found.rows if row.id.startswith("US-9")]


@pytest.fixture(scope="module")
def sample() -> Stories:
    return command.read(resources.sample_project())


@pytest.mark.parametrize(("story", "kind"), CARRIED_OUT.items())
def test_a_story_is_carried_out_by_the_action_that_does_what_it_says(sample, story, kind):
    row = next(row for row in sample.rows if row.id == story)
    names = {action.kind.id: action.name for action in sample.actions}
    assert row.served == "concrete", row.why
    assert names[kind] in row.actions
    assert row.test
    assert row.keys


def test_what_no_action_does_is_said_with_where_it_belongs_or_what_declares_it(sample):
    export = next(row for row in sample.rows if row.id == "US-026")
    assert export.served == "outside"
    assert "database" in export.why
    dashboard = next(row for row in sample.rows if row.id == "US-029")
    assert dashboard.served == "outside"
    assert "monitoring" in dashboard.why
    missed = [row for row in sample.rows if row.served == "not"]
    assert all(f'serves = ["{row.place}"]' in row.why for row in missed)
    assert {row.id for row in missed} & {f"US-{n:03}" for n in range(1, 30)} == set()


def test_the_test_that_a_row_cites_is_there():
    cited = {f"tests/actions/test_mechanics.py::test_plays[{kind.id}]" for kind in test_mechanics.KINDS}
    cited |= {f"tests/actions/test_called.py::test_plays[{id}]" for id in test_called.PLAYS}
    assert {matrix.played(kind) for kind in catalog.kinds().values()} == cited


def test_every_action_of_a_demand_knows_the_demand(sample):
    for action in sample.actions:
        for demand in action.demands:
            row = max((r for r in sample.rows if r.file == demand.file and r.line <= demand.line), key=lambda r: r.line)
            assert action.name in row.actions, f"{demand.file}:{demand.line}"


def test_no_two_actions_share_a_name_and_each_phase_that_one_waits_for_is_reached(sample):
    names = [action.name for action in sample.actions]
    assert len(names) == len(set(names))
    reached = {e.options["to"] for a in sample.actions for e in a.kind.effects if e.name == "phase"} | {
        catalog.FIRST_PHASE
    }
    for action in sample.actions:
        for guard in action.kind.guards:
            if guard.name == "phase":
                wanted = guard.options["is"]
                assert reached & ({wanted} if isinstance(wanted, str) else set(wanted)), action.name


def test_what_is_paused_can_go_on_and_the_life_is_drawn_from_the_actions(sample):
    names = {action.kind.id: action.name for action in sample.actions}
    drawn = diagram.life(sample.actions).splitlines()
    assert f"    paused --> open: {names['phases.resume']}" in drawn
    told = diagram.phases(sample.actions).splitlines()
    assert f"open  --{names['phases.pause']}-->  paused  --{names['phases.resume']}-->  open" in told
    assert max(map(len, told)) <= 100
    assert any(line.startswith("  running --> ended: ") and names["session.finish"] in line for line in drawn)
    whole = diagram.statuses(sample.actions).splitlines()
    assert f"–  --session_create-->  open  --{names['session.finish']}, {names['session.end_idle']}-->  ended" in whole
    assert f"handed_over  --{names['session.rematch']}-->  open" in whole
    assert max(map(len, whole)) <= 100
    reached = {line.split(" --> ")[1].split(":")[0].strip() for line in drawn if " --> " in line}
    left = {line.split(" --> ")[0].strip() for line in drawn if " --> " in line}
    assert reached - left <= {"[*]"}


#: A line of a sequence diagram as Mermaid's grammar has it; a message or a note may hold neither # nor ;.
SEQUENCE = re.compile(
    r"sequenceDiagram|(actor|participant) \w+ as [^;#]+|(\w+)(->>|-->>|-\))(\w+): [^;#]+|Note over \w+,\w+: [^;#]+|loop [^;#]+|end"
)


def test_the_main_loop_is_drawn_as_messages_of_its_own_actions(sample):
    board = command.read(Path(__file__).parent / "whiteboard")
    for found, wanted in (
        (sample, ["start_question", "answer", "buzz", "time_up", "reveal", "award"]),
        (board, ["select_shape", "move_shape", "let_go"]),
    ):
        lines = [line.strip() for line in messages.loop(found.actions, "player", "room").splitlines()]
        assert [line for line in lines if not SEQUENCE.fullmatch(line)] == []
        assert [line.split("FCALL ")[1] for line in lines if "FCALL" in line] == wanted
        declared = {line.split()[1] for line in lines if line.startswith(("actor", "participant"))}
        assert {
            letter
            for line in lines
            if ": " in line and not line.startswith("Note")
            for letter in re.split(r"->>|-->>|-\)", line.split(":")[0])
        } <= declared
        assert sum(line.startswith("loop") for line in lines) == lines.count("end") > 0
    assert messages.loop([], "player", "room") == ""


def test_whether_all_are_told_who_answered_is_what_the_documents_ask_for(sample, tmp_path):
    """Only the number where nothing else is said; with the names, in every action on answers, where they are asked for."""
    story = "As a player, I want to see who has answered already and for whom we still wait, but not what they chose"
    found = command.read(with_stories(tmp_path, [story, "A player may take the answer back until the time is over"]))
    for told, wanted in ((sample, False), (found, True)):
        answers = [a.kind for a in told.actions if a.kind.announces in ("submitted", "withdrawn")]
        assert answers
        assert {"member" in kind.shows for kind in answers} == {wanted}
        assert all("count votes" in kind.shows for kind in answers)
    (row, *_) = planted(found)
    assert row.served == "concrete"
    assert len({a.name for a in found.actions}) == len(found.actions)


def test_an_action_has_the_numbers_of_the_lines_that_ask_for_it(sample):
    said = {
        (a.kind.id, g.parameter.name): (g.value, f"{g.file}:{g.line}") for a in sample.actions for g in a.parameters
    }
    assert {number: said[number] for number in STATED} == STATED


def test_a_join_code_is_as_long_as_the_documents_say(tmp_path):
    project = with_stories(tmp_path, [])
    prd = project / "ai" / "prd.md"
    assert "join code of 6 characters" in prd.read_text("utf-8")
    prd.write_text(prd.read_text("utf-8").replace("join code of 6 characters", "join code of 5 characters"), "utf-8")
    made = design(brief.read(project))
    assert made.use("join-code").at_bound.startswith("5 characters of 32 give 3.36e7 codes")


def test_a_role_that_the_documents_name_and_a_guard_asks_for_is_given_by_somebody(sample):
    roles = {e.name for action in sample.actions for e in action.kind.effects}
    assert {"give_role", "take_role"} <= roles
    needed = {n for a in sample.actions for g in a.kind.guards for n in vocabulary.guards()[g.name].needs}
    assert needed <= roles


def test_the_state_names_the_fields_that_its_actions_go_by():
    fields = {f.name for f in design(brief.read(resources.sample_project())).pattern("state").fields}
    assert {"phase", "phase_until", "phase_left", "round", "winner"} <= fields
    assert not [name for name in fields if name.startswith("current_")]  # what is current, `round` says
    assert "nickname" not in fields  # it stands in the seat


def test_a_property_that_no_action_writes_says_so():
    read = brief.read(resources.sample_project())
    own = (Attribute("theme"), Attribute("nickname"))
    rooms = tuple(replace(e, attributes=own) if e.name == "Room" else e for e in read.entities)
    told, plain = (
        {f.name: f.meaning for f in made(replace(read, entities=rooms)).pattern("state").fields}
        for made in (design, keyspace.design)
    )
    assert told["theme"].endswith("no action changes it: declare one that does")
    assert "nickname" not in told
    assert plain["theme"] == "room: theme"  # without actions the team's own code writes the state


def test_what_is_one_a_member_is_bounded_as_the_roster():
    made = design(brief.read(resources.sample_project()))
    roster = made.pattern("roster").max_elements
    assert {name: made.pattern(name).max_elements for name in ("team", "name")} == {"team": roster, "name": roster}
    assert made.pattern("buzzer").max_elements > roster  # one an object, however many there are


def test_the_registry_says_of_seats_and_leases_what_the_actions_do(sample):
    made = design(brief.read(resources.sample_project()))
    (watch,) = [action for action in sample.actions if action.kind.id == "seats.watch"]
    assert "presence" in watch.keys
    assert "roster" not in watch.keys
    assert "begins with `watch:`" in made.pattern("presence").holds
    assert "and subscribes" not in made.pattern("presence").holds
    assert "has no entry" in made.pattern("roster").holds
    assert made.pattern("presence").at_bound.startswith("a second connection")
    plain = keyspace.design(brief.read(resources.sample_project()))
    assert plain.pattern("presence").at_bound.startswith("a third connection")  # as the session's own function joins


def test_the_registry_says_what_the_actions_put_into_a_hash_of_records():
    held = {p.name: p.holds for p in design(brief.read(resources.sample_project())).keys}
    assert held["team"].endswith("player → team")
    assert held["buzzer"].endswith("object → player")
    assert held["name"].endswith("player → record")


def test_each_deadline_has_who_sets_it_and_who_takes_it_up(sample):
    names = {action.kind.id: action.name for action in sample.actions}
    found = {d.what: d for d in deadlines.deadlines((a.name, a.kind) for a in sample.actions)}
    question = found["end of what `phase_until` times"]
    assert set(question.sets) == {names["phases.start"], names["phases.resume"]}
    assert {names["phases.pause"], names["phases.skip"], names["session.finish"]} <= set(question.removes)
    assert question.taken_up == (names["phases.time_up"],)
    assert found["absence of the host"].taken_up == (names["hosting.pause_absent"],)
    assert names["seats.beat"] in found["silence of a member"].moves
    assert all(d.sets for d in found.values())
    started = {e.options["field"] for a in sample.actions for e in a.kind.effects if e.name == "timer"}
    assert started <= {g.options["field"] for a in sample.actions for g in a.kind.guards if g.name == "due"}
    everyone = found["the last one has come"]
    assert (everyone.sets, everyone.taken_up) == ((names["submission.submit"],), (names["submission.all_in"],))
    ended = next(d for d in found.values() if d.entry == "idle")  # whose entry goes when it ends is never handed over
    assert ended.removes == ()
    assert names["session.hand_over"] in ended.taken_up


def test_what_the_catalog_says_of_timers_is_what_its_effects_do():
    for kind in catalog.kinds().values():
        said = {(t.does, t.field) for t in kind.timers}
        done = {("sets", str(e.options["field"])) for e in kind.effects if e.name in ("timer", "go", "extend")}
        done |= {("pauses", str(e.options["field"])) for e in kind.effects if e.name == "stop"}
        assert done <= said, kind.id
        assert {one for one in said if one[0] != "cancels"} <= done, kind.id


def test_what_the_actions_keep_in_the_state_is_no_key_beside_it():
    made = design(brief.read(resources.sample_project()))
    assert {p.use for p in made.patterns} & {"round", "roles"} == set()
    assert [f for f in made.findings if f.severity == "error"] == []
    assert {p.use for p in keyspace.design(brief.read(resources.sample_project())).patterns} >= {"round", "roles"}


def test_an_unrelated_story_is_served_by_nothing(tmp_path):
    found = planted(command.read(with_stories(tmp_path, UNRELATED)))
    assert len(found) == len(UNRELATED) >= 30
    assert [(row.text, row.why) for row in found if row.served in ("concrete", "generic")] == []


def test_what_the_design_lacks_a_key_for_is_served_once_the_team_declares_it(tmp_path):
    story = "As a courier, I want my position to move on the map of the dispatcher live"
    (row,) = planted(command.read(with_stories(tmp_path, [story])))
    assert row.served == "not"
    assert 'use = "geo"' in row.why
    entry = row.why.partition("declare it: ")[2].removeprefix("[uses] ")
    again = tmp_path / "again"
    again.mkdir()
    (row,) = planted(command.read(with_stories(again, [story], f"[uses]\n{entry}\n")))
    assert row.served == "concrete"
    assert "redis-plan.toml:2" in row.why


def test_what_an_action_may_carry_out_is_served_once_the_team_says_so(tmp_path):
    story = "The host may give a player some extra points for a good joke"
    (row,) = planted(command.read(with_stories(tmp_path, [story])))
    assert (row.served, row.likely) == ("not", "scoring.award")
    entry = row.why.partition("say so: [[actions]] ")[2].replace(", ", "\n")
    again = tmp_path / "again"
    again.mkdir()
    (row,) = planted(command.read(with_stories(again, [story], f"[[actions]]\n{entry}\n")))
    assert (row.served, row.actions) == ("concrete", ("award",))


def test_what_the_documents_hide_is_carried_out_by_nothing_that_tells_all(tmp_path):
    """A maximum that nobody else may see is no bid, which everybody is told."""
    story = "As a bidder I put another maximum that all see on a lot"
    asked = brief.read(with_stories(tmp_path, [story], '[uses]\ntake = ["bids"]\n'))
    (row,) = planted(matrix.stories(asked, design(asked)))
    assert row.by == ("bidding.bid",)
    secret = Restriction("hidden", story, ("Bid",), row.file, row.line, "", 1.0)
    asked = replace(asked, restrictions=(*asked.restrictions, secret))
    (row,) = planted(matrix.stories(asked, design(asked)))
    assert (row.served, row.by, row.likely) == ("not", (), "autobid.set_maximum")  # which hides it


def test_a_demand_that_surely_calls_for_an_action_brings_the_key_of_it(tmp_path):
    project = with_stories(
        tmp_path,
        ["As a driver, I want to send my GPS position every few seconds, and my vehicle to move on the map live"],
    )
    (row,) = planted(command.read(project))
    assert (row.served, row.by) == ("concrete", ("positions.move",))
    made = design(brief.read(project))
    assert made.use("geo") is not None
    assert row.id in made.use("geo").requirements
    assert [f for f in made.findings if f.severity == "error"] == []
    assert keyspace.design(brief.read(project)).use("geo") is None  # nothing else in the documents calls for it


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["redis-plan", "stories", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_the_command_prints_a_table_or_the_rows_as_json(capsys, monkeypatch):
    code, out, _ = run(capsys, monkeypatch, resources.sample_project(), "--json")
    assert code == 0
    rows = json.loads(out)
    assert set(rows[0]) == {"id", "file", "line", "text", "served", "actions", "keys", "test", "why"}
    assert {row["served"] for row in rows} == {"concrete", "generic", "outside", "not"}
    code, out, _ = run(capsys, monkeypatch, resources.sample_project())
    assert code == 0
    assert f"{len(rows)} demands" in out
    assert "US-006 Kick a player" in out


def test_a_project_without_documents_is_one_line(capsys, monkeypatch, tmp_path):
    code, out, err = run(capsys, monkeypatch, tmp_path)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "title", "speaker", "want"),
    [
        ("US-6 Kick · As a host, I want to kick a player, so that trolls are gone. For ever.", "Kick", "host", "kick a player. For ever."),
        ("As a facilitator I lock the board so that only I can edit", "", "facilitator", "lock the board so that only I can edit"),
        ("As a player who lost the network, I come back", "", "player who lost the network", "come back"),
        ("Jako gracz wysyłam odpowiedź", "", "gracz", "wysyłam odpowiedź"),
        ("Als Spieler sehe ich die Rangliste", "", "Spieler", "sehe ich die Rangliste"),
        ("Jako gracz chcę wrócić do gry, żeby nie stracić punktów", "", "gracz", "wrócić do gry"),
        ("Als Moderatorin möchte ich Karten aufdecken, damit alle sie sehen", "", "Moderatorin", "ich Karten aufdecken"),
        ("Como jugador, quiero responder una vez para que cuente", "", "jugador", "responder una vez"),
        ("作为玩家，我想加入房间，以便一起玩", "", "玩家", "加入房间"),
        ("The system shall allow bidders to join with a code", "", "", "bidders to join with a code"),
        ("Votes stay hidden", "", "", "Votes stay hidden"),
    ],
)  # fmt: skip
def test_a_story_is_known_by_what_it_wants(text, title, speaker, want):
    said = wording.worded(Requirement("US-6", text, "prd.md", 1))
    assert (said.title, said.speaker, said.want.removeprefix("ich ")) == (title, speaker, want.removeprefix("ich "))


def test_the_line_that_the_sync_target_was_read_from_is_met_by_what_measures_it():
    """It is the product's promise and no action; the plan must not say that nothing does it while it measures it."""
    asked = brief.read(resources.sample_project())
    stated = asked.fact("sync_latency").where
    row = next(row for row in matrix.stories(asked, design(asked)).rows if row.place == stated)
    assert (row.served, row.by, row.test) == ("generic", ("sync",), "E-05a")


def test_what_a_round_is_about_may_be_as_long_as_the_documents_say():
    """The sample's question text has up to 1.5 kB (prd.md:24)."""

    def longest(asked):
        return {f.name: f.max_bytes for f in design(asked).pattern("state").fields}["content"]

    asked = brief.read(resources.sample_project())
    assert longest(asked) == 1_500
    files = (replace(q, unit="MB") if q.text == "1.5 kB" else q for q in asked.quantities)
    assert longest(replace(asked, quantities=tuple(files))) == 1_024  # a file is no field


@pytest.mark.parametrize(
    ("said", "served"),
    [
        ("WHEN a participant joins a workshop, THE server SHALL create or pick a media server for it", "not"),
        ("WHEN a participant joins a workshop, THE server SHALL write a line to the ledger", "not"),
        ("create-workshop", "not"),
        ("Participant receives push notification for a new chat message", "outside"),
    ],
)
def test_no_action_is_claimed_for_a_condition_a_file_name_or_what_belongs_elsewhere(said, served):
    asked = replace(workshop(), requirements=(*workshop().requirements, requirement(90, said)))
    row = next(row for row in matrix.stories(asked, design(asked)).rows if row.line == 90)
    assert (row.served, row.actions) == (served, ())


def test_the_code_of_a_session_is_drawn_by_an_action_and_the_story_says_so(tmp_path):
    asked = brief.read(resources.sample_project())
    row = next(row for row in matrix.stories(asked, design(asked)).rows if row.id == "US-001")
    assert "draw_code" in row.actions
    assert "not said of" not in row.why


def test_a_ranking_without_a_session_is_kept_by_an_action_of_its_own():
    """Points of everybody over a month are no session's, and no action of a session carries such a demand out."""
    said = "The ranking of all players of this month with the own place is up to date after each match"
    asked = replace(workshop(), entities=(), access_patterns=(), requirements=(requirement(1, said),))
    asked = replace(
        asked, settled=replace(asked.settled, taken=(TakenUse("leaderboard", (), 1, "redis-plan.toml", 1),))
    )
    made = design(asked)
    assert made.use("state") is None
    (row,) = matrix.stories(asked, made).rows
    assert row.served == "concrete"
    assert "boards.rank" in row.by
    assert {by.partition(".")[0] for by in row.by} == {"boards"}
    of_session = {kind.id for kind in catalog.kinds().values() if kind.mechanic == "boards"}
    sample = brief.read(resources.sample_project())
    assert not of_session & {
        a.kind.id for a in find_actions(sample, design(sample))
    }  # there the score lies in the session
