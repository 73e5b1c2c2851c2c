from __future__ import annotations

import itertools
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relaypanel.accounts import networks, users
from relaypanel.accounts.address import Network, client_address
from relaypanel.accounts.models import User
from tests.accounts.test_address import leftmost
from tests.cast import NOW

NETWORKS: st.SearchStrategy[IPv4Network | IPv6Network] = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(1, 32)),
    st.tuples(st.ip_addresses(v=6, network="2000::/3"), st.integers(1, 128)),
).map(lambda pair: ip_network(f"{pair[0]}/{pair[1]}", strict=False))


class TestParse:
    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("", ()),
            ("\r\n  \n\t\n", ()),
            ("203.0.113.7", ("203.0.113.7",)),
            (" 203.0.113.7 \r\n\r\n10.0.0.0/8\n", ("203.0.113.7", "10.0.0.0/8")),
            ("2001:DB8:0::/32\n::1", ("2001:db8::/32", "::1")),
            # a network of one address is that address
            ("203.0.113.7/32\n2001:db8::7/128", ("203.0.113.7", "2001:db8::7")),
            # the network that was named by one of its addresses
            ("192.168.1.5/24", ("192.168.1.0/24",)),
            ("2001:db8::7/64", ("2001:db8::/64",)),
            # IPv4 in the dress of IPv6
            ("::ffff:1.2.3.4", ("1.2.3.4",)),
            ("::ffff:1.2.3.4/128", ("1.2.3.4",)),
            ("::ffff:1.2.3.4/120", ("1.2.3.0/24",)),
            # each once, in the order given
            ("10.0.0.2\n10.0.0.1\n10.0.0.2/32\n::ffff:10.0.0.1", ("10.0.0.2", "10.0.0.1")),
        ],
    )
    def test_gives_the_canonical_list(self, text: str, kept: tuple[str, ...]) -> None:
        assert networks.parse(text) == kept

    @pytest.mark.parametrize(
        "line",
        [
            "junk",
            "0177.0.0.1",
            "010.0.0.0/8",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "1.2.3.4/",
            "1.2.3.4/08",
            "1.2.3.4/٨",
            "1.2.3.4/255.255.255.0",
            "1.2.3.4 /24",
            "1.2.3.4/24/24",
            "/24",
            "1.2.3.4,5.6.7.8",
            "1.2.3.4\r5.6.7.8",
            "1.2.3.4\x00",
            "2001:db8::/129",
            "::ffff:1.2.3.4/64",
            "fe80::1%eth0",
            "1.2.3.4:80",
            "[::1]",
            "panel.example",
        ],
    )
    def test_refuses_what_is_no_network(self, line: str) -> None:
        with pytest.raises(
            networks.BadNetwork, match="neither an address nor a network"
        ) as refused:
            networks.parse(f"203.0.113.7\n{line}")

        assert refused.value.line == line

    @pytest.mark.parametrize("line", ["1.2.3.4/0", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"])
    def test_refuses_a_network_of_all_addresses(self, line: str) -> None:
        with pytest.raises(networks.EveryAddress, match="leave the list empty"):
            networks.parse(line)

    def test_shortens_a_long_line_in_its_words(self) -> None:
        with pytest.raises(networks.BadNetwork) as refused:
            networks.parse("x" * 1_000_000)

        assert len(str(refused.value)) < 250

    def test_takes_a_hundred(self) -> None:
        hundred = "\n".join(f"10.0.0.{number}" for number in range(100))

        assert len(networks.parse(f"{hundred}\n\n{hundred}\n")) == 100

    def test_refuses_more_than_a_hundred(self) -> None:
        with pytest.raises(networks.TooManyNetworks, match="at most 100"):
            networks.parse("\n".join(f"10.0.0.{number}" for number in range(101)))

    @given(st.lists(NETWORKS, max_size=20))
    def test_reads_its_own_list_as_the_same_list(self, given: list[Network]) -> None:
        kept = networks.parse("\n".join(str(network) for network in given))

        assert networks.parse("\n".join(kept)) == kept
        assert {ip_network(line) for line in kept} == set(given)

    @given(st.text(alphabet="0123456789abcf.:/% \r\n\x00"))
    def test_keeps_networks_alone_or_refuses(self, text: str) -> None:
        try:
            kept = networks.parse(text)
        except networks.BadNetwork:
            return

        assert networks.parse("\n".join(kept)) == kept
        assert all(ip_network(line).prefixlen > 0 for line in kept)


@pytest.mark.django_db
class TestSave:
    def test_keeps_the_canonical_list(self) -> None:
        user = users.create(username="alice", password=None, now=NOW)

        kept = networks.save(user, " 192.168.1.5/24\r\n::ffff:1.2.3.4\r\n")

        assert kept == ("192.168.1.0/24", "1.2.3.4")
        assert User.objects.get(pk=user.pk).api_networks == "192.168.1.0/24\n1.2.3.4"

    def test_keeps_the_old_list_when_it_refuses(self) -> None:
        user = users.create(username="alice", password=None, now=NOW)
        networks.save(user, "10.0.0.1")

        with pytest.raises(networks.BadNetwork):
            networks.save(user, "10.0.0.2\njunk")

        assert User.objects.get(pk=user.pk).api_networks == "10.0.0.1"

    def test_changes_nothing_else(self) -> None:
        user = users.create(username="alice", password=None, now=NOW)
        User.objects.filter(pk=user.pk).update(is_active=False)

        networks.save(user, "10.0.0.1")

        assert not User.objects.get(pk=user.pk).is_active


class TestAllows:
    @pytest.mark.parametrize("address", ["203.0.113.7", "::1", "junk", "", None])
    def test_lets_everybody_in_by_an_empty_list(self, address: str | None) -> None:
        assert networks.allows("", address)

    @pytest.mark.parametrize(
        "address",
        ["203.0.113.7", "10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "2001:db8:ffff::1"],
    )
    def test_lets_in_what_is_listed(self, address: str) -> None:
        assert networks.allows("203.0.113.7\n10.0.0.0/8\n2001:db8::/32", address)

    @pytest.mark.parametrize(
        "address",
        ["203.0.113.8", "11.0.0.0", "2001:db9::1", "::cb00:7107", "::ffff:203.0.113.8"],
    )
    def test_keeps_out_what_is_not(self, address: str) -> None:
        assert not networks.allows("203.0.113.7\n10.0.0.0/8\n2001:db8::/32", address)

    @pytest.mark.parametrize("address", [None, "", "junk", "203.0.113.7/32", "0203.0.113.7"])
    def test_keeps_an_unknown_address_out(self, address: str | None) -> None:
        assert not networks.allows("203.0.113.7\n1.0.0.0/1", address)

    @given(listed=st.lists(NETWORKS, min_size=1, max_size=20), data=st.data())
    def test_agrees_with_the_list_that_was_written(
        self, listed: list[Network], data: st.DataObject
    ) -> None:
        kept = "\n".join(networks.parse("\n".join(str(network) for network in listed)))
        inside = data.draw(st.ip_addresses(network=data.draw(st.sampled_from(listed))))
        anywhere = data.draw(st.ip_addresses(v=4))

        assert networks.allows(kept, str(inside))
        assert networks.allows(kept, str(anywhere)) == any(
            anywhere in network for network in listed
        )


OWN, STRANGER = "203.0.113.7", "198.51.100.66"
PROXIES = [ip_network("10.0.0.0/8")]

# What a caller may write into X-Forwarded-For before the first proxy adds to it.
FORGED = [
    "".join(parts)
    for parts in itertools.product(
        ["", OWN, f"{OWN}:80", f"[::ffff:{OWN}]:443", f"::ffff:{OWN}", "10.0.0.1", "unknown"],
        ["", ",", ", ", ",,", " \t", "\x00", f",{OWN}", ",10.0.0.2"],
    )
]

# Where we stand: the other end of the connection and what the proxies before us add.
TOPOLOGIES: list[Callable[[str, str], tuple[str, str]]] = [
    lambda caller, forged: (caller, forged),
    lambda caller, forged: ("10.0.0.1", f"{forged}, {caller}"),
    lambda caller, forged: ("10.0.0.1", f"{forged}, {caller}, 10.0.0.2"),
]


class TestAllowListBehindProxies:
    @pytest.mark.parametrize("topology", TOPOLOGIES)
    @pytest.mark.parametrize("forged", FORGED)
    def test_is_not_passed_by_a_forged_header(
        self, topology: Callable[[str, str], tuple[str, str]], forged: str
    ) -> None:
        remote, forwarded_for = topology(STRANGER, forged)

        assert not networks.allows(OWN, client_address(remote, forwarded_for, PROXIES))

    @pytest.mark.parametrize("topology", TOPOLOGIES)
    @pytest.mark.parametrize("forged", FORGED)
    def test_blocks_nobody_who_is_listed(
        self, topology: Callable[[str, str], tuple[str, str]], forged: str
    ) -> None:
        remote, forwarded_for = topology(OWN, forged)

        assert networks.allows(OWN, client_address(remote, forwarded_for, PROXIES))

    @pytest.mark.parametrize("forged", FORGED)
    def test_blocks_a_socket_without_addresses(self, forged: str) -> None:
        assert not networks.allows(OWN, client_address("", f"{forged}, {OWN}", PROXIES))

    def test_is_passed_by_a_stranger_where_the_leftmost_entry_is_believed(self) -> None:
        passed = [
            forged
            for forged in FORGED
            if networks.allows(OWN, leftmost(*TOPOLOGIES[1](STRANGER, forged), PROXIES))
        ]

        assert len(passed) > 10
