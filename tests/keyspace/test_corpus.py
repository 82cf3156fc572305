"""Real documents: every project designs lint-clean, with its own nouns, and no key without a need."""

import shutil
from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.keyspace import design, naming

LAYOUT = {"prd.md": "prd.md", "tech-stack.md": "tech-stack.md", "notes.md": "redis_planning_summary.md"}


def project(source: Path, folder: Path) -> Path:
    """Lay out a project of the corpus as a team would."""
    (folder / "ai").mkdir(parents=True)
    for name, target in LAYOUT.items():
        if (source / name).exists():
            shutil.copy(source / name, folder / "ai" / target)
    return folder


def test_every_real_project_designs_lint_clean(corpus: Path, tmp_path: Path) -> None:
    sources = [path for path in sorted(corpus.iterdir()) if path.is_dir()]
    assert sources
    for source in sources:
        asked = brief.read(project(source, tmp_path / source.name))
        keyspace = design(asked)
        errors = [f for f in keyspace.findings if f.severity == "error"]
        assert not errors, f"{source.name}: {errors}"
        assert keyspace.patterns or asked.fit == "no"
        needs = {r.id for r in asked.requirements} | {a.id for a in asked.access_patterns}
        for pattern in keyspace.patterns:
            assert {*pattern.requirements, *pattern.access_patterns} & needs, f"{source.name}: {pattern.name}"
            assert naming.KEY.fullmatch(naming.example(pattern.template))
        unserved = {text.split()[0] for text in keyspace.unserved}
        served = {a for pattern in keyspace.patterns for a in pattern.access_patterns}
        assert {a.id for a in asked.access_patterns} == unserved | served, source.name


def test_a_project_that_hardly_needs_redis_gets_few_keys(corpus: Path, tmp_path: Path) -> None:
    for source in sorted(path for path in corpus.iterdir() if path.is_dir()):
        asked = brief.read(project(source, tmp_path / source.name))
        if asked.fit == "no":
            assert len(design(asked).patterns) <= 4, source.name


def test_the_sample_project_designs_lint_clean() -> None:
    from redis_plan.resources import sample_project

    if not (sample_project() / "ai" / "prd.md").exists():
        pytest.skip("this checkout has no sample project")
    keyspace = design(brief.read(sample_project()))
    assert keyspace.findings == ()
    assert keyspace.session_entity
