"""The main ways of the page in Firefox too: search, listen, list, select, library, kit."""

from __future__ import annotations

from pathlib import Path

from firefox import launch_firefox
from serving import Server


def test_the_main_ways_work_in_firefox(server: Server, tmp_path: Path) -> None:
    with launch_firefox(tmp_path) as firefox:
        address = server.address.rstrip("/")
        firefox.open(f"{address}/?s={server.find('loop_amen')['id']}")
        n_cards = firefox.wait_for("document.querySelectorAll('.card').length")
        assert n_cards >= 20
        firefox.click(".query .name")
        # Decoded, not heard: without a device for sound Firefox never begins to play.
        seconds = firefox.run(
            "import('./js/sound/player.js').then((player) =>"
            " player.loadVoice({ id: document.querySelector('.card').dataset.id }))"
            ".then(({ buffer }) => buffer.duration)"
        )
        assert seconds > 0.1
        firefox.press("v")
        firefox.wait_for("document.querySelectorAll('.lines tr.hit').length")
        assert firefox.run("document.documentElement.scrollWidth <= innerWidth")
        firefox.press("x")
        firefox.wait_for("document.querySelector('.tray')?.hidden === false")
        first = firefox.run("document.querySelector('.lines tr.hit .name').textContent")
        firefox.press("\ue007")  # Enter
        firefox.wait_for(f"document.querySelector('.query .name').textContent === '{first}'")
        firefox.press("3")
        firefox.wait_for("document.querySelectorAll('tr[data-id]').length > 20")
        firefox.press("4")
        firefox.wait_for("document.querySelectorAll('.slot').length")
        assert firefox.complaints == []
