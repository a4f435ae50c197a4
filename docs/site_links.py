"""Links of the docs, in the site: what they lead to beside docs/ becomes part of it.

On a git host a page may link to any file of the repository, as ../CHANGELOG.md. mkdocs knows only
docs/, so such files get a place below repository/ in the site, and the links lead there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = "docs/"
PLACE = "repository/"
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!#|[a-z][a-z+.-]*:)([^)\s]+)(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository that pages link to, and what those link to in turn."""
    waiting = [DOCS + file.src_uri for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        for target in _find_targets(page):
            place = _place(target)
            if target.startswith(DOCS) or files.get_file_from_path(place):
                continue
            files.append(File.generated(config, place, abs_src_path=str(ROOT / target)))
            if target.endswith(".md"):
                waiting.append(target)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let a page's links lead to where things lie in the site."""
    own = page.file.src_uri
    origin = own.removeprefix(PLACE) if own.startswith(PLACE) else DOCS + own

    def lead(link: re.Match[str]) -> str:
        target, _, anchor = link[1].partition("#")
        place = _place(_resolve(origin, target))
        if not files.get_file_from_path(place):
            return link[0]  # mkdocs says that it is not there
        return posixpath.relpath(place, posixpath.dirname(own)) + (anchor and f"#{anchor}")

    parts, end = [], 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(lead, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, LINK.sub(lead, markdown[end:])])


def _find_targets(page: str) -> Iterator[str]:
    text = FENCE.sub("", (ROOT / page).read_text("utf-8"))
    for link in LINK.findall(text):
        target = _resolve(page, urlsplit(link).path)
        if not target.startswith("../") and (ROOT / target).is_file():
            yield target


def _resolve(page: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), link))


def _place(target: str) -> str:
    return target.removeprefix(DOCS) if target.startswith(DOCS) else PLACE + target
