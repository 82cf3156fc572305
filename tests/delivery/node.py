"""Node programs that use the delivered files of the sample: compiled strictly once, for both client libraries."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from redis_plan.delivery import bundle, clients, syncing
from tests.delivery import made

HERE = Path(__file__).parent / "typescript"
#: Where a worker of the tests compiles: beside node_modules, where the compiler finds the types.
OUT = HERE / "out" / os.environ.get("PYTEST_XDIST_WORKER", "all")
TSC = HERE / "node_modules" / ".bin" / "tsc"
LIBRARIES: tuple[clients.Library, ...] = ("ioredis", "node-redis")
MISSING = shutil.which("node") is None or not TSC.exists()
WHY = "Node is missing here, or its packages are: npm ci --prefix tests/delivery/typescript"
needs_node = pytest.mark.skipif(MISSING, reason=WHY)
_STRICT = [
    "--strict", "--noUncheckedIndexedAccess", "--noImplicitReturns", "--noUnusedLocals", "--noFallthroughCasesInSwitch",
    "--target", "es2022", "--module", "nodenext", "--skipLibCheck", "--types", "node",
]  # fmt: skip


def compile_all(files: list[Path]) -> None:
    """Compile strictly; an error is a failed test."""
    done = subprocess.run([str(TSC), *_STRICT, *map(str, files)], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def write(project: made.Project, library: clients.Library, folder: Path) -> list[Path]:
    """Write the project's TypeScript for ``library``, and the tests' programs beside it; the files to compile."""
    folder.mkdir(parents=True)
    texts = {a.path: a.text for a in syncing.artefacts(project.brief, project.keyspace) if a.path.endswith(".ts")}
    texts[clients.TYPESCRIPT] = clients.typescript_client(project.brief, project.keyspace, library)
    texts[syncing.TYPESCRIPT_CLUSTER] = syncing.typescript_cluster()  # delivered where channels are sharded
    texts[syncing.TYPESCRIPT_DRIVER] = syncing.typescript_driver(library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clients, "library_for", lambda _: library)
        readme = bundle.readme(project.brief, project.keyspace, project.artefacts)
    texts["first.ts"] = made.block(readme, "typescript")
    for path, text in texts.items():
        (folder / path).write_text(text, "utf-8")
    for program in (
        HERE / "life.ts",
        HERE / "again.ts",
        HERE / "conditions.ts",
        HERE / "cluster.ts",
        HERE.parent / "survivors" / "survivor.ts",
        HERE.parent / "survivors" / "member.mjs",
    ):
        shutil.copy(program, folder)
    shutil.copy(HERE / f"connect-{library}.ts", folder / "connect.ts")
    return sorted(folder.glob("*.ts"))
