"""How a server is run: where it listens, who may ask, how much it takes."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What `soundkin serve` was told. Without `token` only this machine is listened to."""

    library: str
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    max_upload_bytes: int = 64 << 20
    max_upload_s: float = 600.0
    max_uploads: int = 64

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.host)

    @property
    def host_names(self) -> frozenset[str]:
        """The names that a browser may know this server by; addresses come on top."""
        names = {"localhost", "127.0.0.1", "::1", self.host.lower()}
        if not self.is_local:
            own = socket.gethostname().lower()
            names |= {own, f"{own.split('.')[0]}.local", socket.getfqdn().lower()}
        return frozenset(names)

    @property
    def address(self) -> str:
        """The address to open in a browser, with the token where there is one."""
        host = self.host
        if host in {"0.0.0.0", "::"}:
            host = _find_own_address()
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")


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
