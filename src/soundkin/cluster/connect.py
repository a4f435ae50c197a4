"""The way to a Ray cluster: found or started, kept quiet, its errors put into words."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

from soundkin.errors import ClusterError, LibraryError, SoundkinError
from soundkin.library.lance.tables import import_lance

MISSING = "--cluster needs more; install it with: pip install 'soundkin[cluster]'"
HERE = "auto"
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_worker_niceness": "0",  # as the workers of one machine have
    # A busy machine takes its time to start a cluster.
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_agent_register_timeout_ms": "120000",
}
CONNECT_TIMEOUT_S = 10.0
OBJECT_STORE_BYTES = 200 << 20  # of a cluster started here; paths and fragments' names are small


def import_ray() -> Any:
    """Import Ray, which is to tell nobody about it.

    Raises
    ------
    ClusterError
        It is not installed.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import_lance()
        import ray
    except (ImportError, LibraryError) as error:
        raise ClusterError(MISSING) from error
    return ray


@contextmanager
def connect(address: str, n_cpus: int | None = None) -> Iterator[Any]:
    """Be a driver of the cluster at an address, for a while; gives the module `ray`.

    Parameters
    ----------
    address
        `HOST:PORT` of its head; `auto` takes the one that this machine is part of, or starts one
        of this machine alone, which ends with this process; `local` always starts one.
    n_cpus
        Processors of a cluster that is started here; None means all.

    Raises
    ------
    ClusterError
        It cannot be reached, or it gave up on its work.
    """
    ray = import_ray()
    options: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    try:
        with _silence():
            _init(ray, address, n_cpus, options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ClusterError(f"{address}: no cluster there ({reason})") from error
    try:
        # Ray prints what befalls its workers, which its logs and dashboard have.
        with open(os.devnull, "w") as null, redirect_stdout(null):  # noqa: PTH123
            yield ray
    except ray.exceptions.RayError as error:
        raise translate_ray_error(error) from error
    finally:
        ray.shutdown()


@contextmanager
def _silence() -> Iterator[None]:
    """Keep from standard error what Ray's native part says of itself while it starts."""
    sys.stderr.flush()
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


def _init(ray: Any, address: str, n_cpus: int | None, options: dict[str, Any]) -> None:
    here = {
        "num_cpus": n_cpus,
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": False,
    }
    if address == "local":
        ray.init("local", **here, **options)
    elif address == HERE:
        try:
            ray.init("auto", **options)
        except ConnectionError:
            ray.init("local", **here, **options)
    else:
        _knock(address)
        ray.init(address, **options)


def _knock(address: str) -> None:
    """Look whether anyone listens at an address, since Ray itself waits for minutes.

    Raises
    ------
    OSError
        Nobody does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_TIMEOUT_S):
        pass


def translate_ray_error(error: Exception) -> SoundkinError:
    """Find soundkin's own error within Ray's, or put Ray's into a line."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SoundkinError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    lines = [line for line in str(error).splitlines() if line.strip()]
    return ClusterError(
        f"the cluster gave up: {lines[-1].strip() if lines else type(error).__name__}"
    )
