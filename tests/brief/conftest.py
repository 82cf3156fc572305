"""Projects made on the spot: a folder with the documents a test writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

NAMES = {"prd": "prd.md", "stack": "tech-stack.md", "notes": "redis_planning_summary.md", "toml": "redis-plan.toml"}
MakeProject = Callable[..., Path]


@pytest.fixture
def project(tmp_path: Path) -> MakeProject:
    """Return a function that writes documents (text or bytes) into ``ai/`` and returns the project's folder."""

    def make(folder: str = "ai", **documents: str | bytes) -> Path:
        (tmp_path / folder).mkdir(exist_ok=True)
        for part, content in documents.items():
            raw = content.encode() if isinstance(content, str) else content
            (tmp_path / folder / NAMES[part]).write_bytes(raw)
        return tmp_path

    return make
