"""Names as words, in scripts and notes of all kinds."""

from __future__ import annotations

import os

import pytest

from soundkin.library.name_words import NameWords, has_word


@pytest.mark.parametrize(
    ("path", "words", "is_found"),
    [
        ("Snares/snare-010.wav", "snare 01", True),
        ("Hi-Hats/hi_hat.wav", "hihat", True),
        ("fat_abc.wav", "tab", False),  # a word does not begin in the middle of one, and go on
        ("kicks/nara.wav", "snara", False),  # nor in a folder's name
        ("U\u0308ber/Cafe\u0301.wav", "über cafe", True),  # as macOS writes it
        ("Uber/cafe.wav", "Über CAFÉ", True),
        ("Bass F#m 120.wav", "f#m", True),
        ("Bass Fm 120.wav", "f#", False),
        ("take #3.wav", "3", True),
        ("take 3.wav", "#3", True),
        ("ドラム/スネア.wav", "スネア", True),
        ("हिन्दी/गीत.wav", "गीत", True),
        ("\udcff/kick.wav", "kick", True),
        ("straße.wav", "STRASSE", True),
    ],
)
def test_words_are_found_whatever_the_script(path: str, words: str, is_found: bool) -> None:
    wanted = NameWords.read(words).wanted
    found = [has_word(os.fsencode(f"/1/samples/{path}"), "", word) for word in wanted]
    assert all(found) == is_found


@pytest.mark.parametrize(
    "root", ["/home/anna", "/home/anna/", "/home/anna/kicks", "/home/anna/a.wav"]
)
def test_what_lies_above_what_was_indexed_is_no_name(root: str) -> None:
    path = os.fsencode("/home/anna/a.wav" if root.endswith("wav") else "/home/anna/kicks/a.wav")
    roots = os.fsencode(root).hex()
    assert not has_word(path, roots, "home")
    assert has_word(path, roots, "a")
    assert has_word(path, roots, "anna") == ("kicks" not in root)
