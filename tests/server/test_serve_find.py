"""Finding every occurrence through `soundkin serve`: what the API finds, the command finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Soundkin
from field_recordings import CALL_S, FieldRecording, make_field_recording
from serving import Server, serve


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for a library and its recording."""
    folder = tmp_path_factory.mktemp("field") / "sounds"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def field(place: Path) -> FieldRecording:
    """Give a recording with six calls in it."""
    return make_field_recording(place)


@pytest.fixture(scope="module")
def command(place: Path, field: FieldRecording) -> Soundkin:
    """Give the command with a library of that recording."""
    command = Soundkin(place.parent / "library.sqlite")
    command("index", place)
    return command


@pytest.fixture(scope="module")
def server(command: Soundkin) -> Iterator[Server]:
    """Give a server over that library."""
    with serve(command) as running:
        yield running


def test_a_region_finds_its_kind_in_its_own_recording(
    server: Server, command: Soundkin, field: FieldRecording
) -> None:
    night = server.find("night")
    start_s = field.starts_s[0] - 0.05
    part = {"id": night["id"], "start_s": start_s, "end_s": start_s + CALL_S + 0.1}
    answer = server.post("/find", {"sounds": [part], "within": [night["id"]]})
    assert [event["start_s"] for event in answer["events"]] == pytest.approx(
        field.starts_s, abs=0.05
    )
    assert {event["id"] for event in answer["events"]} == {night["id"]}
    assert answer["min_score"] == answer["chosen_score"]
    assert answer["n_recordings"] == 1
    region = ("--from", part["start_s"], "--to", part["end_s"])
    rows = command.json("find", field.path, field.path, *region)
    for event, row in zip(answer["events"], rows, strict=True):
        assert row.items() <= event.items()
    lower = server.post("/find", {"sounds": [part], "within": [night["id"]], "min_score": 0.2})
    assert lower["min_score"] == 0.2
    assert lower["chosen_score"] == answer["chosen_score"]
    assert len(lower["events"]) >= len(answer["events"])


def test_an_upload_is_looked_for_and_looked_through(server: Server, field: FieldRecording) -> None:
    call = server.upload(field.call)
    everywhere = server.post("/find", {"sounds": [{"id": call["id"]}]})
    assert len(everywhere["events"]) == len(field.starts_s)
    other = field.path.read_bytes()
    night = server.http.post("/api/v1/sounds", params={"name": "copy.flac"}, content=other).json()
    within = server.post("/find", {"sounds": [{"id": call["id"]}], "within": [night["id"]]})
    assert len(within["events"]) == len(field.starts_s)
    assert {event["id"] for event in within["events"]} == {night["id"]}
    assert {event["name"] for event in within["events"]} == {"copy.flac"}


def test_a_concept_is_found(server: Server, field: FieldRecording) -> None:
    call = server.upload(field.call)
    kept = server.post("/concepts", {"name": "warbler", "sounds": [{"id": call["id"]}]}, status=201)
    events = server.post("/find", {"sounds": [{"id": kept["id"]}]})["events"]
    assert events
    assert all(min(abs(e["start_s"] - s) for s in field.starts_s) < 0.2 for e in events)


def test_a_concept_of_a_recording_is_listened_to_again(
    server: Server, command: Soundkin, field: FieldRecording
) -> None:
    start_s = field.starts_s[0] - 0.05
    part = {"id": server.find("night")["id"], "start_s": start_s, "end_s": start_s + CALL_S + 0.1}
    kept = server.post("/concepts", {"name": "night bird", "sounds": [part]}, status=201)
    events = server.post("/find", {"sounds": [{"id": kept["id"]}]})["events"]
    assert [event["start_s"] for event in events] == pytest.approx(field.starts_s, abs=0.05)
    rows = command.json("find", "--concept", "night bird", field.path)
    assert [row["start_s"] for row in rows] == [event["start_s"] for event in events]


def test_events_are_exported_for_raven(server: Server, field: FieldRecording) -> None:
    call = server.upload(field.call)
    events = server.post("/find", {"sounds": [{"id": call["id"]}]})["events"]
    hits = [{k: event[k] for k in ("id", "start_s", "duration_s", "score")} for event in events]
    sent = server.http.post("/api/v1/export", json={"format": "raven", "hits": hits})
    assert sent.status_code == 200
    assert sent.text.startswith("Selection\tView\tChannel\tBegin Time (s)")
    assert len(sent.text.splitlines()) == 1 + len(events)


def test_what_makes_no_sense_is_refused(server: Server) -> None:
    night = server.find("night")["id"]
    for status, body in (
        (422, {"sounds": []}),
        (422, {"sounds": [{"id": night, "weight": -1}]}),
        (422, {"sounds": [{"id": night}], "min_score": 3}),
        (422, {"sounds": [{"id": night}], "within": ["c1"]}),
        (404, {"sounds": [{"id": night}], "within": ["r9999"]}),
        (422, {"sounds": [{"id": night}], "filters": {"tags": ["none has it"]}}),
    ):
        assert server.problem("POST", "/api/v1/find", status, json=body)
