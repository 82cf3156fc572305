"""The rendered pages, as a browser shows them: for everybody, in both themes, without a script or a request."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "browser"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.slow


def look(folder: Path) -> list[dict[str, str]]:
    """What a browser finds wrong with the pages of ``folder``."""
    command = ["node", str(BROWSER / "look.mjs"), str(folder), str(CHROMIUM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


needs_browser = pytest.mark.skipif(
    CHROMIUM is None or not (BROWSER / "node_modules").is_dir(),
    reason="Chromium or Node's packages are missing here: npm ci --prefix tests/end_to_end/browser",
)


@needs_browser
def test_every_page_is_accessible_in_both_themes_and_loads_nothing(built):
    assert look(built / "data/runs/quick/html") == []


@needs_browser
def test_the_check_sees_what_is_wrong(tmp_path):
    (tmp_path / "bad.html").write_text(
        '<html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
        '<p style="color:#ddd;background:#fff">pale</p><script>1</script><img src="data:image/png;base64,AAAA">',
        "utf-8",
    )
    found = {fault["what"] for fault in look(tmp_path)}
    assert {"console", "images", "light color-contrast", "light html-has-lang", "light image-alt"} <= found


@needs_browser
@pytest.mark.parametrize(
    ("scheme", "bad"), [("light", "color: #bbb"), ("dark", "color: #444"), ("dark", "background: #999")]
)
def test_one_word_of_hundreds_that_is_too_pale_in_one_theme_is_seen(tmp_path, scheme, bad):
    """Contrast is looked at on a few words of each kind: one that differs by its own colour or by what is behind it is a kind."""
    words = [f"<b>word</b> <i><b>{number}</b></i>" for number in range(200)]
    words[150] = f'<i class="bad">{words[150]}</i>'
    style = "body { color: #111; background: #fff } @media (prefers-color-scheme: dark) { body { color: #eee; background: #111 } }"
    (tmp_path / "page.html").write_text(
        f'<html lang="en"><title>t</title><style>{style} @media (prefers-color-scheme: {scheme}) {{ .bad {{ {bad} }} }}</style>'
        f"<main><h1>Words</h1><p>{' '.join(words)}</p></main></html>",
        "utf-8",
    )
    assert {fault["what"] for fault in look(tmp_path)} == {f"{scheme} color-contrast"}
