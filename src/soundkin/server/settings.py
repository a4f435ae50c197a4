"""How a server is run: where it listens, who may ask, how much it takes."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

MAX_WHOLE_BYTES = 2 << 30


@dataclass(frozen=True)
class Settings:
    """What `soundkin serve` was told. Without `token` only this machine is listened to.

    With `certificate`, a PEM file, it speaks HTTPS; the key is in `key`, or in the same file.
    `names` are more that browsers may know it by. A replica is one of several equal servers.
    """

    library: str
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    max_upload_bytes: int = 64 << 20
    max_upload_s: float = 600.0
    max_uploads: int = 64
    certificate: Path | None = None
    key: Path | None = None
    names: tuple[str, ...] = ()
    is_replica: bool = False

    @property
    def max_whole_bytes(self) -> int:
        """The most that a sound may have of which only a part is wanted; the rest is not kept."""
        return max(self.max_upload_bytes, MAX_WHOLE_BYTES if self.is_local else 0)

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.host)

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a browser may know this server by; addresses come on top."""
        names = {"localhost", "127.0.0.1", "::1", self.host.lower(), *map(str.lower, self.names)}
        if not self.is_local:
            own = socket.gethostname().lower()
            names |= {own, f"{own.split('.')[0]}.local", socket.getfqdn().lower()}
        return frozenset(names)

    @property
    def reached_at(self) -> str:
        """The name or address that a browser reaches it by."""
        return _find_own_address() if self.host in {"0.0.0.0", "::"} else self.host

    @property
    def address(self) -> str:
        """The address to open in a browser, with the token where there is one."""
        host = f"[{self.reached_at}]" if ":" in self.reached_at else self.reached_at
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine and no other can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_address(host: str) -> bool:
    """Tell addresses from names: no name server can point an address elsewhere."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _find_own_address() -> str:
    """Find the address that others in the network reach this machine by; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
