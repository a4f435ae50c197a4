"""What is described in one table is everywhere: facts and formats, by command, API and page."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit
from conftest import DEMO_SOUNDS, Soundkin
from serving import serve
from soundkin.audio_facts import AMOUNTS, COLUMN_RANGES, FACT_COLUMNS, FACTS
from soundkin.search.playlists import FORMATS

SOUND = DEMO_SOUNDS / "loop_breakbeat.flac"


def read_help(command: Soundkin, name: str) -> str:
    return " ".join(command(name, "--help").stdout.split())


def test_a_fact_has_a_row_a_column_and_a_range() -> None:
    columns = {fact.column for fact in FACTS.values()}
    assert columns <= set(FACT_COLUMNS) == set(COLUMN_RANGES)
    confidences = {"pitch_confidence", "tempo_confidence", "key_confidence"}
    assert set(FACT_COLUMNS) - columns == confidences | {"sound_from_s", "sound_to_s"}


@pytest.mark.parametrize("name", AMOUNTS)
def test_a_fact_is_told_filtered_and_weighed_by_the_command(demo: Soundkin, name: str) -> None:
    fact = FACTS[name]
    for command in ("list", "search"):
        assert f"{name}=" in read_help(demo, command) or fact.help in read_help(demo, command)
    weigh = re.search(r"--weigh FACT=WEIGHT Let (.*?) count too", read_help(demo, "search"))
    assert weigh is not None
    assert name in re.split(", | or ", weigh[1])
    values = [row["facts"][fact.column] for row in demo.json("list")]
    known = sorted(value for value in values if value is not None)
    middle = known[len(known) // 2]
    kept = demo.json("list", "--fact", f"{name}={middle}..")
    assert 0 < len(kept) < len(values)
    assert all(row["facts"][fact.column] >= middle - 1e-3 for row in kept)
    hits = demo.json("search", SOUND, "--weigh", f"{name}=5", "--why")
    assert any(hit["rank_score"] != hit["score"] for hit in hits)
    assert name in [one["fact"] for one in hits[0]["why"]["facts"]]
    told = demo("search", SOUND, "--why").stdout
    assert re.search(rf"\b{name} [\d.–-]+ {fact.sign}".rstrip(), told)


def test_every_fact_is_in_the_api_and_colours_the_map(demo: Soundkin, soundkin: Soundkin) -> None:
    soundkin.library.write_bytes(demo.library.read_bytes())
    soundkin("map", "--quiet")
    with serve(soundkin) as server:
        info = server.get("/info")["facts"]
        columns = {column["name"]: column for column in server.get("/map")["columns"]}
        schema = json.dumps(server.get("/openapi.json"))
        query = {"sounds": [{"id": server.find("bd_808")["id"]}]}
        hit = server.post("/search", query)["hits"][0]
        why = server.post("/explain", query | {"hit": {"id": hit["id"]}})["facts"]
    assert [one["name"] for one in info] == [one["name"] for one in why] == list(FACTS)
    for told, compared, fact in zip(info, why, FACTS.values(), strict=True):
        assert told["title"] == compared["title"] == columns[fact.name]["title"] == fact.title
        assert told["unit"] == compared["unit"] == fact.unit
        assert fact.column in hit["facts"]
        assert fact.help in schema
        if fact.kinds:
            assert told["min"] is told["max"] is None
            assert {kind["name"] for kind in told["kinds"]} <= set(fact.kinds)
            assert len(columns[fact.name]["legend"]) == len(told["kinds"]) + 1  # and none
        else:
            assert told["min"] < told["max"]
            assert told["kinds"] == []
            assert len(columns[fact.name]["legend"]) >= 5


def test_every_fact_has_its_fields_and_its_slider_on_the_page(visit: Visit) -> None:
    visit.search("drum_snare_hard")
    for fact in AMOUNTS.values():
        expect(visit.page.get_by_role("slider", name=fact.title, exact=True)).to_be_visible()
        for end in ("least", "most"):
            field = visit.page.get_by_label(f"{fact.title}, {end}")
            expect(field).to_have_attribute("placeholder", re.compile(r"\d"))
            expect(field).to_have_attribute("step", str(fact.step or "any"))


def test_every_format_is_written_by_the_command_and_the_api_and_offered_by_the_page(
    demo: Soundkin, chromium: Browser
) -> None:
    told = read_help(demo, "search")
    with serve(demo) as server:
        schema = server.get("/openapi.json")["components"]["schemas"]["ExportRequest"]
        assert schema["properties"]["format"]["enum"] == list(FORMATS)
        info = server.get("/info")["formats"]
        shown = ("name", "title", "extension")
        assert info == [
            {key: value for key, value in dataclasses.asdict(one).items() if key in shown}
            for one in FORMATS.values()
        ]
        hit = {"id": server.find("bd_808")["id"]}
        for one in FORMATS.values():
            assert f"--{one.name} {one.help}" in told
            assert demo("search", SOUND, f"--{one.name}").stdout
            sent = server.http.post(
                "/api/v1/export", json={"hits": [hit], "format": one.name}
            ).headers
            assert sent["content-type"].split(";")[0] == one.media_type
            assert sent["content-disposition"].endswith(f'.{one.extension}"')
        visit = Visit.begin(chromium, server)
        visit.search("bd_808")
        visit.page.get_by_role("button", name="Export").click()
        titles = visit.page.get_by_role("menuitem").all_text_contents()
        assert titles == [one.title for one in FORMATS.values()]
        visit.end()
