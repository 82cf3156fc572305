"""Prompting: both tasks for a coding assistant as a prompt file, where editors look for one.

The file names the commands that print the tasks, which are made from the documents as they stand then: it does not go stale.
"""

from __future__ import annotations

from pathlib import Path

from redis_plan import resources
from redis_plan.brief import documents
from redis_plan.errors import OutputError

#: Where editors with assistants look for prompts of a project.
PLACE = Path(".github") / "prompts" / "redis-plan.prompt.md"


def write(project: Path, force: bool = False) -> Path:
    """Write the prompt file of ``project`` and return its path.

    Raises :class:`DocumentError` where the project has no documents, :class:`OutputError` where another text stands there
    and ``force`` does not replace it.
    """
    folder = documents.find_folder(project)
    text = (resources.catalog_dir() / "prompt.md").read_text("utf-8").replace("$folder", folder.name)
    path = project / PLACE
    if path.exists() and path.read_text("utf-8") != text and not force:
        raise OutputError(f"{path}: was edited; --force replaces it")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
