"""The server on a cluster: Ray Serve runs replicas of it, and proxies that share requests out."""

from __future__ import annotations

import http.client
import logging
import os
import secrets
import signal
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import FrameType
from typing import Any

from soundkin.cluster.connect import MISSING, connect
from soundkin.cluster.replica import Replica
from soundkin.errors import ClusterError
from soundkin.server.run import bind
from soundkin.server.settings import Settings

APP = "soundkin"
MAX_AT_ONCE = 128  # requests inside a replica; it sends more than it can take away itself
GRACE_S = 20.0
POLL_EVERY_S = 2.0
PATIENCE_S = 20.0
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}  # as `soundkin serve` has it


def run_on_cluster(
    settings: Settings,
    address: str,
    n_replicas: int | None,
    announce: Callable[[str], None],
    say: Callable[[str], None],
) -> None:
    """Serve from a cluster until Ctrl-C or SIGTERM, what is being answered being answered first.

    SIGHUP replaces all replicas, a few at a time, while the others answer; so does the same command
    run anew, which takes over from the one before.

    Parameters
    ----------
    settings
        Their `library` is one of Lance tables, which all nodes reach by its address.
    address
        See `cluster.connect`.
    n_replicas
        How many; None means one for each processor that the cluster has.
    announce, say
        Told the address once it answers, and what happens after.

    Raises
    ------
    ClusterError
        The cluster cannot be reached, lacks what it takes, or serves something else there.
    """
    if not settings.port:
        with bind(settings.host, 0) as probe:
            settings = replace(settings, port=probe.getsockname()[1])
    settings = replace(settings, is_replica=True, names=tuple(sorted(settings.host_names)))
    with connect(address) as ray:
        serve = _import_serve()
        n_cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
        service = _Service(serve, settings, n_replicas or n_cpus)
        wishes = _Wishes()
        try:
            service.deploy()
            _check_answers(settings)
            announce(settings.address)
            _stand_by(service, wishes, say)
        finally:
            service.end()


def _import_serve() -> Any:
    try:
        from ray import serve
    except ImportError as error:
        raise ClusterError(MISSING) from error
    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return serve


class _Service:
    """The app on the cluster, as one `soundkin serve` sees it."""

    def __init__(self, serve: Any, settings: Settings, n_replicas: int) -> None:
        self._serve = serve
        self._settings = settings
        self._owner = secrets.token_hex(8)
        self._n_replicas = n_replicas
        quiet = {"log_level": "ERROR", "enable_access_log": False}
        serve.start(
            proxy_location="EveryNode",
            http_options={
                "host": settings.host,
                "port": settings.port,
                "ssl_certfile": settings.certificate and str(settings.certificate),
                "ssl_keyfile": settings.certificate and str(settings.key or settings.certificate),
            },
            logging_config=quiet,
        )
        self._deployment = serve.deployment(serve.ingress()(Replica)).options(
            name="Replica",
            num_replicas=n_replicas,
            max_ongoing_requests=MAX_AT_ONCE,
            graceful_shutdown_timeout_s=GRACE_S,
            health_check_period_s=5,
            logging_config=quiet,
            ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": ENVIRONMENT}},
        )

    def deploy(self) -> None:
        """Start the replicas, or replace those that run; returns once all are ready."""
        try:
            self._serve.run(self._deployment.bind(self._settings, self._owner), name=APP)
        except RuntimeError as error:
            raise ClusterError(f"the replicas do not start: {self._tell_why(error)}") from error

    def _tell_why(self, error: RuntimeError) -> str:
        """Find the line that tells most in what Ray Serve tells."""
        status = self._serve.status().applications.get(APP)
        words = [one.message for one in status.deployments.values()] if status else [str(error)]
        lines = [line for line in "\n".join(words).splitlines() if line.strip()]
        told = [line for line in lines if "soundkin.errors." in line]
        return (told or lines or ["see Ray's logs"])[-1].strip()

    def is_own(self) -> bool:
        """Tell whether the replicas are still those of this `soundkin serve`."""
        try:
            handle = self._serve.get_app_handle(APP)
            owner: str = handle.tell_owner.remote().result(timeout_s=PATIENCE_S)
        except Exception:  # whatever Ray Serve raises while replicas come and go
            return True
        return owner == self._owner

    def is_well(self) -> bool:
        """Tell whether the replicas answer."""
        status = self._serve.status().applications.get(APP)
        return status is not None and status.status == "RUNNING"

    def end(self) -> None:
        """Take the replicas down once they have answered, if they are still this one's own."""
        if not self.is_own():
            return
        with suppress(Exception):  # the cluster may be gone itself
            self._serve.delete(APP)
            if not self._serve.status().applications:
                self._serve.shutdown()


class _Wishes:
    """What signals ask for."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.renew = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heed)
        if sys.platform != "win32":
            signal.signal(signal.SIGHUP, self._heed)

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if sys.platform != "win32" and number == signal.SIGHUP:
            self.renew.set()
        elif self.end.is_set():
            os._exit(128 + number)
        else:
            self.end.set()


def _stand_by(service: _Service, wishes: _Wishes, say: Callable[[str], None]) -> None:
    """Do what signals ask for, and tell when the replicas are not well."""
    was_well = True
    while not wishes.end.wait(POLL_EVERY_S):
        if wishes.renew.is_set():
            wishes.renew.clear()
            say("replacing the replicas")
            try:
                service.deploy()
                say("all replicas are new")
            except ClusterError as error:  # those that run go on
                say(str(error))
        if not service.is_own():
            say("another soundkin serve has taken over")
            return
        is_well = service.is_well()
        if is_well != was_well:
            say("all replicas answer" if is_well else "replicas are down, and started anew")
            was_well = is_well


def _check_answers(settings: Settings) -> None:
    """Look whether the address answers, since a cluster has one port for all that it serves."""
    kind: Any = http.client.HTTPConnection
    options: dict[str, Any] = {"timeout": PATIENCE_S}
    if settings.certificate:
        kind = http.client.HTTPSConnection
        options["context"] = ssl.create_default_context()
        options["context"].check_hostname = False
        options["context"].verify_mode = ssl.CERT_NONE  # it is asked whether it is there, no more
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection = kind(settings.reached_at, settings.port, **options)
            connection.request("GET", "/-/healthz")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{settings.reached_at} port {settings.port}: nothing of the cluster's answers; it "
                "may be taken, or the cluster serves at another port already"
            )
        time.sleep(0.2)
