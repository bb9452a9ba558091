"""Addresses as HTTP headers and settings name them: ``host`` or ``host:port``."""

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Authority(NamedTuple):
    """A host's name in lower case, and its port; None for the scheme's default."""

    name: str
    port: int | None

    def with_port(self, scheme: str) -> "Authority":
        """Returns the same with the scheme's default port filled in."""
        return Authority(self.name, self.port or _DEFAULT_PORTS.get(scheme))


def read_authority(text: str) -> Authority | None:
    """Returns what ``host`` or ``host:port`` names; None for anything else, such as a user or a path beside it."""
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
    except ValueError:
        return None
    if parts.netloc != text or text.split() != [text] or "@" in text or not parts.hostname:
        return None
    return Authority(parts.hostname, port)


def is_ip_address(name: str) -> bool:
    """Returns whether a host's name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
