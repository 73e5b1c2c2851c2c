from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.accounts import address
from relaypanel.accounts.address import Network, client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]

# What the other end of the connection is, what the header says, and who calls.
HOPS = [
    # the caller is connected to us: the header is its own invention
    ("203.0.113.7", "", "203.0.113.7"),
    ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
    ("203.0.113.7", "10.0.0.1", "203.0.113.7"),
    ("2001:db8::7", "198.51.100.1", "2001:db8::7"),
    # one proxy
    ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
    ("10.0.0.1", "198.51.100.1,203.0.113.7", "203.0.113.7"),
    ("10.0.0.1", "\t198.51.100.1 ,  203.0.113.7\t", "203.0.113.7"),
    ("fd00::1", "198.51.100.1, 2001:DB8:0::7", "2001:db8::7"),
    # two proxies
    ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
    ("10.0.0.1", "198.51.100.1, 203.0.113.7, fd00::2", "203.0.113.7"),
    # nobody but proxies: the furthest of them calls
    ("10.0.0.1", "", "10.0.0.1"),
    ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    # an entry that is no address ends the reading
    ("10.0.0.1", "203.0.113.7, unknown", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, unknown, 10.0.0.2", "10.0.0.2"),
    ("10.0.0.1", "203.0.113.7,", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, 010.0.0.2", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, 10.0.0.2\x00", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, fd00::2%eth0", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, 1０.0.0.2", "10.0.0.1"),
    ("10.0.0.1", "203.0.113.7, [10.0.0.2]", "10.0.0.1"),
    # IPv4 in the dress of IPv6
    ("::ffff:203.0.113.7", "198.51.100.1", "203.0.113.7"),
    ("::ffff:10.0.0.1", "198.51.100.1, ::ffff:203.0.113.7", "203.0.113.7"),
    ("::ffff:a00:1", "198.51.100.1, ::FFFF:cb00:7107", "203.0.113.7"),
    # with ports
    ("10.0.0.1", "198.51.100.1, 203.0.113.7:5678", "203.0.113.7"),
    ("10.0.0.1", "198.51.100.1, [2001:db8::7]:443", "2001:db8::7"),
    ("10.0.0.1", "198.51.100.1, [2001:db8::7]", "2001:db8::7"),
    ("10.0.0.1:4711", "198.51.100.1, 203.0.113.7, 10.0.0.2:80", "203.0.113.7"),
    # a neighbour on the wire, with the zone of its address
    ("fd00::1%eth0", "203.0.113.7", "203.0.113.7"),
    ("fe80::1%eth0", "203.0.113.7", "fe80::1"),
    # no address at all, as on a Unix socket
    ("", "", None),
    ("", "203.0.113.7", None),
    ("unix:", "203.0.113.7", None),
]


def leftmost(remote: str, forwarded_for: str, trusted: Sequence[Network]) -> str | None:
    """The naive reading, which believes whatever the caller wrote first."""
    first = forwarded_for.partition(",")[0].strip()
    return first or remote or None


class TestClientAddress:
    @pytest.mark.parametrize(("remote", "forwarded_for", "caller"), HOPS)
    def test_is_the_nearest_hop_that_is_not_ours(
        self, remote: str, forwarded_for: str, caller: str | None
    ) -> None:
        assert client_address(remote, forwarded_for, PROXIES) == caller

    def test_cannot_be_the_leftmost_entry(self) -> None:
        fooled = [hop for hop in HOPS if leftmost(hop[0], hop[1], PROXIES) != hop[2]]

        assert len(fooled) > len(HOPS) / 2

    def test_reads_a_long_header_from_its_right_end(self) -> None:
        forwarded_for = "198.51.100.1, " * 10_000 + "203.0.113.7"

        assert client_address("10.0.0.1", forwarded_for, PROXIES) == "203.0.113.7"

    @given(remote=st.ip_addresses(), forwarded_for=st.text())
    def test_ignores_the_header_where_no_proxy_is_trusted(
        self, remote: object, forwarded_for: str
    ) -> None:
        assert client_address(str(remote), forwarded_for, []) == client_address(str(remote), "", [])

    @given(
        forged=st.lists(st.ip_addresses().map(str) | st.text()),
        caller=st.ip_addresses(network="203.0.113.0/24") | st.ip_addresses(network="2001:db8::/32"),
        proxies=st.lists(st.ip_addresses(network="10.0.0.0/8"), min_size=1, max_size=4),
    )
    def test_is_never_left_of_a_hop_that_is_not_ours(
        self, forged: list[str], caller: object, proxies: list[object]
    ) -> None:
        *passed, remote = [str(proxy) for proxy in proxies]
        forwarded_for = ",".join([*forged, str(caller), *passed])

        assert client_address(remote, forwarded_for, PROXIES) == str(caller)

    @given(remote=st.text(), forwarded_for=st.text(alphabet="0123456789abcdef.:,[]% \t\x00é"))
    def test_is_canonical_or_unknown_whatever_is_sent(
        self, remote: str, forwarded_for: str
    ) -> None:
        everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]

        for first in (remote, "10.0.0.1"):
            caller = client_address(first, forwarded_for, everything)
            assert caller is None or str(address.parse(caller)) == caller


class TestParse:
    @pytest.mark.parametrize(
        ("text", "canonical"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("2001:0DB8:0:0::7", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
        ],
    )
    def test_gives_the_canonical_address(self, text: str, canonical: str) -> None:
        assert str(address.parse(text)) == canonical

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "localhost",
            "0177.0.0.1",
            "0x7f000001",
            "2130706433",
            "127.1",
            "1.2.3.4/32",
            "1.2.3.4 ",
            "1.2.3.4\n",
            "１.2.3.4",
            "fe80::1%eth0",
            "::ffff:1.2.3.4%1",
            "1:2",
        ],
    )
    def test_refuses_everything_else(self, text: str) -> None:
        assert address.parse(text) is None

    @given(st.ip_addresses(v=6))
    def test_keeps_other_addresses_of_ipv6(self, given: IPv6Address) -> None:
        assert address.parse(str(given)) == (given.ipv4_mapped or given)
