"""The site that `make docs` builds: whole, searched and read without a network; its links."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, expect

import soundkin
from docs.site_loads import find_foreign_loads, on_post_build

ROOT = Path(__file__).parents[2]
SOURCES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?![a-z][a-z+.-]*:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site of this checkout, built without a warning."""
    pytest.importorskip("mkdocs", reason="make installs it")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "--quiet", "build", "--strict", "--site-dir", folder]
    env = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_public_name_is_told_on_one_page_from_its_docstring(site: Path) -> None:
    pages = [path.read_text("utf-8") for path in (site / "reference").glob("*.html")]
    names = [f"soundkin.{name}" for name in soundkin.__all__ if name != "__version__"]
    names += ["soundkin.hear.load_model", "soundkin.hear.get_scene_embeddings"]
    for name in names:
        told = [page for page in pages if f'id="{name}"' in page]
        assert len(told) == 1, name
        _, _, text = told[0].partition(f'id="{name}"')
        assert re.search(r'class="doc doc-contents[^>]*>.{0,4000}?<p>\w', text, re.DOTALL), name


@pytest.mark.parametrize(
    "page",
    ["index", "how-it-works", "commands", "recipes/find-a-kick", "reference/searching"],
)
def test_a_page_opened_from_its_folder_asks_no_other_host(
    site: Path, chromium: Browser, page: str
) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    tab = chromium.new_page()
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda said: complaints.append(said.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((site / f"{page}.html").as_uri(), wait_until="networkidle")
    tab.close()
    assert asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []


def test_the_search_finds_pages_without_a_server(site: Path, chromium: Browser) -> None:
    tab = chromium.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.get_by_role("textbox", name="Search").press_sequentially("percentile kick")
    found = tab.locator("a.md-search-result__link[href*='recipes/find-a-kick.html']")
    expect(found.first).to_be_visible(timeout=20_000)
    tab.close()


def test_what_loads_from_another_host_is_found_and_what_only_leads_there_is_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "page.html").write_text(
        """<link rel="stylesheet" href="https://a.example/s.css">
        <link rel="preconnect" href="//b.example">
        <link rel="canonical" href="https://own.example/page">
        <a href="https://c.example">leads there</a> <img src="figures/x.png">
        <script src="HTTPS://d.example/s.js"></script>
        <img srcset="x.png 1x, https://e.example/x.png 2x">
        <style>@import "https://f.example/s.css"; p { background: url(x.png) }</style>
        <p style="background: url('//g.example/x.png')">
        <svg><use href="https://h.example/i.svg#i"></use></svg>
        <pre class="mermaid"><code>graph</code></pre>"""
    )
    (tmp_path / "style.css").write_text(
        "@font-face { src: url(https://i.example/f) } a { color: red }"
    )
    found = [line.split(": ", 1) for line in find_foreign_loads(tmp_path)]
    hosts = [re.sub(r".*//(\w)\.example.*", r"\1", load) for _, load in found]
    assert hosts == ["a", "b", "d", "e", "f", "g", "h", "mermaid", "i"]
    assert found[-1][0] == "style.css"
    exceptions = pytest.importorskip("mkdocs.exceptions", reason="make installs it")
    with pytest.raises(exceptions.PluginError, match=r"page\.html: https://a\.example/s\.css"):
        on_post_build(SimpleNamespace(site_dir=tmp_path))  # which ends the build


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere_on_a_git_host_too(source: Path) -> None:
    for target, anchor in LINK.findall(FENCE.sub("", source.read_text("utf-8"))):
        path = source.parent / target if target else source
        assert path.exists(), f"{target} is not there"
        if anchor:
            assert anchor in list_anchors(path), f"{target}#{anchor}"


def list_anchors(page: Path) -> set[str]:
    """List the anchors that a git host gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}
