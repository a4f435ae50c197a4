"""The page's files as they are shipped: small, complete, and from nowhere else."""

from __future__ import annotations

import gzip
import re
from importlib import resources
from pathlib import Path

WEB = Path(str(resources.files("soundkin"))) / "web"
TEXTS = {".html", ".css", ".js", ".svg"}
MAX_BYTES = 250_000


def list_files() -> list[Path]:
    """List what a browser may ask for: all but what is for people to read."""
    kinds = TEXTS | {".woff2"}
    return sorted(path for path in WEB.rglob("*") if path.suffix in kinds)


def test_the_whole_page_is_below_250_kb_compressed() -> None:
    sizes = {path: len(gzip.compress(path.read_bytes())) for path in list_files()}
    assert len(sizes) > 30
    assert sum(sizes.values()) < MAX_BYTES


def test_nothing_is_loaded_from_elsewhere() -> None:
    own = [path for path in list_files() if path.suffix in TEXTS and path.parent.name != "vendor"]
    named = {
        address
        for path in own
        for address in re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]+[^\s\"']*", path.read_text())
    }
    assert named <= {"http://www.w3.org/2000/svg"}


def test_every_file_that_is_named_is_there() -> None:
    for path in list_files():
        if path.suffix not in {".html", ".css", ".js"} or path.parent.name == "vendor":
            continue
        text = path.read_text()
        named = re.findall(r"(?:from |import\()\"(\.{1,2}/[^\"]+)\"", text)
        named += re.findall(r"url\(\"([^\"#]+)\"\)", text)
        if path.suffix == ".html":
            named += re.findall(r"(?:src|href)=\"([^\"?#]+)\"", text)
        for name in named:
            assert (path.parent / name).is_file(), f"{path.name} names {name}"


def test_scripts_and_styles_stand_in_files_of_their_own() -> None:
    page = (WEB / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_every_vendored_library_has_its_version_and_licence() -> None:
    table = (WEB / "vendor" / "README.md").read_text()
    licences = re.findall(
        r"\| ([\d.]+) \| (ISC|MIT|BSD-3-Clause|OFL-1.1) \| \[text\]\(([^)]+)\)", table
    )
    assert len(licences) == len([line for line in table.splitlines() if "licences/" in line]) > 5
    assert all((WEB / "vendor" / path).stat().st_size > 300 for _, _, path in licences)
    for path in (WEB / "vendor").glob("*.*"):
        assert path.name in table or path.name == "README.md"
