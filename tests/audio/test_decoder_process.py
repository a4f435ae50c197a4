"""A decoder that crashes, hangs, takes all memory or never ends costs one file, with its reason."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.fuzz.seeds import make_sound, write_with_ffmpeg
from conftest import DEMO_SOUNDS, Soundkin
from soundkin.audio.decoders.decoder_process import decode_in_subprocess
from soundkin.audio.read import read_audio
from soundkin.embedding.model import find_model
from soundkin.embedding.pool import WorkerPool
from soundkin.errors import AudioError, ModelError, WorkerError
from soundkin.system.worker_parent import WorkerProcess
from sounds import make_noise, write_sound

TREACHEROUS = Path(__file__).parents[1] / "support" / "bad_decoder.py"
SOUND = DEMO_SOUNDS / "bd_tek.flac"
REASONS = {
    "crash": "the decoder died on it (SIGSEGV)",
    "crash-at-once": "the decoder died on it (SIGSEGV)",
    "hang": "the decoder was ended: no progress for 1.5 s",
    "grow": "it takes more memory than a sound should",
    "endless": "it goes on after",
}


class Treacherous(Soundkin):
    """The command, with decoders that do what files' names say."""

    def __call__(
        self, *arguments: Any, status: int = 0, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, TREACHEROUS, *map(str, arguments)],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def treacherous(tmp_path: Path) -> Treacherous:
    return Treacherous(tmp_path / "library.sqlite")


def write_trap(folder: Path, name: str) -> Path:
    """Write a sound that is sound, but for its name."""
    return write_sound(folder / f"{name}.wav", make_noise(1.0, sum(name.encode())))


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory elsewhere")
def test_a_run_outlives_every_decoder_and_lists_the_reasons(
    treacherous: Treacherous, folder: Path
) -> None:
    for name in (*REASONS, "crawl", "fine-1", "fine-2"):
        write_trap(folder, name)
    report = treacherous("index", folder)
    assert "3 embedded" in report.stdout
    listed = {Path(row["path"]).stem: row["error"] for row in treacherous.json("list", "--failed")}
    assert listed.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reason in listed[name]
        assert f"{name}.wav" in report.stderr
        assert reason in report.stderr
    again = treacherous("index", folder)  # what failed is not tried again until it changes
    assert "embedded" not in again.stdout
    assert "5 not read before, unchanged" in again.stdout
    shutil.copyfile(SOUND, folder / "crash.wav")
    changed = treacherous("index", folder)
    assert "SIGSEGV" in changed.stderr
    assert "4 not read before, unchanged" in changed.stdout


@pytest.mark.parametrize("deed", ["crash", "hang", "grow"])
def test_a_search_with_such_a_file_is_one_line_and_exit_2(
    treacherous: Treacherous, demo: Soundkin, tmp_path: Path, deed: str
) -> None:
    shutil.copyfile(demo.library, treacherous.library)
    trap = write_trap(tmp_path, deed)
    done = treacherous("search", trap, status=2)
    assert REASONS[deed] in done.stderr
    assert str(trap) in done.stderr
    assert done.stderr.count("\n") == 1
    assert not done.stdout


def test_a_real_file_that_kills_ffmpeg_is_one_line_and_exit_2(
    demo: Soundkin, soundkin: Soundkin, folder: Path
) -> None:
    deadly = folder / "deadly.mka"
    write_with_ffmpeg(deadly, "adx", "adpcm_adx", make_sound(44_100, 2), 44_100)
    content = bytearray(deadly.read_bytes())
    content[5] = 16  # FFmpeg 8.1 divides by zero (SIGFPE); a later one may refuse it
    deadly.write_bytes(content)
    write_trap(folder, "fine")
    refused = demo("search", deadly, status=2)
    assert refused.stderr.count("\n") == 1
    assert str(deadly) in refused.stderr
    soundkin("index", folder)
    assert [Path(path).name for path in soundkin.paths()] == ["fine.wav"]
    (failed,) = soundkin.json("list", "--failed")
    assert failed["error"]


def test_deforming_such_a_file_is_one_line_and_exit_2(
    treacherous: Treacherous, tmp_path: Path
) -> None:
    done = treacherous("deform", write_trap(tmp_path, "crash"), "-o", tmp_path / "out", status=2)
    assert REASONS["crash"] in done.stderr
    assert done.stderr.count("\n") == 1


def test_embedding_such_a_file_is_one_line_and_exit_2(
    treacherous: Treacherous, tmp_path: Path
) -> None:
    trap = write_trap(tmp_path, "crash")
    done = treacherous("embed", trap, "--output", tmp_path / "a.npz", status=2)
    assert REASONS["crash"] in done.stderr


def test_a_file_that_takes_long_but_goes_on_is_waited_for(
    treacherous: Treacherous, demo: Soundkin, tmp_path: Path
) -> None:
    shutil.copyfile(demo.library, treacherous.library)
    assert treacherous("search", write_trap(tmp_path, "crawl")).stdout


def test_decoding_apart_gives_the_same_samples(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", make_noise(45.0))
    here = [read_audio(path, 32_000), read_audio(SOUND, 32_000, 0.05, 0.2)]
    with decode_in_subprocess():
        apart = [read_audio(path, 32_000), read_audio(SOUND, 32_000, 0.05, 0.2)]
        with pytest.raises(AudioError, match="No such file"):
            read_audio(tmp_path / "none.wav", 32_000)
        again = read_audio(SOUND, 32_000, 0.05, 0.2)
    assert all(map(np.array_equal, here, apart))
    assert np.array_equal(again, apart[1])


def test_decoding_apart_needs_no_fork(tmp_path: Path) -> None:
    done, waiting = threading.Event(), []
    thread = threading.Thread(target=lambda: waiting.append(done.wait(30)))
    thread.start()  # beside other threads nothing is forked
    try:
        with decode_in_subprocess():
            apart = read_audio(SOUND, 32_000)
    finally:
        done.set()
        thread.join()
    assert np.array_equal(apart, read_audio(SOUND, 32_000))


def test_a_worker_that_never_starts_is_no_files_fault(tmp_path: Path) -> None:
    model = find_model()
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with WorkerPool(find_model(broken), 1) as pool, pytest.raises(ModelError, match="not an ONNX"):
        pool.submit(str(SOUND)).result()
    process = WorkerProcess("-c", "raise SystemExit(3)")
    with pytest.raises(ModelError, match=r"does not start.*exit status 3"):
        process.ask({"path": "a.wav"}, lambda answers: answers.read_line())
    assert model.path.is_file()


def test_time_that_is_up_ends_even_a_process_that_goes_on() -> None:
    ticking = "import time\nprint('{}', flush=True)\nwhile True: print(flush=True); time.sleep(.05)"
    process = WorkerProcess("-c", ticking, timeout_s=0.5)
    with pytest.raises(WorkerError, match=r"a\.wav: the decoder was ended: not done after 0\.5 s"):
        process.ask({"path": "a.wav"}, lambda answers: answers.read_line())


def test_a_process_that_was_ended_between_two_files_is_started_again() -> None:
    script = "import sys\nprint('{}', flush=True)\nfor line in sys.stdin: print('{}', flush=True)"
    process = WorkerProcess("-c", script)
    for _ in range(3):
        assert process.ask({"path": "a.wav"}, lambda answers: answers.read_line()) == {}
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    process.stop()


def test_a_pool_ends_while_its_threads_are_ending_their_processes() -> None:
    script = "import sys\nprint('{}', flush=True)\nfor line in sys.stdin: print('{}', flush=True)"
    process = WorkerProcess("-c", script)
    process.ask({"path": "a.wav"}, lambda answers: answers.read_line())
    ending = process._process
    assert ending is not None
    for pipe in (ending.stdin, ending.stdout):
        assert pipe is not None
        pipe.close()  # as a thread does that found it dead
    process.stop()
    assert ending.poll() is not None
    assert process.pid is None
