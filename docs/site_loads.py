"""That the site's pages load nothing from another host; the build fails where one would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

ELSEWHERE = re.compile(r"^\s*(?:[a-z][a-z+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(|@import\s)\s*["']?([^"')\s;]+)""", re.IGNORECASE)
LOADING = {"src", "srcset", "poster", "data", "background", "xlink:href"}
FOLLOWED = {"alternate", "author", "canonical", "help", "license", "next", "prev"}  # when asked for
BY_SCRIPT = {"mermaid"}  # classes for which the theme fetches a program


def on_post_build(config: MkDocsConfig) -> None:
    """Look through all that was built."""
    from mkdocs.exceptions import PluginError

    found = list(find_foreign_loads(Path(config.site_dir)))
    if found:
        raise PluginError("the site loads from other hosts:\n" + "\n".join(found))


def find_foreign_loads(site: Path) -> Iterator[str]:
    """Yield a line for everything that a page or a style of a site takes from another host."""
    for path in sorted(site.rglob("*")):
        if path.suffix == ".html":
            reader = _Reader()
            reader.feed(path.read_text("utf-8"))
            found = reader.found
        elif path.suffix == ".css":
            found = list(_find_in_style(path.read_text("utf-8")))
        else:
            continue
        for load in found:
            yield f"{path.relative_to(site).as_posix()}: {load}"


class _Reader(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.in_style = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.in_style = tag == "style"
        for name, value in values.items():
            if self._is_loading(tag, name, values):
                urls = value.split(",") if name == "srcset" else [value]
                self.found += [url.strip() for url in urls if ELSEWHERE.match(url)]
        self.found += _find_in_style(values.get("style", ""))
        self.found += sorted(BY_SCRIPT & set(values.get("class", "").split()))

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.found += _find_in_style(data)

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False

    @staticmethod
    def _is_loading(tag: str, name: str, values: dict[str, str]) -> bool:
        if tag == "link" and name == "href":
            return not set(values.get("rel", "").split()) <= FOLLOWED
        return name in LOADING or (name == "href" and tag in {"image", "use", "feimage"})


def _find_in_style(style: str) -> Iterator[str]:
    return (url for url in IN_STYLE.findall(style) if ELSEWHERE.match(url))
