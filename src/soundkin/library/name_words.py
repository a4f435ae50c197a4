"""Names as words: what a person types of a folder, a name or a tag, found in any order.

`snare 01 -rim` asks for recordings that have `snare` and `01` in their folder, name or tags, and
not `rim`. Capitals, accents and punctuation do not matter, and a word may be part of a longer one:
`snare 01` finds `Snares/snare-010.wav`, and `hihat` finds `hi-hat`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

FUNCTION = "has_word"  # as SQL calls it
ACCENTS = dict.fromkeys(range(768, 880))
NOTE = re.compile(r"(?<![^ /])([a-g])#")  # a sharp is part of a note's name
SHARP = "♯"


@dataclass(frozen=True)
class NameWords:
    """Words that names must have, all of them, and groups of words that they must not have."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def read(cls, text: str) -> NameWords:
        """Read what a person typed; what is no word, as a lone minus, asks for nothing."""
        wanted: list[str] = []
        unwanted: list[tuple[str, ...]] = []
        for piece in text.split():
            words = tuple(fold(piece).replace("/", " ").split())
            if piece.startswith("-"):
                unwanted += [words] if words else []
            else:
                wanted += words
        # The longest first, which the fewest names have.
        longest_first = sorted(dict.fromkeys(wanted), key=len, reverse=True)
        return cls(tuple(longest_first), tuple(unwanted))


class _Signs(dict[int, str]):
    """What letters, digits and marks stay as, and what all else becomes: a space."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        stays = unicodedata.category(letter)[0] in "LMN" or letter in f"/#{SHARP}"
        self[code] = letter if stays else " "
        return self[code]


_SIGNS = _Signs({ord("\\"): "/"})


def fold(text: str) -> str:
    """Write a text in small letters without accents or punctuation, words and folders apart."""
    if text.isascii():
        text = text.lower()
    else:
        apart = unicodedata.normalize("NFKD", text).translate(ACCENTS)
        text = unicodedata.normalize("NFC", apart.casefold())
    text = text.translate(_SIGNS)
    return NOTE.sub(rf"\1{SHARP}", text).replace("#", " ") if "#" in text else text


def has_word(path_or_tag: bytes, roots: str, word: str) -> bool:
    """Tell whether a path below one of the roots, or a tag, has a folded word.

    What lies above the root that holds it says nothing of a recording, and is left out. `roots`
    are in hexadecimal with spaces between, as SQL gathers them; paths are bytes as they are stored.
    """
    text = os.fsdecode(path_or_tag)
    root = next((one for one in _read_roots(roots) if text.startswith(one)), None)
    if root is not None:
        above = os.path.dirname(root)  # noqa: PTH120 (called for every recording)
        text = text[len(above if text != root else os.path.dirname(above)) :]  # noqa: PTH120
    folded = fold(text)
    if word in folded:
        return True
    return word in folded.replace(" ", "") and bool(_compile_split(word).search(folded))


@lru_cache(maxsize=64)
def _read_roots(roots: str) -> list[str]:
    """Read roots, the outermost first."""
    found = (os.fsdecode(bytes.fromhex(digits)) for digits in roots.split())
    return sorted((root.rstrip("/\\") for root in found), key=len)


@lru_cache(maxsize=256)
def _compile_split(word: str) -> re.Pattern[str]:
    """Match a word that punctuation splits, from where a word begins."""
    return re.compile(r"(?<![^ /])" + " *".join(map(re.escape, word)))
