"""A recorded run of the sample: what a build left, small enough to keep, so that a plan is assembled without a server.

Renew it from a build's run folder where the design or a record's format has changed::

    python -m tests.plan.recorded data/runs/quick
"""

import io
import json
import re
import sys
import tarfile
from pathlib import Path

import nbformat

from redis_plan.plan import delivery
from redis_plan.run import Run
from tests.end_to_end.conftest import copy_sample

ARCHIVE = Path(__file__).parent / "recorded" / "sample-quick.tar.xz"
PROFILE = "quick"
#: Raw samples that a text reads again.
SAMPLES = tuple(f"{id}.parquet" for id in ("E-04d", "E-06a", "E-06c", "E-06i", "E-07j", "E-08d", "E-09a", "E-09b"))
_DIGEST = re.compile(r"`redis/([\w./-]+)` \(SHA-256 `[0-9a-f]{64}`\)")


def unpack(folder: Path) -> Path:
    """Make a project with the sample's documents and the recorded run; return its folder."""
    project = copy_sample(folder / "project")
    target = project / "data" / "runs" / PROFILE
    target.mkdir(parents=True)
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(target, filter="data")
    _renew_digests(Run(project, target))
    return project


def _renew_digests(run: Run) -> None:
    """Let the recorded text name the artefacts of today: they are made again, from the recorded design by today's code."""
    made = {artefact.path: artefact.sha256 for artefact in delivery.artefacts(run)}
    for path in (run.folder / "notebooks").glob("*.ipynb"):
        text = path.read_text("utf-8")
        renewed = _DIGEST.sub(lambda m: f"`redis/{m[1]}` (SHA-256 `{made.get(m[1], '0' * 64)}`)", text)
        path.write_text(renewed, encoding="utf-8")


def pack(run: Path) -> None:
    """Write the archive from a run folder: without code, without pages, without outputs that no plan takes."""
    ARCHIVE.parent.mkdir(exist_ok=True)
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(run.glob("*.json")) + sorted(run.glob("decisions/*.json")):
            _add(archive, path.relative_to(run), path.read_bytes())
        for path in sorted(run.glob("evidence/*")):
            if path.suffix == ".json" or path.name in SAMPLES:
                _add(archive, path.relative_to(run), path.read_bytes())
        for path in sorted(run.glob("notebooks/*.ipynb")):
            _add(archive, path.relative_to(run), _bare(path).encode())


def _bare(path: Path) -> str:
    node = nbformat.read(path, as_version=4)
    for cell in node.cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            planned = any(tag.startswith("plan-") for tag in tags)
            cell.source, cell.metadata = "", {"tags": tags}
            cell.outputs = [
                o for o in cell.outputs if planned or "evidence" in o.get("metadata", {}).get("redis_plan", {})
            ]
            for output in cell.outputs if not planned else ():
                output.data = {"text/plain": ""}  # which cell shows a record is all that a plan takes
    node.metadata = {}
    return json.dumps(node, ensure_ascii=False)


def _add(archive: tarfile.TarFile, name: Path, content: bytes) -> None:
    entry = tarfile.TarInfo(name.as_posix())
    entry.size = len(content)  # no owner and no time: the same run gives the same archive
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    pack(Path(sys.argv[1]))
