"""Many clients using a server as people do, while it indexes; what they got, and how soon."""

from __future__ import annotations

import http.client
import io
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.harness.commands import list_tree, read_pss

JSON = {"Content-Type": "application/json"}
N_FRESH = 12  # files that come, and go, with each run of indexing
RATE = 22_050
SIZES = (120, 400, 800)  # of pictures, as pages have a few


@dataclass
class Tally:
    """Times in ms by action, statuses, samples of memory, jobs.

    A sample has seconds, and MB of the server itself and of all its processes: those of a job come
    and go, so only the first tells whether anything grows.
    """

    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float, float]] = field(default_factory=list)
    n_jobs: int = 0
    job_troubles: list[str] = field(default_factory=list)


class Person:
    """One client with its own connection, who looks for sounds and thinks in between."""

    def __init__(self, port: int, sounds: dict[str, float], heard: list[str], seed: int) -> None:
        """Prepare: `sounds` by id with their durations, `heard` those that have files."""
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._sounds, self._ids, self._heard = sounds, list(sounds), heard
        self._random = random.Random(seed)
        self._noise = np.random.default_rng(seed)

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def act(self) -> tuple[str, str, float]:
        """Do something; returns what, the status, and how many ms it took."""
        names, weights = zip(
            *((name, weight) for name, (weight, _) in ACTIONS.items()), strict=True
        )
        name = self._random.choices(names, weights)[0]
        started = time.perf_counter()
        status = ACTIONS[name][1](self)
        return name, str(status), 1000 * (time.perf_counter() - started)

    def _ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        for attempt in (0, 1):
            try:
                self._link.request(method, f"/api/v1{path}", body, headers)
                response = self._link.getresponse()
                response.read()
                return response.status
            except (http.client.HTTPException, ConnectionError):
                self._link.close()  # kept alive too long, as any client has to expect
                if attempt:
                    raise
        raise AssertionError

    def _post(self, path: str, words: Any) -> int:
        return self._ask("POST", path, json.dumps(words).encode(), **JSON)

    def search(self) -> int:
        """Search by a second of a recording."""
        sound = self._random.choice(self._ids)
        start_s = self._random.randrange(max(1, int(2 * self._sounds[sound]) - 1)) / 2
        part = {"id": sound, "start_s": start_s, "end_s": start_s + 1}
        return self._post("/search", {"sounds": [part]})

    def refine(self) -> int:
        """Search with thumbs and a filter."""
        liked, disliked = self._random.sample(self._ids, 2)
        words = {
            "sounds": [{"id": self._random.choice(self._heard)}],
            "liked": [{"id": liked}],
            "disliked": [{"id": disliked}],
            "filters": {"max_duration_s": 60},
        }
        return self._post("/search", words)

    def upload(self) -> int:
        """Search with a sound of one's own."""
        file = io.BytesIO()
        sound = self._noise.standard_normal(2 * RATE).astype(np.float32) / 10
        soundfile.write(file, sound, RATE, format="WAV")
        return self._ask("POST", "/search/upload?name=mine.wav", file.getvalue())

    def listen(self) -> int:
        """Play some of a file."""
        first = self._random.randrange(1000)
        wanted = f"bytes={first}-{first + self._random.randrange(50_000)}"
        return self._ask("GET", f"/sounds/{self._choose()}/audio", Range=wanted)

    def cut(self) -> int:
        """Play a region."""
        return self._ask("GET", f"/sounds/{self._choose()}/audio?start_s=0.01&end_s=0.9")

    def see_peaks(self) -> int:
        """See a waveform."""
        return self._ask(
            "GET", f"/sounds/{self._choose()}/peaks?n={self._random.randrange(1, 900)}"
        )

    def see_spectrogram(self) -> int:
        """See a spectrogram."""
        width = self._random.choice(SIZES)
        return self._ask("GET", f"/sounds/{self._choose()}/spectrogram.png?width={width}")

    def see_map(self) -> int:
        """See the map."""
        return self._ask("GET", "/map")

    def tag(self) -> int:
        """Tag a recording, or take a tag off."""
        change = self._random.choice(("add", "remove"))
        tag = f"tag {self._random.randrange(20)}"
        return self._post("/tags", {"ids": [self._random.choice(self._ids)], change: [tag]})

    def browse(self) -> int:
        """Read a page of the library."""
        return self._ask("GET", f"/recordings?limit=50&offset={self._random.randrange(500)}")

    def read_info(self) -> int:
        """Ask what there is."""
        return self._ask("GET", "/info")

    def _choose(self) -> str:
        return self._random.choice(self._heard)


ACTIONS: dict[str, tuple[float, Callable[[Person], int]]] = {
    "search by a segment": (36, Person.search),
    "search with thumbs": (8, Person.refine),
    "search by an upload of 2 s": (5, Person.upload),
    "range of a file": (15, Person.listen),
    "region as WAV": (10, Person.cut),
    "peaks": (9, Person.see_peaks),
    "spectrogram": (6, Person.see_spectrogram),
    "map": (1, Person.see_map),
    "tag": (3, Person.tag),
    "page of recordings": (5, Person.browse),
    "info": (2, Person.read_info),
}


class Load:
    """So many people at once for so long, with indexing under way if there is a folder for it."""

    def __init__(self, port: int, pid: int, sounds: dict[str, float], heard: list[str]) -> None:
        self._port, self._pid, self._sounds, self._heard = port, pid, sounds, heard
        self.tally = Tally()
        self._lock = threading.Lock()
        self._is_over = threading.Event()

    def run(self, n_people: int, seconds: float, pause_s: float, folder: Path | None) -> Tally:
        """Have them at it; each pauses so long on average between two actions."""
        threads = [threading.Thread(target=self._live, args=(n, pause_s)) for n in range(n_people)]
        threads.append(threading.Thread(target=self._sample))
        if folder is not None:
            threads.append(threading.Thread(target=self._index, args=(folder,)))
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self._is_over.set()
        for thread in threads:
            thread.join()
        return self.tally

    def _live(self, number: int, pause_s: float) -> None:
        person = Person(self._port, self._sounds, self._heard, number)
        pauses = random.Random(number)
        while not self._is_over.wait(pauses.expovariate(1 / pause_s)):
            try:
                name, status, took_ms = person.act()
            except (OSError, http.client.HTTPException) as error:
                name, status, took_ms = "", type(error).__name__, 0.0
            with self._lock:
                self.tally.statuses[status] += 1
                if name and status in {"200", "206"}:
                    self.tally.times_ms[name].append(took_ms)
        person.close()

    def _sample(self) -> None:
        started = time.monotonic()
        while not self._is_over.wait(1):
            own, *others = (read_pss(pid) / 1e3 for pid in list_tree(self._pid))
            self.tally.memory.append((time.monotonic() - started, own, own + sum(others)))

    def _index(self, folder: Path) -> None:
        """Have new files indexed, and old ones forgotten, again and again."""
        noise = np.random.default_rng(0)
        link = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._is_over.is_set():
            for number in range(N_FRESH):
                sound = noise.standard_normal(3 * RATE).astype(np.float32) / 10
                soundfile.write(folder / f"fresh {number}.wav", sound, RATE)
            words = {"kind": "index", "folders": [str(folder)]}
            job = _ask_json(link, "POST", "/jobs", words)
            while job.get("state") == "running":
                time.sleep(0.2)
                job = _ask_json(link, "GET", f"/jobs/{job['id']}")
            self.tally.n_jobs += 1
            if job.get("state") != "done":
                self.tally.job_troubles.append(str(job))
            self._is_over.wait(1)
        link.close()


def _ask_json(link: http.client.HTTPConnection, method: str, path: str, words: Any = None) -> Any:
    body = None if words is None else json.dumps(words)
    for _ in range(2):
        with suppress(http.client.HTTPException, ConnectionError):
            link.request(method, f"/api/v1{path}", body, JSON)
            return json.loads(link.getresponse().read())
        link.close()
    return {}
