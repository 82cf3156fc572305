"""`make lab`: JupyterLab opens on the nine notebooks with the project's own kernel."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from redis_plan.parameters import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2]


def ask(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_lab_serves_the_notebooks_with_the_project_s_kernel(tmp_path):
    command = re.search(
        r"^lab:.*\n\t\$\(BIN\)/jupyter lab (.+) \$\(ARGS\)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )[1]
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=0",
        "--IdentityProvider.token=t",
    ]
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_CONFIG_DIR": str(tmp_path)}
    lab = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *command.split(), *options],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        base = wait_for_url(tmp_path)
        listed = {entry["name"] for entry in ask(f"{base}api/contents?token=t")["content"]}
        assert {f"{name}.ipynb" for name in NOTEBOOKS} <= listed
        kernels = ask(f"{base}api/kernelspecs?token=t")
        assert kernels["default"] == "python3"
        assert "argv" in kernels["kernelspecs"]["python3"]["spec"]
    finally:
        os.killpg(lab.pid, signal.SIGTERM)
        lab.wait(60)


def wait_for_url(runtime: Path) -> str:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        for path in runtime.glob("jpserver-*.json"):
            try:
                info = json.loads(path.read_text())
                ask(f"{info['url']}api?token=t")
            except (ValueError, OSError):
                continue
            return str(info["url"])
        time.sleep(0.2)
    raise AssertionError("JupyterLab did not start")
