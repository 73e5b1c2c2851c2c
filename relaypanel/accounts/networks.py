"""The addresses a user's API key may be used from: one address or network a line."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, ip_network
from typing import Final

from relaypanel import errors
from relaypanel.accounts import address as addresses
from relaypanel.accounts.models import User

NETWORKS_MAX: Final = 100

_PREFIX = re.compile(r"0|[1-9][0-9]{0,2}")
# As much of a line as a refusal repeats.
_SHOWN_MAX = 60


class BadNetwork(errors.Refused):
    code = "bad_network"
    advice = (
        "is neither an address nor a network. "
        "Write one a line, like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32."
    )

    def __init__(self, *, line: str) -> None:
        self.line = line
        super().__init__(f"{self.shown!r} {self.advice}")

    @property
    def shown(self) -> str:
        return self.line[:_SHOWN_MAX]


class EveryAddress(BadNetwork):
    """1.2.3.4/0 is a slip for /32 more often than it is meant, and would open the key to all."""

    code = "every_address"
    advice = "holds every address there is. To allow all, leave the list empty."


class TooManyNetworks(errors.Refused):
    code = "too_many_networks"

    def __init__(self) -> None:
        super().__init__(f"The list is too long: at most {NETWORKS_MAX} addresses and networks.")


def save(user: User, text: str) -> tuple[str, ...]:
    """Let the user's API key be used from the addresses in `text` alone; empty: from everywhere.

    Returns the list as it was kept.  Raises what `parse` raises.
    """
    networks = parse(text)
    user.api_networks = "\n".join(networks)
    user.save(update_fields=["api_networks"])
    return networks


def parse(text: str) -> tuple[str, ...]:
    """Return the addresses and networks in `text`, each once, in canonical form, in their order.

    192.168.1.5/24 becomes 192.168.1.0/24: whoever writes /24 means the network, and sees it
    written so afterwards.  Raises BadNetwork and TooManyNetworks.
    """
    networks: dict[str, None] = {}
    for line in re.split(r"\r?\n", text):
        if not line.strip():
            continue
        networks[_canonical(line.strip())] = None
        if len(networks) > NETWORKS_MAX:
            raise TooManyNetworks
    return tuple(networks)


def allows(networks_text: str, address: str | None) -> bool:
    """Say whether the kept list lets `address` in.  An unknown address passes no list but ""."""
    if not networks_text:
        return True
    caller = None if address is None else addresses.parse(address)
    return caller is not None and any(caller in network for network in _networks(networks_text))


def _canonical(line: str) -> str:
    text, slash, prefix = line.partition("/")
    address = addresses.parse(text)
    if address is None or (slash and not _PREFIX.fullmatch(prefix)):
        raise BadNetwork(line=line)
    if not slash:
        return str(address)
    was_mapped = isinstance(address, IPv4Address) and ":" in text
    return _canonical_network(address, int(prefix) - 96 * was_mapped, line=line)


def _canonical_network(address: addresses.Address, prefix: int, *, line: str) -> str:
    if not 0 <= prefix <= address.max_prefixlen:
        raise BadNetwork(line=line)
    if prefix == 0:
        raise EveryAddress(line=line)
    if prefix == address.max_prefixlen:
        return str(address)
    return str(ip_network(f"{address}/{prefix}", strict=False))


# Each call of the API asks the same list again, and a hundred lines take longer to read than
# the rest of the call.
@lru_cache(maxsize=1024)
def _networks(networks_text: str) -> tuple[addresses.Network, ...]:
    return tuple(ip_network(line) for line in networks_text.split("\n"))
