"""A bad setting refuses to start, and the refusal names the variable."""

from __future__ import annotations

import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import environ
import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from relaypanel import checks, sqlite

LONG_KEY = "abcdefghijklmnopqrstuvwxyz0123456789-ABCDEFGHIJKLMN"


def env(**values: str) -> environ.Env:
    found = environ.Env()
    found.ENVIRON = values
    return found


def refusal(name: str) -> pytest.RaisesExc[ImproperlyConfigured]:
    return pytest.raises(ImproperlyConfigured, match=f"^{name}: ")


class TestBoolean:
    @pytest.mark.parametrize("text", ["true", "1", "Yes", " ON "])
    def test_reads_yes(self, text: str) -> None:
        assert checks.boolean(env(DEBUG=text), "DEBUG", default=False) is True

    @pytest.mark.parametrize("text", ["false", "0", "No", "off", ""])
    def test_reads_no(self, text: str) -> None:
        assert checks.boolean(env(DEBUG=text), "DEBUG", default=True) is False

    @pytest.mark.parametrize("default", [True, False])
    def test_has_a_default(self, default: bool) -> None:
        assert checks.boolean(env(), "DEBUG", default=default) is default

    def test_refuses_anything_else(self) -> None:
        with refusal("DEBUG"):
            checks.boolean(env(DEBUG="maybe"), "DEBUG", default=False)


class TestNumber:
    def test_has_a_default(self) -> None:
        assert checks.number(env(), "PORTS", default=2, least=1, most=9) == 2

    @pytest.mark.parametrize("text", ["1", "9", " 5 "])
    def test_takes_a_whole_number_within_its_bounds(self, text: str) -> None:
        found = checks.number(env(PORTS=text), "PORTS", default=2, least=1, most=9)

        assert found == int(text)

    @pytest.mark.parametrize("text", ["", "0", "10", "-1", "1.5", "two", "²", "１", "9" * 5000])
    def test_refuses_anything_else(self, text: str) -> None:
        with refusal("PORTS"):
            checks.number(env(PORTS=text), "PORTS", default=2, least=1, most=9)


class TestSecretKey:
    def test_takes_a_long_mixed_one(self) -> None:
        assert checks.secret_key(env(SECRET_KEY=LONG_KEY)) == LONG_KEY

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"SECRET_KEY": ""},
            {"SECRET_KEY": LONG_KEY[:49]},
            {"SECRET_KEY": "abc" * 20},
            {"SECRET_KEY": "django-insecure-" + LONG_KEY},
        ],
        ids=["unset", "empty", "short", "plain", "insecure"],
    )
    def test_refuses_a_weak_one(self, values: dict[str, str]) -> None:
        with refusal("SECRET_KEY"):
            checks.secret_key(env(**values))


class TestFieldKeys:
    def test_takes_several(self) -> None:
        keys = [Fernet.generate_key().decode() for _ in range(2)]

        assert checks.field_keys(env(FIELD_KEYS=" , ".join(keys))) == keys

    @pytest.mark.parametrize(
        "text", ["", ",", "short", "a" * 42, "ü" * 44, "c2hvcnQ="], ids=lambda text: text or "unset"
    )
    def test_refuses_what_fernet_could_not_use(self, text: str) -> None:
        with refusal("FIELD_KEYS"):
            checks.field_keys(env(FIELD_KEYS=text))


class TestHosts:
    def test_are_those_of_this_machine_by_default(self) -> None:
        assert checks.hosts(env(), debug=False) == ["localhost", "127.0.0.1", "[::1]"]

    def test_takes_names(self) -> None:
        hosts = checks.hosts(env(ALLOWED_HOSTS="panel.example, .shop.example"), debug=False)

        assert hosts == ["panel.example", ".shop.example"]

    def test_takes_a_star_while_debugging(self) -> None:
        assert checks.hosts(env(ALLOWED_HOSTS="*"), debug=True) == ["*"]

    def test_refuses_a_star_in_production(self) -> None:
        with refusal("ALLOWED_HOSTS"):
            checks.hosts(env(ALLOWED_HOSTS="panel.example,*"), debug=False)


class TestPublicUrl:
    @pytest.mark.parametrize(
        ("text", "url"),
        [
            ("", ""),
            ("https://panel.example/", "https://panel.example"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ],
    )
    def test_loses_its_last_slash(self, text: str, url: str) -> None:
        assert checks.public_url(env(PUBLIC_URL=text)) == url

    @pytest.mark.parametrize(
        "text", ["panel.example", "ftp://panel.example", "https://", "https://panel.example/shop"]
    )
    def test_refuses_what_is_no_root(self, text: str) -> None:
        with refusal("PUBLIC_URL"):
            checks.public_url(env(PUBLIC_URL=text))


class TestCurrency:
    def test_is_usd_by_default(self) -> None:
        assert checks.currency(env()) == "USD"

    def test_takes_a_code(self) -> None:
        assert checks.currency(env(CURRENCY="VND")) == "VND"

    @pytest.mark.parametrize("text", ["", "US", "USDT", "usd", "U$D", "ÜSD"])
    def test_refuses_anything_else(self, text: str) -> None:
        with refusal("CURRENCY"):
            checks.currency(env(CURRENCY=text))


class TestNetworks:
    def test_are_none_by_default(self) -> None:
        assert checks.networks(env(), "TRUSTED_PROXIES") == []

    def test_takes_addresses_and_networks(self) -> None:
        networks = checks.networks(env(TRUSTED_PROXIES="127.0.0.1, fd00::/8"), "TRUSTED_PROXIES")

        assert networks == [ip_network("127.0.0.1/32"), ip_network("fd00::/8")]

    @pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "300.0.0.1"])
    def test_refuses_anything_else(self, text: str) -> None:
        with refusal("TRUSTED_PROXIES"):
            checks.networks(env(TRUSTED_PROXIES=text), "TRUSTED_PROXIES")


class TestLogLevel:
    def test_is_info_by_default(self) -> None:
        assert checks.log_level(env()) == "INFO"

    def test_takes_a_level_in_any_case(self) -> None:
        assert checks.log_level(env(LOG_LEVEL="warning")) == "WARNING"

    def test_refuses_anything_else(self) -> None:
        with refusal("LOG_LEVEL"):
            checks.log_level(env(LOG_LEVEL="loud"))


class TestLogFormat:
    def test_is_lines_by_default(self) -> None:
        assert checks.log_format(env()) == "line"

    def test_may_be_json(self) -> None:
        assert checks.log_format(env(LOG_FORMAT="JSON")) == "json"

    def test_refuses_anything_else(self) -> None:
        with refusal("LOG_FORMAT"):
            checks.log_format(env(LOG_FORMAT="xml"))


class TestStateDir:
    def test_is_var_by_default(self, tmp_path: Path) -> None:
        assert checks.state_dir(env(), base_dir=tmp_path) == tmp_path / "var"

    def test_may_be_elsewhere(self, tmp_path: Path) -> None:
        assert checks.state_dir(env(STATE_DIR="/srv/panel"), base_dir=tmp_path) == Path(
            "/srv/panel"
        )

    def test_depends_on_no_current_folder(self, tmp_path: Path) -> None:
        with refusal("STATE_DIR"):
            checks.state_dir(env(STATE_DIR="state"), base_dir=tmp_path)


class TestDatabase:
    def test_is_sqlite_beside_the_program_by_default(self, tmp_path: Path) -> None:
        config = checks.database(env(), base_dir=tmp_path)

        assert config["ENGINE"] == "django.db.backends.sqlite3"
        assert config["NAME"] == str(tmp_path / "var" / "relaypanel.sqlite3")
        assert (tmp_path / "var").is_dir()

    def test_keeps_what_was_acknowledged_and_waits_for_its_turn(self, tmp_path: Path) -> None:
        options = checks.database(env(), base_dir=tmp_path)["OPTIONS"]

        assert options["transaction_mode"] == "IMMEDIATE"
        assert (options["factory"], options["timeout"]) == (sqlite.Connection, 20)
        assert "journal_mode=WAL" in options["init_command"]
        assert "synchronous=FULL" in options["init_command"]

    def test_makes_no_folder_for_memory(self, tmp_path: Path) -> None:
        config = checks.database(env(DATABASE_URL="sqlite://:memory:"), base_dir=tmp_path)

        assert config["NAME"] == ":memory:"

    def test_refuses_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with refusal("DATABASE_URL"):
            checks.database(
                env(DATABASE_URL=f"sqlite:///{tmp_path}/file/panel.sqlite3"), base_dir=tmp_path
            )

    def test_takes_postgresql(self, tmp_path: Path) -> None:
        url = "postgresql://panel:secret@db.example:5433/shop?sslmode=require"

        config = checks.database(env(DATABASE_URL=url), base_dir=tmp_path)

        assert config["ENGINE"] == "django.db.backends.postgresql"
        assert (config["HOST"], config["PORT"], config["NAME"]) == ("db.example", 5433, "shop")
        assert config["OPTIONS"] == {"sslmode": "require", "connect_timeout": 5}

    @pytest.mark.parametrize(
        "url", ["mysql://panel@db.example/shop", "shop", "", "postgresql://db.example:port/shop"]
    )
    def test_refuses_anything_else(self, url: str, tmp_path: Path) -> None:
        with refusal("DATABASE_URL"):
            checks.database(env(DATABASE_URL=url), base_dir=tmp_path)

    def test_never_repeats_the_password(self, tmp_path: Path) -> None:
        url = "postgresql://panel:hunter2@db.example:port/shop"

        with refusal("DATABASE_URL") as caught:
            checks.database(env(DATABASE_URL=url), base_dir=tmp_path)

        assert "hunter2" not in str(caught.value)
        assert caught.value.__suppress_context__


class TestSettings:
    def test_start_with_what_they_are_given(self) -> None:
        assert self.start().returncode == 0

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SECRET_KEY", ""),
            ("FIELD_KEYS", ""),
            ("DEBUG", "maybe"),
            ("ALLOWED_HOSTS", "*"),
            ("PUBLIC_URL", "panel.example"),
            ("CURRENCY", "dollars"),
            ("TRUSTED_PROXIES", "proxy.example"),
            ("PRIVATE_PROVIDERS", "everyone"),
            ("API_GET", "sometimes"),
            ("DATABASE_URL", "mysql://panel@db.example/shop"),
            ("LOG_LEVEL", "loud"),
            ("LOG_FORMAT", "xml"),
            ("STATE_DIR", "state"),
            ("LEASE_MS", "0"),
        ],
    )
    def test_refuse_and_name_the_variable(self, name: str, value: str) -> None:
        done = self.start(**{name: value})

        assert done.returncode != 0
        assert f"ImproperlyConfigured: {name}: " in done.stderr

    def start(self, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "import relaypanel.settings"],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )


class TestRedisUrl:
    @pytest.mark.parametrize("url", ["", "redis://127.0.0.1:6379/0", "unix:///run/redis.sock"])
    def test_takes_an_address_of_redis(self, url: str) -> None:
        assert checks.redis_url(env(REDIS_URL=url)) == url

    def test_refuses_another(self) -> None:
        with refusal("REDIS_URL"):
            checks.redis_url(env(REDIS_URL="http://127.0.0.1"))


class TestCache:
    def test_is_shared_by_all_processes(self) -> None:
        assert checks.cache("")["BACKEND"].endswith("DatabaseCache")
        assert checks.cache("redis://127.0.0.1")["BACKEND"].endswith("RedisCache")


class TestNetworksOfEverybody:
    @pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "10.0.0.0/8,0.0.0.0/0"])
    def test_are_refused(self, text: str) -> None:
        with refusal("TRUSTED_PROXIES"):
            checks.networks(env(TRUSTED_PROXIES=text), "TRUSTED_PROXIES")
