"""Where in a TOML text each entry stands: what an error names, and what an answer changes."""

from __future__ import annotations

import tomllib

from redis_plan.brief.overrides.positions import extents, line_of, positions

TOML = '''# [not.a.table]
title = """
[nor.this]
key = 1"""  # nor = "this"
'single "quoted"' = 'a # b'

[facts]
idle_ttl = { value = "30 min", cite = "prd.md:3" }  # x = 2
a.b = 1

[uses]
take = [
  "chat",  # ] is no end
  { use = "votes", entity = ["Vote",
                             "Ballot"] },
  'x]y',
]

[[table]]
n = 1
[[table]]
n = 2
[table.inner]
"dotted.key" = true
'''


def test_every_path_has_its_lines():
    spans = positions(TOML)
    assert {path: spans[path] for path in spans if path and path[0] != "table"} == {
        ("title",): (2, 4),
        ('single "quoted"',): (5, 5),
        ("facts",): (7, 7),
        ("facts", "idle_ttl"): (8, 8),
        ("facts", "idle_ttl", "value"): (8, 8),
        ("facts", "idle_ttl", "cite"): (8, 8),
        ("facts", "a"): (9, 9),
        ("facts", "a", "b"): (9, 9),
        ("uses",): (11, 11),
        ("uses", "take"): (12, 17),
        ("uses", "take", 0): (13, 13),
        ("uses", "take", 1): (14, 15),
        ("uses", "take", 1, "use"): (14, 14),
        ("uses", "take", 1, "entity"): (14, 15),
        ("uses", "take", 1, "entity", 0): (14, 14),
        ("uses", "take", 1, "entity", 1): (15, 15),
        ("uses", "take", 2): (16, 16),
    }
    assert spans["table", 1, "n"] == (22, 22)
    assert spans["table", 1, "inner", "dotted.key"] == (24, 24)
    assert line_of(spans, ("uses", "take", 1, "missing")) == 14
    assert line_of(spans, ("nowhere",)) == 1


def test_every_value_is_found_to_the_character():
    values, _ = extents(TOML)
    data = tomllib.loads(TOML)
    for path, (begin, end) in values.items():
        found = data
        for step in path:
            found = found[step]
        assert tomllib.loads(f"x = {TOML[begin:end]}")["x"] == found, path
