"""Whose address a call comes from, behind proxies or not.

A proxy appends the address it was called from to X-Forwarded-For, so the entries are true
from the right, up to the first hop that is not ours; all left of it is the caller's own
invention.  No other header is read.  Source: OWASP ASVS 4.1.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# Some proxies (Azure's gateway, IIS) write the port as well: 192.0.2.1:4711, [2001:db8::1]:4711.
_WITH_PORT = re.compile(
    r"\[(?P<bracketed>[^\]]*:[^\]]*)\](?::[0-9]{1,5})?|(?P<plain>[^:]*):[0-9]{1,5}"
)


def client_address(remote: str, forwarded_for: str, trusted: Sequence[Network]) -> str | None:
    """Return the address of the nearest hop that is not one of our proxies.

    `remote` is the other end of the connection.  None: it has no address, as on a Unix
    socket, and then nothing else is believed either.
    """
    address, text = _end(remote)
    if address is None or not forwarded_for:
        return text
    entries = forwarded_for.split(",")
    while entries and _is_in(address, trusted):
        further = _hop(entries.pop())
        if further is None:
            break
        address = further
    return str(address)


@lru_cache(maxsize=1024)
def _end(remote: str) -> tuple[Address, str] | tuple[None, None]:
    # A neighbour on the same wire calls from an address with its zone: fe80::1%eth0.
    address = _hop(remote.partition("%")[0])
    return (None, None) if address is None else (address, str(address))


def parse(text: str) -> Address | None:
    """Return the address that `text` says, an IPv4-mapped one as IPv4; None: it says none.

    An octet with a leading zero says none: some programs read it as octal.  Nor does an
    address with a zone, which means something on one machine only.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    return None if address.scope_id else address.ipv4_mapped or address


def _hop(entry: str) -> Address | None:
    text = entry.strip(" \t")
    match = _WITH_PORT.fullmatch(text)
    return parse(match["bracketed"] or match["plain"] if match else text)


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
