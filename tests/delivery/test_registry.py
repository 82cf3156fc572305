"""keyspace.json is valid against the published schema, which is itself valid."""

import json
import re

import jsonschema

from redis_plan.delivery import registry
from redis_plan.keyspace import functions, naming, records
from tests.delivery import made

SCHEMA = json.loads(registry.schema())


def test_the_schema_is_a_valid_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_project_has_a_valid_registry_of_everything(project: made.Project) -> None:
    record = json.loads(project.text("keyspace.json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(record)
    assert record["$schema"] == SCHEMA["$id"] == "keyspace.schema.json"
    assert {p["name"] for p in record["keys"] + record["channels"]} == {p.name for p in project.keyspace.patterns}
    assert all(p.requirements or p.access_patterns for p in project.keyspace.keys)
    assert all(p["requirements"] for p in record["keys"] if project.keyspace.pattern(p["name"]).requirements)


def test_the_schema_refuses_what_is_no_registry() -> None:
    found = list(jsonschema.Draft202012Validator(SCHEMA).iter_errors({"app": "Not A Slug", "keys": [{"type": "json"}]}))
    assert len(found) >= 3


def test_the_examples_match_the_grammar_in_the_file(project: made.Project) -> None:
    record = json.loads(project.text("keyspace.json"))
    grammar = re.compile(record["grammar"]["key"].replace("(?<", "(?P<"))
    for pattern in record["keys"] + record["channels"]:
        assert grammar.fullmatch(pattern["example"])
        assert naming.parse(pattern["template"], pattern["example"]) is not None


def test_it_names_no_function_that_the_project_does_not_get(project: made.Project) -> None:
    """A key is taken by functions of the library; what writes it is one of them, a gateway, a worker or the service."""
    record = json.loads(project.text("keyspace.json"))
    there = {function["name"] for function in record["functions"]}
    generic = {*functions.functions(), *records.functions_of()}
    for pattern in record["keys"] + record["channels"]:
        assert there >= set(pattern.get("functions", ()))
        assert pattern["written_by"]
        said = " ".join(pattern["written_by"])
        assert not set(re.findall(r"session_\w+", said)) & generic - there, pattern["name"]
        assert there >= set(re.findall(r"FCALL (\w+)", said)), pattern["name"]
