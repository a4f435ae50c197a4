"""`soundkin serve --https`: encrypted, so that a phone in the network may record a query."""

from __future__ import annotations

import dataclasses
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from playwright.sync_api import Browser, expect

from browsing import Visit, launch
from conftest import DEMO_SOUNDS, Soundkin
from serving import Server
from soundkin.errors import ServerError
from soundkin.server.certificates import keep_certificate, read_certificate
from sounds import write_sound

TOKEN = "a-token-for-tests"
NETWORK = ("--host", "0.0.0.0", "--token", TOKEN)


@contextmanager
def serve_to_network(demo: Soundkin, data: Path, *options: str) -> Iterator[tuple[Server, str]]:
    """Serve with what is kept for a person in `data`; yields the server and what it said last."""
    command = Soundkin(demo.library)
    command.env |= {"XDG_DATA_HOME": str(data)}
    process = command.start("serve", "--port", 0, "--no-open", *options)
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        address = process.stdout.readline().strip()
        yield Server(process, address), process.stderr.readline().split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def read_port(address: str) -> int:
    return int(re.findall(r":(\d+)/", address)[0])


@contextmanager
def visit_from_afar(
    chromium: Browser, server: Server, *switches: str, **options: Any
) -> Iterator[Visit]:
    """Visit by this machine's name in the network, which no browser takes for itself."""
    name = socket.gethostname()
    if name in {"", "localhost"}:
        pytest.skip("this machine has no name of its own")
    away = re.sub(r"//[^/]+:", f"//{name}:", server.address.split("?")[0])
    rules = f"--host-resolver-rules=MAP {name} 127.0.0.1"
    browser = launch(chromium.browser_type, rules, *switches)
    there = Server(server.process, away)
    visit = Visit.begin(browser, there, ignore_https_errors=True, **options)
    yield visit.open(f"/?token={TOKEN}")
    visit.end()
    browser.close()


def test_the_page_comes_encrypted_by_the_certificate_that_is_announced(
    demo: Soundkin, tmp_path: Path
) -> None:
    with serve_to_network(demo, tmp_path, "--https") as (server, fingerprint):
        assert server.address.startswith("https://127.0.0.1:")
        kept = tmp_path / "soundkin/certificate.pem"
        page = httpx.get(server.address, verify=ssl.create_default_context(cafile=kept))
        assert page.status_code == 200
        pem = ssl.get_server_certificate(("127.0.0.1", read_port(server.address)))
        shown = x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256())
        assert fingerprint == shown.hex(":").upper()
        assert kept.stat().st_mode & 0o077 == 0


def test_a_phone_records_over_https(demo: Soundkin, chromium: Browser, tmp_path: Path) -> None:
    waveform, rate = soundfile.read(DEMO_SOUNDS / "ambi_glass_rub.flac", dtype="float32")
    take = write_sound(tmp_path / "room.wav", waveform, rate, subtype="PCM_16")
    switches = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={take}",
    )
    with (
        serve_to_network(demo, tmp_path, "--https", *NETWORK) as (server, _),
        visit_from_afar(chromium, server, *switches) as visit,
    ):
        cookies = visit.page.context.cookies()
        assert [cookie["secure"] for cookie in cookies] == [True]
        visit.page.get_by_role("button", name="Record").click()
        seconds = visit.page.get_by_label("Length of the take")
        expect(seconds).to_have_text(re.compile(r"^[2-9]\.\d s$"))
        visit.page.get_by_role("button", name="Stop and search").click()
        assert "ambi_glass_rub" in visit.wait_for_hits()[:3]


def test_without_https_a_phone_is_asked_for_its_own_recorder(
    demo: Soundkin, chromium: Browser, tmp_path: Path
) -> None:
    with (
        serve_to_network(demo, tmp_path, *NETWORK) as (server, _),
        visit_from_afar(chromium, server, is_mobile=True, has_touch=True) as visit,
    ):
        with visit.page.expect_file_chooser() as asked:
            visit.page.get_by_role("button", name="Record").click()
        asked.value.set_files(DEMO_SOUNDS / "ambi_glass_rub.flac")
        assert visit.wait_for_hits()
        expect(visit.page.locator(".query .name")).to_have_text("ambi_glass_rub")


def test_a_certificate_is_kept_until_it_names_too_little_or_ends(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path, ["localhost", "192.0.2.1", "Bücherei"])
    assert keep_certificate(tmp_path, ["localhost"]) == first
    other = keep_certificate(tmp_path, ["localhost", "192.0.2.2"])
    assert other.fingerprint != first.fingerprint
    (tmp_path / "certificate.pem").write_text("damaged")
    assert keep_certificate(tmp_path, ["localhost"]).fingerprint != other.fingerprint


def test_ones_own_certificate_is_served_if_its_key_fits(demo: Soundkin, tmp_path: Path) -> None:
    own = keep_certificate(tmp_path / "own", ["127.0.0.1"])
    stranger = keep_certificate(tmp_path / "other", ["127.0.0.1"])
    assert read_certificate(own.path, own.path) == dataclasses.replace(own, key=own.path)
    with pytest.raises(ServerError, match="does not fit"):
        read_certificate(own.path, stranger.path)
    with pytest.raises(ServerError, match="no certificate"):
        read_certificate(Path(__file__), None)
    with serve_to_network(demo, tmp_path, "--certificate", str(own.path)) as (server, shown):
        assert shown == own.fingerprint
        assert httpx.get(
            server.address, verify=ssl.create_default_context(cafile=own.path)
        ).is_success


def test_a_certificate_that_is_none_is_refused_in_one_line(demo: Soundkin, tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("nothing")
    for options in (("--certificate", tmp_path / "c.pem"), ("--certificate", tmp_path / "none")):
        told = demo("serve", *options, status=2).stderr
        assert told.count("\n") == 1
        assert str(options[1]) in told
