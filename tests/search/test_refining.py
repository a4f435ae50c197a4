"""Feedback, weights, verdicts, reasons, near-copies and suggested tags, as a person meets them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import soundkin
from conftest import DEMO_SOUNDS, Soundkin
from soundkin.audio_facts import Facts, compute_closeness
from soundkin.search.feedback import RelevanceFeedback
from sounds import make_noise, make_tone, write_ffmpeg, write_sound

KICK = DEMO_SOUNDS / "bd_808.flac"


def name(row: dict[str, object]) -> str:
    return Path(str(row["path"])).stem


@pytest.fixture(scope="module")
def searcher(demo: Soundkin) -> soundkin.Searcher:
    return soundkin.Searcher(soundkin.Library.open(demo.library))


def test_without_feedback_and_weights_hits_are_what_they_were(
    searcher: soundkin.Searcher,
) -> None:
    plain = searcher.search(KICK, 20)
    assert searcher.search(KICK, 20, liked=[], disliked=[], weights={"pitch": 0}) == plain
    assert {hit.rank_score for hit in plain} == {None}


def test_what_is_liked_draws_its_kin_up_and_what_is_disliked_goes(demo: Soundkin) -> None:
    query = DEMO_SOUNDS / "perc_bell.flac"

    def rank(hits: list[dict[str, object]], stem: str) -> int:
        return [name(hit) for hit in hits].index(stem)

    plain = demo.json("search", query, "--top", 58)
    liked = ("--like", "drum_cymbal_open.flac", "--like", DEMO_SOUNDS / "drum_cymbal_hard.flac")
    refined = demo.json("search", query, "--top", 58, *liked)
    for cymbal in ("drum_splash_soft", "drum_cymbal_soft"):
        assert rank(refined, cymbal) < rank(plain, cymbal)
    shunned = name(plain[1])
    less = demo.json("search", query, "--top", 58, "--dislike", plain[1]["path"])
    assert shunned not in [name(hit) for hit in less]
    by_score = {name(hit): hit["score"] for hit in plain}
    assert all(hit["score"] == pytest.approx(by_score[name(hit)], abs=0.3) for hit in less)
    ranked_by = [hit["rank_score"] for hit in refined]
    assert ranked_by == sorted(ranked_by, reverse=True)
    assert all(0 <= score <= 1 for score in ranked_by)
    assert "no such file" in demo("search", query, "--like", "nowhere.wav", status=2).stderr


def test_a_sound_opposite_to_what_is_disliked_scores_no_more_than_what_is_wanted() -> None:
    query = np.eye(4, dtype=np.float32)[0]
    nothing = np.zeros((0, 4), np.float32)
    taste = RelevanceFeedback.fit(query, nothing, -query[None], nothing)
    assert 0.9 < taste.score(query[None])[0] <= 1 + 1e-6


def test_feedback_tells_two_kinds_apart_that_the_query_lies_between() -> None:
    generator = np.random.default_rng(0)

    def draw(centre: int, n: int) -> np.ndarray:
        vectors = 0.5 * generator.standard_normal((n, 32)) / np.sqrt(32)
        vectors[:, centre] += 1
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32)

    query = draw(0, 1)[0]
    query[1] = query[0]
    query /= np.linalg.norm(query)
    wanted, unwanted, random = draw(0, 20), draw(1, 20), draw(2, 100)
    taste = RelevanceFeedback.fit(query, wanted[:3], unwanted[:3], random)
    assert taste.score(wanted[3:]).min() > taste.score(unwanted[3:]).max()
    nothing = np.zeros((0, 32), np.float32)
    for alone in (
        RelevanceFeedback.fit(query, nothing, nothing, nothing),
        RelevanceFeedback.fit(query, nothing, query[None], nothing),
    ):
        assert np.isfinite(alone.score(wanted)).all()


def test_weighing_pitch_brings_sounds_of_that_pitch_up(soundkin: Soundkin, folder: Path) -> None:
    for hz in (150, 200, 210, 320, 400):
        write_sound(folder / f"{hz}.wav", make_tone(hz, 1.2))
        write_sound(folder / f"{hz} hiss.wav", make_tone(hz, 1.2) + make_noise(1.2, hz))
    soundkin("index", folder)
    query = folder / "200.wav"
    hits = soundkin.json("search", query, "--exclude-self", "--weigh", "pitch=50", "--top", 9)
    assert {name(hit) for hit in hits[:3]} == {"200 hiss", "210", "210 hiss"}
    assert name(hits[0]) == "200 hiss"
    assert hits[0]["rank_score"] > 0.95
    assert "no fact" in soundkin("search", query, "--weigh", "height=1", status=2).stderr
    assert "0 or more" in soundkin("search", query, "--weigh", "pitch=-1", status=2).stderr
    assert "--weigh" in soundkin("search", query, "--weigh", "pitch", status=2).stderr


def test_closeness_is_halved_as_documented() -> None:
    sound = Facts(loudness_lufs=-20, brightness_hz=1000, pitch_hz=220, tempo_bpm=90)
    assert compute_closeness("loudness", sound, Facts(loudness_lufs=-26)) == pytest.approx(0.5)
    assert compute_closeness("pitch", sound, Facts(pitch_hz=220 * 2 ** (2 / 12))) == pytest.approx(
        0.5
    )
    assert compute_closeness("tempo", sound, Facts(tempo_bpm=180)) == pytest.approx(1)
    assert compute_closeness("pitch", sound, Facts()) == 0
    assert compute_closeness("tempo", Facts(), Facts()) == 1


def test_a_query_unlike_anything_is_told_from_one_with_kin(
    soundkin: Soundkin, folder: Path
) -> None:
    for hz in range(200, 260, 4):
        write_sound(folder / f"{hz}.wav", make_tone(hz, 1.2))
    soundkin("index", folder)
    noise = write_sound(folder.parent / "noise.wav", make_noise(1.2))
    far = soundkin("search", noise)
    assert "nothing here sounds much like it" in far.stderr
    assert far.stdout.count("\n") == 12  # they are shown all the same
    near = soundkin("search", write_sound(folder.parent / "tone.wav", make_tone(231, 1.2)))
    assert near.stderr == ""


def test_verdicts_count_what_is_near(searcher: soundkin.Searcher) -> None:
    hits = searcher.search(KICK, 20)
    verdict = searcher.judge(hits)
    assert verdict.n_good == sum(hit.score >= verdict.usual_score for hit in hits) > 1
    assert searcher.judge(hits[:1] * 5).word == "many"
    assert searcher.judge(hits[:1]).word == "some"
    assert searcher.judge(hits[-1:]).best_score == hits[-1].score


def test_reasons_compare_facts_and_tell_how_stable_a_hit_is(demo: Soundkin) -> None:
    hits = demo.json("search", DEMO_SOUNDS / "loop_tabla.flac", "--top", 58, "--why")
    facts = {row["fact"]: row for row in hits[0]["why"]["facts"]}
    assert name(hits[0]) == "loop_tabla"
    assert hits[0]["why"]["stability"] == 1
    assert facts["tempo"]["query"] == facts["tempo"]["hit"]
    assert {row["closeness"] for row in facts.values()} == {1}
    stabilities = [hit["why"]["stability"] for hit in hits]
    assert min(stabilities) == 0
    assert np.mean(stabilities[:5]) > np.mean(stabilities[20:])
    short = demo.json("search", KICK, "--top", 2, "--why")
    assert short[1]["why"]["n_pieces"] == 5
    table = demo("search", KICK, "--top", 2, "--why").stdout
    assert "parts of the query rank it among their first" in table
    assert "--why goes with" in demo("search", KICK, "--why", "--csv", status=2).stderr


def test_a_mixture_of_two_sounds_is_explained(searcher: soundkin.Searcher) -> None:
    query = [soundkin.Sound(KICK), soundkin.Sound(DEMO_SOUNDS / "misc_crow.flac", 0.5)]
    hit = searcher.search(query)[0]
    explanation = searcher.explain(query, hit)
    assert explanation.recording == hit.recording
    assert 0 <= explanation.stability <= 1
    assert [one.fact for one in explanation.facts][:2] == ["loudness", "brightness"]


def test_near_copies_are_folded_into_the_best_of_them(soundkin: Soundkin, folder: Path) -> None:
    loop, _ = soundfile.read(DEMO_SOUNDS / "loop_amen.flac", dtype="float32")
    mono = np.ascontiguousarray(loop.mean(axis=1) if loop.ndim == 2 else loop)
    write_sound(folder / "loop.wav", mono)
    write_sound(folder / "soft.wav", 0.99 * mono)
    write_ffmpeg(folder / "loop.m4a", mono, "aac")
    (folder / "copy.wav").write_bytes((folder / "loop.wav").read_bytes())
    for other in ("loop_tabla", "drum_snare_hard", "drum_snare_soft"):
        (folder / f"{other}.flac").write_bytes((DEMO_SOUNDS / f"{other}.flac").read_bytes())
    soundkin("index", folder)
    plain = soundkin.json("search", folder / "loop.wav")
    folded = soundkin.json("search", folder / "loop.wav", "--fold-duplicates")
    assert len(plain) == 7
    assert len(folded) == 4
    assert [hit["rank"] for hit in folded] == [1, 2, 3, 4]
    assert folded[0]["n_folded"] == 3
    assert {hit["n_folded"] for hit in folded[1:]} == {0}
    table = soundkin("search", folder / "loop.wav", "--fold-duplicates").stdout
    assert "(and 3 near-copies)" in table


def test_tags_are_suggested_from_tagged_neighbours_and_accepted_by_hand(
    soundkin: Soundkin, folder: Path
) -> None:
    for seed in range(24):
        write_sound(folder / f"tone {seed}.wav", make_tone(200 + 5 * seed, 1.0))
        write_sound(folder / f"noise {seed}.wav", make_noise(1.0, seed))
    soundkin("index", folder)
    assert "no tag is sure enough" in soundkin("tag", "--suggest").stderr
    for kind, tags in (("tone", ["tone"]), ("noise", ["noise", "favourite"])):
        paths = [folder / f"{kind} {seed}.wav" for seed in range(20)]
        soundkin("tag", *paths, *(word for tag in tags for word in ("--add", tag)))
    rows = soundkin.json("tag", "--suggest")
    assert {(name(row).split()[0], row["tag"]) for row in rows} == {
        ("tone", "tone"),
        ("noise", "noise"),
    }
    assert len(rows) == 8
    assert all(row["precision"] > 0.9 for row in rows)
    assert all(Path(row["because"]).name.startswith(row["tag"]) for row in rows)
    assert soundkin("tag").stdout.splitlines() == ["20\tfavourite", "20\tnoise", "20\ttone"]
    soundkin("tag", rows[0]["path"], "--add", rows[0]["tag"])
    assert len(soundkin.json("tag", "--suggest")) == 7
    assert "goes with neither" in soundkin("tag", "--suggest", folder, status=2).stderr


def test_a_single_tag_of_nearly_everything_can_be_suggested(
    soundkin: Soundkin, folder: Path
) -> None:
    tones = [write_sound(folder / f"{n:02}.wav", make_tone(200 * 1.06**n, 0.5)) for n in range(14)]
    soundkin("index", folder)
    soundkin("tag", *tones[:12], "--add", "pitched")
    assert {row["tag"] for row in soundkin.json("tag", "--suggest")} <= {"pitched"}
