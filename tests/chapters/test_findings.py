"""The words of every chapter, without a server: from the recorded run of the sample, with sessions and without."""

import importlib
import json
import re
from collections import Counter
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import jinja2
import pandas as pd
import pytest
from jinja2 import nodes

from redis_plan import codec, resources
from redis_plan.actions import catalog
from redis_plan.actions.matrix import stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry import section as expiry
from redis_plan.chapters.expiry.findings import Expiry
from redis_plan.chapters.memory import appendix as memory_model
from redis_plan.chapters.memory import section as memory
from redis_plan.chapters.memory.findings import Memory
from redis_plan.chapters.naming import appendix as keys
from redis_plan.chapters.naming import section as naming
from redis_plan.chapters.naming.findings import Naming
from redis_plan.chapters.operations import appendix as running
from redis_plan.chapters.operations import section as operations
from redis_plan.chapters.operations.findings import Operations
from redis_plan.chapters.recovery import appendix as failing
from redis_plan.chapters.recovery import section as recovery
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.chapters.sessions import appendix as protocol
from redis_plan.chapters.sessions import section as sessions
from redis_plan.chapters.sessions import storm_text
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.chapters.structures import appendix as measured_structures
from redis_plan.chapters.structures import section as structures
from redis_plan.chapters.structures.findings import Structures
from redis_plan.chapters.synchronization import section as synchronization
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.evidence.findings import Findings
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import calls, settings
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Value
from redis_plan.memory import layout
from redis_plan.run import Run
from redis_plan.words import capacity, words
from redis_plan.words.sections import SECTIONS
from redis_plan.words.words import TEMPLATES
from tests.chapters import project
from tests.plan import reading, recorded

CHAPTERS = (Naming, Structures, Expiry, Synchronization, Memory, Sessions, Recovery, Operations)
#: Families that only a longer profile fills.
LATER = ("p99_over",)
_ID = re.compile(r"\bE-\d\d[a-z]+\b")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """The recorded run of the sample."""
    folder = recorded.unpack(tmp_path_factory.mktemp("recorded"))
    return Run(folder, folder / "data/runs" / recorded.PROFILE)


@cache
def measured() -> Counter[str]:
    """How often each id is measured by the cells of all notebooks."""
    found: Counter[str] = Counter()
    for path in sorted(resources.notebooks_dir().glob("*.ipynb")):
        code = "".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"])
        found.update(re.findall(r'study\.measure\(\s*"(E-\d\d[a-z]+)"', code))
    return found


def told(brief: Brief, keyspace: Keyspace, run: Run, records: dict[str, Evidence]) -> dict[int, str]:
    """Return the running text of every section."""
    names = capacity.quantities(brief, keyspace, run.evidence.all())
    samples = pd.DataFrame(
        {"pattern": p.name, "bytes_per_session": 100.0, "measured_bytes": 1000.0} for p in keyspace.keys
    )
    ran = next(iter(run.evidence.all().values())).server
    of = {kind: kind.of(records) for kind in CHAPTERS}
    return {
        1: naming.naming(brief, keyspace, of[Naming]),
        2: structures.structures(brief, keyspace, of[Structures]),
        3: expiry.expiry(brief, keyspace, of[Expiry]),
        4: synchronization.synchronization(brief, keyspace, of[Synchronization], stories(brief, keyspace)),
        5: memory.memory(brief, keyspace, of[Memory], samples),
        6: structures.benchmarks(brief, keyspace, of[Structures]),
        7: sessions.sessions(brief, keyspace, of[Sessions]),
        8: operations.configuration(brief, keyspace, of[Operations], ran),
        9: recovery.errors(brief, keyspace, of[Recovery]),
        10: operations.monitoring(brief, keyspace, of[Operations], settings.alerts(keyspace, names)),
    }


def test_every_id_is_measured_in_one_place_and_declared_by_one_chapter():
    assert not [id for id, times in measured().items() if times > 1]
    declared = [id for kind in CHAPTERS for id, _ in kind.declared().values()]
    assert len(declared) == len(set(declared))
    assert set(declared) <= set(measured())


def test_no_text_of_the_catalog_asks_for_a_record_that_nobody_measures(run):
    known, texts = run.evidence.all(), [*resources.catalog_dir().glob("*.toml")]
    for path in texts:
        text = path.read_text("utf-8")
        assert set(_ID.findall(text)) <= set(measured()), path.name
        for id, name in re.findall(r"\{(E-\d\d[a-z]+):([^}]+)\}", text):
            assert known[id].not_run or name in known[id], (path.name, id, name)


@pytest.mark.parametrize("kind", CHAPTERS)
def test_what_a_chapter_declares_stands_in_the_recorded_run(kind, run):
    """A number that no record has, or in another unit, fails here; so does a family that has no member."""
    findings = kind.of(run.evidence.all())
    for name, (id, _) in kind.declared().items():
        found = getattr(findings, name)
        if found is None:
            assert run.evidence.get(id).not_run
            continue
        empty = [field.name for field in fields(found) if getattr(found, field.name) == {}]
        assert set(empty) <= set(LATER), name


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("chapters/*/*.md.j2")), ids=lambda path: path.stem)
def test_every_name_in_a_template_is_a_field_of_its_chapter_s_findings(path):
    """Also in the branches that no project of these tests takes."""
    module = importlib.import_module(f"redis_plan.chapters.{path.parent.name}.findings")
    kind = next(k for k in CHAPTERS if k.__module__ == module.__name__)
    chains = {".".join(chain) for chain in asked(path.read_text("utf-8"))}
    assert not {chain for chain in chains if not stands(kind, chain.split("."))}


def asked(template: str) -> list[list[str]]:
    """Return the attributes that a template asks of ``found``, each as a chain of names; of a question why not, what it is about."""
    tree, found = jinja2.Environment(autoescape=False).parse(template), []
    for node in tree.find_all(nodes.Call):
        if isinstance(node.node, nodes.Getattr) and node.node.attr in ("why_not", "not_run"):
            found.append([node.args[0].as_const()])
    for node in tree.find_all(nodes.Getattr):
        if node.attr in ("why_not", "not_run"):
            continue
        chain, inner = [node.attr], node.node
        while isinstance(inner, nodes.Getattr):
            chain, inner = [inner.attr, *chain], inner.node
        if isinstance(inner, nodes.Name) and inner.name == "found":
            found.append(chain)
    return found


def stands(kind: type[Findings], chain: list[str]) -> bool:
    """Whether a chain of names is a record of the findings, and a number of it."""
    declared = kind.declared()
    return chain[0] in declared and (len(chain) == 1 or hasattr(declared[chain[0]][1], chain[1]))


@pytest.mark.parametrize("recording", ["whole", "nothing ran"])
@pytest.mark.parametrize("design", ["the sample", "without sessions", "without keys"])
def test_every_section_is_told_whatever_the_project_has_and_whatever_was_measured(design, recording, run):
    """A name that a template is not given fails here."""
    brief, keyspace = run.load_brief(), run.load_keyspace()
    if design == "without sessions":
        brief, keyspace = project.brief(), replace(project.without_sessions(), session_entity="")
    if design == "without keys":
        keyspace = replace(keyspace, patterns=(), session_entity="")
    records = run.evidence.all() if recording == "whole" else {}
    texts = told(brief, keyspace, run, records)
    assert list(texts) == list(SECTIONS)
    for number, text in texts.items():
        words = sum(len(part.split()) for part in reading.paragraphs(text))
        assert 5 <= words <= 600, (number, words)
        assert not reading.overcited(text), number
        assert not reading.wrong_articles(text), number
    assert bool(_ID.findall("".join(texts.values()))) == (recording == "whole")


def appended(brief: Brief, keyspace: Keyspace, run: Run, records: dict[str, Evidence]) -> dict[str, str]:
    """Return the texts of the appendices, by what they are about; nothing was sampled where nothing ran."""
    names = capacity.quantities(brief, keyspace, run.evidence.all())
    ran = next(iter(run.evidence.all().values())).server
    of = {kind: kind.of(records) for kind in CHAPTERS}
    tried, asked, loaded, grown, replied = (
        run.evidence.samples(id) if records else pd.DataFrame() for id in ("E-09a", "E-09b", "E-06a", "E-06c", "E-08d")
    )
    steps, build = [(64, 100_000.0)] if records else [], layout.build(f"{ran.product}-{ran.version}")
    return {
        "names": keys.names(brief, keyspace, of[Naming]),
        "lifetimes": keys.lifetimes(brief, keyspace),
        "sessions": "\n\n".join(protocol.section(brief, keyspace, of[Sessions])),
        "server": running.server(brief, keyspace, of[Operations], settings.settings(keyspace, names), tried, ran),
        "watching": running.watching(brief, keyspace, of[Operations], settings.alerts(keyspace, names), asked),
        "recovery": "\n\n".join(failing.told(brief, keyspace, of[Recovery], replied)),
        "encodings": measured_structures.encodings(brief, keyspace, of[Structures]),
        "load": measured_structures.load(brief, keyspace, of[Structures], 0.02),
        "formats": measured_structures.formats(brief, keyspace, of[Structures]),
        "memory": memory_model.told(brief, keyspace, of[Memory], build, loaded, grown, steps),
    }


@pytest.mark.parametrize("recording", ["whole", "nothing ran"])
def test_every_appendix_is_told_whatever_was_measured(recording, run):
    brief, keyspace = run.load_brief(), run.load_keyspace()
    records = run.evidence.all() if recording == "whole" else {}
    for about, text in appended(brief, keyspace, run, records).items():
        assert text.startswith("### "), about
        assert not re.search(r"\bNone\b(?![:.,]| of)|\bnan\b", re.sub(r"```.*?```", "", text, flags=re.DOTALL)), about
        assert not reading.wrong_articles(text), about
        assert not records or about == "lifetimes" or _ID.search(text), about


def test_what_was_measured_of_expiry_is_told_as_far_as_it_was(run):
    brief, keyspace = run.load_brief(), run.load_keyspace()
    commands = pd.DataFrame({"command": ["SET", "HSET"], "kept": [False, True]})
    text = expiry.measured(brief, keyspace, Expiry.of(run.evidence.all()), commands)
    assert re.findall(r"^### (.+)$", text, re.MULTILINE) == [
        "What a TTL does", "Refresh", "Commands that take a TTL away", "Much at once", "Leases of members"
    ]  # fmt: skip
    assert "- Lost by: `SET` [" in text
    assert not expiry.measured(brief, keyspace, Expiry.of({}), pd.DataFrame())


def test_a_design_without_keys_gets_a_few_sentences(run):
    keyspace = replace(run.load_keyspace(), patterns=(), session_entity="")
    texts = told(run.load_brief(), keyspace, run, run.evidence.all())
    assert all(len(texts[number].split()) < 60 for number in (1, 2, 3, 6, 9))


def test_every_function_that_a_template_names_is_delivered():
    text = "".join(path.read_text("utf-8") for path in Path(TEMPLATES).rglob("*.md.j2"))
    named = set(re.findall(r"`(session_\w+)", text)) - {"session_id"}
    assert named
    assert named <= set(calls.calls())


@pytest.mark.parametrize(("times", "said"), [(0.9, "is not seen in"), (9.0, "moves")])
def test_a_neighbour_is_said_to_move_the_others_only_beyond_both_intervals(times, said, run):
    p99 = Value("alone_p99", 0.3, "s", 100, 0.27, 0.33)
    beside = Value("noisy_p99", times * 0.3, "s", 100, times * 0.27, times * 0.33)
    values = (p99, beside, replace(p99, name="limited_p99"))
    record = replace(run.evidence.get("E-07a"), id="E-07h", values=values, not_run="")
    found = Sessions.of(run.evidence.all() | {record.id: record})
    [text] = storm_text.tested(run.load_brief(), run.load_keyspace(), found)
    assert f"100 times its rate {said} the others' p99" in text


def test_a_design_rests_on_no_number_of_a_use_or_an_action_that_it_has_not(run):
    """A project of cached answers is told of no seats, no rounds, no join codes; the sample rests on them all."""
    brief, keyspace = run.load_brief(), run.load_keyspace()
    about = {
        "session_capacity",
        "watchers_per_session",
        "presence_lease",
        "round_least",
        "name_most",
        "code_length",
        "log_entries",
    }
    assert about <= {fact.name for fact in words.facts_used(brief, keyspace)}
    alone = replace(keyspace, patterns=tuple(p for p in keyspace.patterns if p.use == "rate"), actions=())
    assert not about & {fact.name for fact in words.facts_used(brief, alone)}


def test_what_a_declared_action_assumes_is_told(run):
    """What a team declares with like = "phases.start" starts rounds of an assumed length, as the catalog's does."""
    brief, keyspace = run.load_brief(), run.load_keyspace()
    start = next(action for action in keyspace.actions if action.kind == "phases.start")
    own = replace(start, kind="declared.open_it", declared=codec.to_json(catalog.kind_of(start)))
    declared = replace(keyspace, actions=(own,))
    assert "round_least" in {fact.name for fact in words.facts_used(brief, declared)}


def test_a_limit_of_things_is_a_whole_number_of_them(run):
    names = capacity.quantities(run.load_brief(), run.load_keyspace(), run.evidence.all()) | {"sessions_peak": 1.3}
    counted = [a for a in settings.alerts(run.load_keyspace(), names) if a.unit in ("channels", "connections", "keys")]
    assert counted
    assert all(a.limit == int(a.limit) for a in counted)
