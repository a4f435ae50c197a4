"""A library of either kind, an SQLite file or Lance tables, is used in one way."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from soundkin import Library, LibraryError, QueryError, Searcher, Sound, open_library
from soundkin.audio_facts import Facts
from soundkin.config import SegmentConfig
from soundkin.errors import DamagedLibraryError
from soundkin.indexing.relocate import relocate
from soundkin.library.browse import (
    Wanted,
    count_extensions,
    measure_ranges,
    read_page,
)
from soundkin.library.concepts import find_concept, list_concepts, remove_concept, save_concept
from soundkin.library.convert import convert_library
from soundkin.library.folder_tree import find_folders, list_folder_tree
from soundkin.library.records import Content, Filters, LibraryModel
from soundkin.search.tags.suggestions import list_rejected, reject_tag

SIZE = 32
MODEL = LibraryModel("none", "0" * 64, "none", SegmentConfig(), SIZE)
KICK, COPY, SNARE = "/sounds/drums/kick.wav", "/sounds/drums/kick 2.wav", "/sounds/drums/snare.flac"
CLAP, VOICE, LONG = "/sounds/drums 2/clap.wav", "/sounds/voices/\udcff.wav", "/sounds/long_1%.WAV"
BROKEN = "/sounds/drums/broken.wav"
CONTENTS = {  # path of the first: seconds, segments, facts
    KICK: (0.5, 1, Facts(loudness_lufs=-9.0, pitch_hz=60.0)),
    SNARE: (1.0, 1, Facts(loudness_lufs=-12.0)),
    CLAP: (1.5, 2, None),
    VOICE: (3.0, 4, Facts(loudness_lufs=-20.0, pitch_hz=220.0)),
    LONG: (60.0, 9, Facts(loudness_lufs=-23.0, pitch_hz=440.0)),
}
SILENT = 2  # the number of the segment that is silent, where there are so many
PLAIN: dict[str, Any] = {"sounds": [], "liked": [], "disliked": []}  # as a named sound is asked
EVERY = sorted([*CONTENTS, COPY], key=os.fsencode)

Vectors = npt.NDArray[np.float64]


def draw_vectors(count: int, seed: int = 0) -> Vectors:
    """Draw unit vectors `(count, SIZE)`."""
    vectors = np.random.default_rng(seed).standard_normal((count, SIZE))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def make_content(path: str, seconds: float, n_segments: int, facts: Facts | None) -> Content:
    """Make what a file holds, other vectors for each path."""
    digest = os.fsencode(path).ljust(32, b"\0")[:32]
    levels_db = np.full(n_segments, -20.0)
    levels_db[SILENT : SILENT + 1] = -120.0
    vectors = draw_vectors(n_segments, sum(digest))
    return Content(digest, seconds, 44_100, 1, "WAV", None, vectors, levels_db, facts)


def fill(library: Library) -> None:
    """Put some recordings into a new library: two with the same bytes, and one that failed."""
    library.replace_model(MODEL)
    with library.transaction():
        library.add_folder("/sounds")
        for path, (seconds, n_segments, facts) in CONTENTS.items():
            content_id = library.add_content(make_content(path, seconds, n_segments, facts))
            library.save_recording(path, 100, 1, content_id=content_id)
            if path == KICK:
                library.save_recording(COPY, 100, 1, content_id=content_id)
        library.save_recording(BROKEN, 7, 1, error="no sound in it")


def fill_with_many(library: Library) -> None:
    """Put 300 contents into a new library, so many that they can lie in lists.

    The segments of one are like each other, as those of recordings are.
    """
    library.replace_model(MODEL)
    with library.transaction():
        own = 2 * draw_vectors(300, 7)[:, None] + draw_vectors(900).reshape(300, 3, SIZE)
        for number, vectors in enumerate(own / np.linalg.norm(own, axis=2, keepdims=True)):
            digest = number.to_bytes(32, "big")
            content = Content(digest, 1.0, 8000, 1, "WAV", None, vectors, np.zeros(3) - 20)
            content_id = library.add_content(content)
            library.save_recording(f"/many/{number:03}.wav", 1, 1, content_id=content_id)


@pytest.fixture(params=["sqlite", "lance"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Library], None]], str]:
    """Give what makes a library of a kind; it returns the name to open it by."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if request.param == "lance" and find_spec("lance") is None:
        pytest.skip("needs: pip install 'soundkin[cluster]'")

    def make_library(fill: Callable[[Library], None]) -> str:
        file = str(tmp_path / "library.sqlite")
        with Library.open(file, create=True) as library:
            fill(library)
        if request.param == "sqlite":
            return file
        convert_library(file, tables := str(tmp_path / "library.lance"))
        return tables

    return make_library


@pytest.fixture
def address(make: Callable[[Callable[[Library], None]], str]) -> str:
    """Give the name of a small library."""
    return make(fill)


@pytest.fixture
def library(address: str) -> Iterator[Library]:
    """Give it open."""
    with open_library(address) as opened:
        yield opened


@pytest.fixture
def read_again(address: str) -> Callable[[Callable[[Library], Any]], Any]:
    """Give what asks another process' view of the library."""

    def ask(question: Callable[[Library], Any]) -> Any:
        with open_library(address) as other:
            return question(other)

    return ask


def list_paths(library: Library, filters: Filters | None = None) -> list[str]:
    return [recording.path for recording in library.select_recordings(filters)]


def get_content_id(library: Library, path: str) -> int:
    recording = library.find_recording(path)
    assert recording is not None
    assert recording.content_id is not None
    return recording.content_id


def damage_file(library: Library, sql: str, *parameters: Any) -> None:
    """Change the SQLite file as no soundkin would."""
    with closing(sqlite3.connect(library.path)) as connection:
        connection.execute(sql, parameters)
        connection.commit()


def is_one_line(error: pytest.ExceptionInfo[LibraryError]) -> bool:
    text = str(error.value)
    return "\n" not in text and 0 < len(text) < 400


# Recordings


def test_recordings_come_in_order_of_path_and_failed_ones_apart(library: Library) -> None:
    assert list_paths(library) == EVERY
    [failed] = library.select_recordings(failed=True)
    assert (failed.path, failed.content_id, failed.error) == (BROKEN, None, "no sound in it")


def test_what_is_known_of_a_recording_comes_with_it(library: Library) -> None:
    recording = library.find_recording(LONG)
    assert recording is not None
    seconds, n_segments, facts = CONTENTS[LONG]
    assert (recording.duration_s, recording.n_segments, recording.facts) == (
        seconds,
        n_segments,
        facts,
    )
    assert (recording.size, recording.mtime_ns, recording.format) == (100, 1, "WAV")
    assert (recording.tags, recording.error) == ((), None)
    assert library.get_recording(recording.id) == recording


def test_what_is_not_there_is_not_found(library: Library) -> None:
    assert library.get_recording(999) is None
    assert library.find_recording("/sounds/drums") is None
    assert library.find_content(b"\0" * 32) is None
    assert library.find_by_ending("ick.wav") == []


def test_a_recording_is_found_by_the_end_of_its_path(library: Library) -> None:
    assert [r.path for r in library.find_by_ending("drums/kick.wav")] == [KICK]
    assert [r.path for r in library.find_by_ending("\udcff.wav")] == [VOICE]
    assert library.find_by_ending("broken.wav") == []


def test_files_below_a_folder_are_listed_failed_ones_too(library: Library) -> None:
    files = {file.path: file for file in library.list_files_below("/sounds/drums")}
    assert sorted(files) == sorted([KICK, COPY, SNARE, BROKEN])
    assert {path for path, file in files.items() if file.failed} == {BROKEN}
    assert [file.path for file in library.list_files_below(KICK)] == [KICK]


def test_files_with_the_same_bytes_share_what_they_hold(library: Library) -> None:
    content_id = get_content_id(library, KICK)
    assert library.find_content(make_content(KICK, *CONTENTS[KICK]).hash) == content_id
    found = library.get_recordings([content_id])
    assert [recording.path for recording in found[content_id]] == [COPY, KICK]
    filtered = library.get_recordings([content_id], Filters(tags=("loud",)))
    assert filtered == {}


def test_what_it_holds_is_counted(library: Library) -> None:
    counts = library.count()
    assert (counts.n_recordings, counts.n_failed, counts.n_contents) == (6, 1, 5)
    assert counts.n_segments == sum(n_segments for _, n_segments, _ in CONTENTS.values())
    assert counts.duration_s == sum(own[0] for own in CONTENTS.values()) + CONTENTS[KICK][0]
    assert library.measure_bytes() > 0


def test_ids_of_recordings_go_with_those_of_their_contents(library: Library) -> None:
    ids, content_ids = library.list_recording_ids()
    found = {recording.id: recording.content_id for recording in library.select_recordings()}
    assert dict(zip(ids.tolist(), content_ids.tolist(), strict=True)) == found
    assert np.all(np.diff(content_ids) >= 0)
    assert library.list_content_ids().tolist() == sorted(set(content_ids.tolist()))


def test_a_removed_recording_takes_what_only_it_held(
    library: Library, read_again: Callable[..., Any]
) -> None:
    kept, lost = get_content_id(library, KICK), get_content_id(library, LONG)
    ids = [file.id for path in (KICK, LONG) for file in library.list_files_below(path)]
    library.remove_recordings(ids)
    for ask in (lambda question: question(library), read_again):
        assert ask(list_paths) == [path for path in EVERY if path not in (KICK, LONG)]
        assert kept in ask(lambda one: one.list_content_ids().tolist())
        assert lost not in ask(lambda one: one.list_content_ids().tolist())


def test_new_recordings_are_taken_or_refused_and_nothing_lost(
    library: Library, read_again: Callable[..., Any]
) -> None:
    content = make_content("/sounds/new.wav", 1.0, 3, Facts(pitch_hz=1.0))
    attempts: list[Callable[[], object]] = [
        lambda: library.add_content(content),
        lambda: library.save_recording("/sounds/new.wav", 1, 1, error="none"),
        lambda: library.save_facts(get_content_id(library, CLAP), Facts(pitch_hz=1.0)),
    ]
    if not library.is_distributed:
        for attempt in attempts:
            attempt()
        assert [r.path for r in library.select_recordings(failed=True)][1:] == ["/sounds/new.wav"]
        assert library.find_recording(CLAP).facts == Facts(pitch_hz=1.0)  # type: ignore[union-attr]
        return
    for attempt in attempts:
        with pytest.raises(LibraryError, match="--cluster") as error:
            attempt()
        assert is_one_line(error)
    assert list_paths(library) == read_again(list_paths) == EVERY
    assert read_again(Library.count) == library.count()
    for path, own in CONTENTS.items():
        vectors, _ = read_again(lambda one: one.read_vectors(get_content_id(one, path)))  # noqa: B023
        assert np.array_equal(vectors, make_content(path, *own).vectors.astype(np.float16))


# Filters


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        (Filters(), EVERY),
        (Filters(folders=("/sounds/drums",)), [COPY, KICK, SNARE]),
        (Filters(folders=("/sounds/voices", CLAP)), [CLAP, VOICE]),
        (Filters(extensions=("flac", ".WAV")), EVERY),
        (Filters(extensions=("flac",)), [SNARE]),
        (Filters(extensions=("w_v",)), []),
        (Filters(min_duration_s=1.5), [CLAP, LONG, VOICE]),
        (Filters(max_duration_s=0.5), [COPY, KICK]),
        (Filters(tags=("drum",)), [KICK, SNARE]),
        (Filters(tags=("drum", "favourite")), [SNARE]),
        (Filters(tags=("drum\udcff",)), []),
        (Filters(facts={"pitch": (60.0, 220.0)}), [COPY, KICK, VOICE]),
        (Filters(facts={"loudness": (None, -20.0)}), [LONG, VOICE]),
        (Filters(facts={"loudness": (None, None)}), [COPY, KICK, SNARE, LONG, VOICE]),
        (Filters(folders=("/sounds/drums",), facts={"pitch": (None, 99.0)}), [COPY, KICK]),
    ],
)
def test_filters_let_pass_what_they_name(
    library: Library, filters: Filters, passing: Sequence[str]
) -> None:
    for path in (KICK, SNARE):
        library.add_tags(library.find_by_ending(Path(path).name), ["drum"])
    library.add_tags(library.find_by_ending("snare.flac"), ["favourite"])
    assert sorted(list_paths(library, filters)) == sorted(passing)
    content_ids = {get_content_id(library, path) for path in passing}
    assert library.select_content_ids(filters).tolist() == sorted(content_ids)


def test_a_filter_by_no_fact_says_which_there_are(library: Library) -> None:
    with pytest.raises(QueryError, match="no fact 'colour'; there are loudness"):
        list_paths(library, Filters(facts={"colour": (1.0, None)}))


def test_recordings_are_browsed_by_page_folder_and_kind(library: Library) -> None:
    page = read_page(library, Wanted(Filters(name="KICK")), offset=1, limit=5)
    assert (page.total, [recording.path for recording in page.recordings]) == (2, [KICK])
    failed = read_page(library, Wanted(Filters(), failed=True))
    assert [recording.path for recording in failed.recordings] == [BROKEN]
    tree = {folder.path: folder.n_recordings for folder in list_folder_tree(library)}
    assert tree == {"/sounds": 6, "/sounds/drums": 3, "/sounds/drums 2": 1, "/sounds/voices": 1}
    assert count_extensions(library) == [(".wav", 5), (".flac", 1)]
    assert measure_ranges(library) == {"loudness": (-23.0, -9.0), "pitch": (60.0, 440.0)}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("kick 2", [COPY]),
        ("2-KICK_drums", [COPY]),  # in any order, whatever stands between
        ("drums 2", [COPY, CLAP]),
        ("sounds long1", [LONG]),  # the folder that was indexed has a name too
        ("dry", [KICK]),
        ("drums -dry -snare", [COPY, CLAP]),
        ("-drums -long", [VOICE]),
        ("-drums-kick", [CLAP, SNARE, LONG, VOICE]),  # not with both words
        ("nowhere", []),
        ("- … ''", EVERY),
    ],
)
def test_names_are_found_by_words_in_any_order(
    library: Library, words: str, found: list[str]
) -> None:
    library.add_tags(library.find_by_ending("kick.wav"), ["Dry, close"])
    assert sorted(list_paths(library, Filters(name=words))) == sorted(found)
    page = read_page(library, Wanted(Filters(name=words)))
    assert sorted(recording.path for recording in page.recordings) == sorted(found)


def test_folders_are_left_out_at_any_depth(library: Library) -> None:
    filters = Filters(folders=("/sounds/drums", "/sounds/voices"), not_folders=("/sounds/drums",))
    assert list_paths(library, filters) == [VOICE]
    assert list_paths(library, Filters(not_folders=("/sounds",))) == []
    both = Filters(not_folders=("/sounds/drums", "/sounds/voices"))
    assert sorted(list_paths(library, both)) == sorted([CLAP, LONG])


def test_a_folder_is_found_by_the_end_of_its_path(library: Library) -> None:
    assert find_folders(library, "drums", "/elsewhere/drums") == ["/sounds/drums"]
    assert find_folders(library, "/sounds", "/sounds") == ["/sounds"]
    with pytest.raises(QueryError, match=r"Drum: no such folder in .*; did you mean drums"):
        find_folders(library, "Drum", "/elsewhere/Drum")
    with pytest.raises(QueryError, match=r"zzz: no such folder in [^;]*$"):
        find_folders(library, "zzz", "/elsewhere/zzz")


# What a person adds


def test_tags_are_kept_counted_and_taken_off(
    library: Library, read_again: Callable[..., Any]
) -> None:
    recordings = list(library.select_recordings(Filters(folders=("/sounds/drums",))))
    library.add_tags(recordings, ["drum", "it's dry"])
    library.add_tags(recordings[:1], ["drum", "favourite"])
    library.remove_tags(recordings[1:], ["it's dry", "never there"])
    for ask in (lambda question: question(library), read_again):
        assert ask(Library.list_tags) == [("drum", 3), ("favourite", 1), ("it's dry", 1)]
        first = ask(lambda one: one.find_recording(COPY))
        assert first.tags == ("drum", "favourite", "it's dry")
    library.remove_recordings([recordings[0].id])
    assert read_again(Library.list_tags) == [("drum", 2)]


def test_a_failed_recording_can_be_tagged(library: Library, read_again: Callable[..., Any]) -> None:
    library.add_tags(library.select_recordings(failed=True), ["to do"])
    assert read_again(Library.list_tags) == [("to do", 1)]


def test_a_change_that_fails_midway_is_undone_everywhere(
    library: Library, read_again: Callable[..., Any]
) -> None:
    recordings = list(library.select_recordings())

    def change_and_fail() -> None:
        with library.transaction():
            library.add_tags(recordings, ["half"])
            library.add_folder("/half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change_and_fail()
    for ask in (lambda question: question(library), read_again):
        assert ask(Library.list_tags) == []
        assert ask(Library.list_folders) == ["/sounds"]


def test_folders_are_remembered_and_forgotten_with_those_below(
    library: Library, read_again: Callable[..., Any]
) -> None:
    for folder in ("/more", "/more/a\udcff", "/sounds"):
        library.add_folder(folder)
    assert read_again(Library.list_folders) == ["/more", "/more/a\udcff", "/sounds"]
    library.remove_folder("/more")
    assert library.list_folders() == read_again(Library.list_folders) == ["/sounds"]


def test_named_sounds_are_kept_renewed_in_place_and_removed(
    library: Library, read_again: Callable[..., Any]
) -> None:
    vectors = draw_vectors(3).astype(np.float32)
    asked = {"sounds": [{"id": "r1"}], "liked": [{"id": "r2"}], "disliked": [{"id": "r3"}]}
    kept = save_concept(library, " boom ", asked, vectors)
    other = save_concept(library, "an air", PLAIN, vectors[:1])
    assert (kept.name, kept.model_hash, kept.definition) == ("boom", MODEL.hash, asked)
    for part, row in ((kept.query[None], 0), (kept.liked, 1), (kept.disliked, 2)):
        assert np.array_equal(part, vectors[row : row + 1])
    for ask in (lambda question: question(library), read_again):
        assert [concept.name for concept in ask(list_concepts)] == ["an air", "boom"]
        assert ask(lambda one: find_concept(one, kept.id)).definition == asked
    renewed = save_concept(library, "boom", {**asked, "sounds": []}, vectors)
    assert renewed.id == kept.id
    assert remove_concept(library, "boom")
    assert not remove_concept(library, "boom")
    assert [concept.id for concept in read_again(list_concepts)] == [other.id]


def test_a_named_sound_needs_a_name(library: Library) -> None:
    with pytest.raises(QueryError, match="needs a name"):
        save_concept(library, " ", PLAIN, draw_vectors(1))


def test_rejected_suggestions_stay_rejected_as_long_as_the_recording_is_there(
    library: Library, read_again: Callable[..., Any]
) -> None:
    [kick], [snare] = library.find_by_ending("kick.wav"), library.find_by_ending("snare.flac")
    for recording in (kick, snare, kick):
        reject_tag(library, recording, "bell")
    assert read_again(list_rejected) == {(kick.id, "bell"), (snare.id, "bell")}
    library.remove_recordings([snare.id])
    assert list_rejected(library) == read_again(list_rejected) == {(kick.id, "bell")}


# Vectors and searching


def test_vectors_and_levels_are_read_as_they_were_written(library: Library) -> None:
    for path, own in CONTENTS.items():
        vectors, levels_db = library.read_vectors(get_content_id(library, path))
        content = make_content(path, *own)
        assert np.array_equal(vectors, content.vectors.astype(np.float16))
        assert np.array_equal(levels_db, content.levels_db.astype(np.float16))


def test_vectors_above_an_id_come_in_ascending_order(library: Library) -> None:
    ids = library.list_content_ids().tolist()
    assert [content_id for content_id, _, _ in library.read_vectors_above(0)] == ids
    above = list(library.read_vectors_above(ids[2]))
    assert [content_id for content_id, _, _ in above] == ids[3:]
    for content_id, vectors, levels_db in above:
        one, own = library.read_vectors(content_id)
        assert np.array_equal(vectors, one)
        assert np.array_equal(levels_db, own)
    assert list(library.read_vectors_above(ids[-1])) == []


def test_a_search_finds_the_nearest_segment_of_each_content(library: Library) -> None:
    query = draw_vectors(1, 99)[0].astype(np.float32)
    expected: dict[str, float] = {}
    for path, own in CONTENTS.items():
        content = make_content(path, *own)
        audible = content.vectors[content.levels_db > -80].astype(np.float16)
        expected[path] = float((audible.astype(np.float32) @ query).max())
    hits = Searcher(library).search(query)
    assert {hit.recording.path for hit in hits} - {COPY} == set(expected)
    for hit in hits:
        path = KICK if hit.recording.path == COPY else hit.recording.path
        assert hit.score == pytest.approx(expected[path], abs=1e-3)
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_a_search_goes_by_filters_and_leaves_its_own_query_out(library: Library) -> None:
    searcher = Searcher(library)
    assert searcher.search(SNARE)[0].recording.path == SNARE
    others = searcher.search(KICK, exclude_self=True)
    assert {hit.recording.path for hit in others}.isdisjoint({KICK, COPY})
    drums = Filters(folders=("/sounds/drums",), extensions=("flac",))
    assert [hit.recording.path for hit in searcher.search(KICK, filters=drums)] == [SNARE]
    with pytest.raises(QueryError, match="no recording passes"):
        searcher.search(KICK, filters=Filters(tags=("none",)))
    with pytest.raises(QueryError, match="no such file"):
        searcher.search("nowhere.wav")


def test_a_search_goes_on_without_what_was_removed(library: Library) -> None:
    searcher = Searcher(library)
    assert searcher.search("clap.wav", top_k=1)[0].recording.path == CLAP
    vector = library.read_vectors(get_content_id(library, CLAP))[0][0].astype(np.float32)
    library.remove_recordings([library.find_by_ending("clap.wav")[0].id])
    assert CLAP not in {hit.recording.path for hit in searcher.search(Sound(vector))}


@pytest.mark.parametrize("kind", ["exact", "scan", "lists"])
def test_an_index_of_each_kind_finds_what_an_exact_search_finds(
    make: Callable[..., str], kind: str
) -> None:
    address = make(fill_with_many)
    with open_library(address) as library:
        assert library.open_index().index.kind == "exact"
        assert library.measure_index_bytes() == 0
        library.index_kind = kind
        library.renew_index()
    with open_library(address) as library:
        assert library.index_kind == kind
        index = library.open_index(check_all=True).index
        assert index.kind == kind
        assert (library.measure_index_bytes() > 0) == (kind != "exact")
        searcher = Searcher(library)
        for query in ("007.wav", "123.wav", draw_vectors(1, 5)[0].astype(np.float32)):
            found, exact = (searcher.search(query, 5, exact=exact) for exact in (False, True))
            assert [hit.recording.path for hit in found] == [hit.recording.path for hit in exact]


def test_an_index_that_is_discarded_is_made_again(make: Callable[..., str]) -> None:
    with open_library(make(fill_with_many)) as library:
        library.index_kind = "scan"
        expected = library.open_index().index  # made beside the file that is at hand
        assert library.measure_index_bytes() > 0
        library.discard_index()
        assert library.measure_index_bytes() == 0
        again = library.open_index().index
        assert again.kind == expected.kind == "scan"
        assert np.array_equal(again.vectors, expected.vectors)


def test_an_empty_library_needs_no_index(make: Callable[..., str]) -> None:
    with open_library(make(lambda library: library.replace_model(MODEL))) as library:
        library.index_kind = "lists"
        library.renew_index()
        assert library.count().n_segments == 0
        with pytest.raises(LibraryError, match="it is empty"):
            Searcher(library).search("any.wav")


# Model, stamp and place


def test_another_model_is_refused_by_name(library: Library) -> None:
    assert library.model == MODEL
    library.check_model("none", MODEL.hash)
    with pytest.raises(LibraryError, match="made with another model") as error:
        library.check_model("other", "1" * 64)
    assert library.name in str(error.value)
    assert "soundkin index --rebuild --model other" in str(error.value)


def test_a_replaced_model_drops_vectors_and_keeps_recordings_and_tags(
    library: Library, read_again: Callable[..., Any]
) -> None:
    library.add_tags(library.find_by_ending("snare.flac"), ["kept"])
    before = library.stamp
    other = LibraryModel("other", "1" * 64, "other", SegmentConfig(), 2 * SIZE)
    library.replace_model(other)
    for ask in (lambda question: question(library), read_again):
        assert ask(lambda one: one.model) == other
        counts = ask(Library.count)
        assert (counts.n_recordings, counts.n_failed, counts.n_segments) == (0, 7, 0)
        failed = ask(lambda one: list(one.select_recordings(failed=True)))
        assert {r.path: r.error for r in failed}[SNARE] == "not embedded yet"
        assert ask(lambda one: one.find_recording(SNARE)).tags == ("kept",)
        assert ask(lambda one: one.stamp) != before


def test_the_stamp_changes_with_the_vectors_and_with_nothing_else(
    library: Library, read_again: Callable[..., Any]
) -> None:
    before = library.stamp
    library.add_tags(library.select_recordings(), ["all"])
    library.add_folder("/more")
    library.remove_recordings([library.find_by_ending("kick.wav")[0].id])  # its copy is there
    assert library.stamp == read_again(lambda one: one.stamp) == before
    library.remove_recordings([library.find_by_ending("clap.wav")[0].id])
    for stamp in (library.stamp, read_again(lambda one: one.stamp)):
        assert stamp[0] == before[0]
        assert stamp[1] > before[1]


def test_a_moved_collection_is_found_again_or_left_as_it_was(
    library: Library, read_again: Callable[..., Any], tmp_path: Path
) -> None:
    library.add_tags(library.find_by_ending("kick.wav"), ["kept"])
    new = tmp_path / "elsewhere"
    new.mkdir()
    if library.is_distributed:
        with pytest.raises(LibraryError, match="--cluster") as error:
            relocate(library, "/sounds", new, force=True)
        assert is_one_line(error)
        assert list_paths(library) == read_again(list_paths) == EVERY
        assert read_again(Library.list_folders) == ["/sounds"]
        return
    report = relocate(library, "/sounds", new, force=True)
    assert (report.n_recordings, report.n_folders) == (7, 1)
    moved = [path.replace("/sounds", str(new), 1) for path in EVERY]
    assert read_again(list_paths) == moved
    assert read_again(Library.list_folders) == [str(new)]
    [kick] = library.find_by_ending("drums/kick.wav")
    assert kick.tags == ("kept",)
    assert library.read_vectors(kick.content_id or 0)[0].shape == (1, SIZE)


# Damage


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE recordings SET path = 'drums/kick.wav' WHERE id = 1",
        "UPDATE recordings SET path = x'00' WHERE id = 1",
        "UPDATE contents SET duration_s = 9e999",
    ],
)
def test_a_damaged_row_is_told_in_one_line(library: Library, sql: str) -> None:
    damage_file(library, sql)
    with pytest.raises(DamagedLibraryError, match="soundkin verify --repair") as error:
        list_paths(library)
    assert is_one_line(error)


def test_a_damaged_named_sound_costs_no_other(library: Library) -> None:
    for name in ("a", "b"):
        save_concept(library, name, PLAIN, draw_vectors(1))
    damage_file(library, "UPDATE concepts SET definition = '[' WHERE name = 'a'")
    assert [concept.name for concept in list_concepts(library)] == ["b"]


def test_damaged_vectors_are_told_in_one_line(library: Library, address: str) -> None:
    content_id = get_content_id(library, VOICE)
    if library.is_distributed:
        for path in Path(address).glob("segments-*/data/*"):
            os.truncate(path, path.stat().st_size // 2)
        library = open_library(address)
    else:
        damage_file(library, "UPDATE contents SET vectors = x'00' WHERE id = ?", content_id)
    with library, pytest.raises(LibraryError) as error:
        library.read_vectors(content_id)
    assert is_one_line(error)
    assert str(error.value).startswith(address)


def test_damaged_vectors_are_never_found_or_the_search_says_why(
    library: Library, address: str
) -> None:
    if library.is_distributed:
        for path in Path(address).glob("segments-*/data/*"):
            path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))
        with open_library(address) as again, pytest.raises(LibraryError) as error:
            Searcher(again)
        assert is_one_line(error)
        return
    content_id = get_content_id(library, VOICE)
    damage_file(library, "UPDATE contents SET vectors = x'00' WHERE id = ?", content_id)
    found = {hit.recording.path for hit in Searcher(library).search(SNARE)}
    assert VOICE not in found
    assert {SNARE, CLAP, LONG} <= found


def test_a_damaged_file_is_told_or_made_anew_where_it_is_a_cache(
    library: Library, address: str
) -> None:
    is_cache = library.is_distributed
    library.close()
    library.path.write_bytes(b"not a database, whatever it was before" * 300)
    if is_cache:
        with open_library(address) as again:
            assert list_paths(again) == EVERY
        return
    with pytest.raises(LibraryError, match="not a soundkin library") as error:
        open_library(address)
    assert is_one_line(error)


def test_a_content_that_is_not_there_has_no_vectors(library: Library) -> None:
    with pytest.raises(LibraryError) as error:
        library.read_vectors(999)
    assert is_one_line(error)


def test_where_there_is_no_library_it_says_how_one_is_made(address: str, tmp_path: Path) -> None:
    nowhere = str(tmp_path / f"none{Path(address).suffix}")
    with pytest.raises(LibraryError, match="no library there; make it with: soundkin index"):
        open_library(nowhere)
    assert not Path(nowhere).exists()
