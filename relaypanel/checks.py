"""Reads each setting and refuses, naming the variable, what could not be run safely."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import logging
import re
from email.utils import formataddr
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

from relaypanel import sqlite

type_network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


def boolean(env: environ.Env, name: str, *, default: bool) -> bool:
    text = env.str(name, default=str(default)).strip().lower()
    if text not in _TRUE | _FALSE:
        raise _bad(name, "say true or false")
    return text in _TRUE


def number(env: environ.Env, name: str, *, default: int, least: int, most: int) -> int:
    text = env.str(name, default=str(default)).strip()
    if not (re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= most):
        raise _bad(name, f"write a whole number from {least} to {most}")
    return int(text)


def secret_key(env: environ.Env) -> str:
    key: str = env.str("SECRET_KEY", default="")
    if not key:
        raise _bad("SECRET_KEY", "it is not set; `relaypanel init` writes one into .env")
    if len(key) < 50 or len(set(key)) < 10 or key.startswith("django-insecure-"):
        raise _bad(
            "SECRET_KEY", "it is too short or too plain; `relaypanel init` writes a good one"
        )
    return key


def field_keys(env: environ.Env) -> list[str]:
    """Return the Fernet keys for secrets at rest: the first encrypts, all decrypt."""
    keys = _list(env, "FIELD_KEYS")
    if not keys:
        raise _bad("FIELD_KEYS", "it is not set; `relaypanel init` writes one into .env")
    for key in keys:
        try:
            size = len(base64.urlsafe_b64decode(key.encode()))
        except (ValueError, binascii.Error):
            size = 0
        if size != 32:
            raise _bad("FIELD_KEYS", "each key is 32 bytes in URL-safe base64, comma separated")
    return keys


def hosts(env: environ.Env, *, debug: bool) -> list[str]:
    names = _list(env, "ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
    if "*" in names and not debug:
        raise _bad("ALLOWED_HOSTS", "name the hosts you serve instead of *")
    return names


def public_url(env: environ.Env) -> str:
    """Return the panel's address as its users see it, without a slash at the end, or ""."""
    url: str = env.str("PUBLIC_URL", default="").rstrip("/")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path):
        raise _bad("PUBLIC_URL", "write it like https://panel.example")
    return url


def currency(env: environ.Env) -> str:
    code: str = env.str("CURRENCY", default="USD")
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise _bad("CURRENCY", "write the three capital letters of its code, like USD or VND")
    return code


def panel_name(env: environ.Env) -> str:
    name: str = env.str("PANEL_NAME", default="Relaypanel").strip()
    if not (1 <= len(name) <= 40 and name.isprintable()):
        raise _bad("PANEL_NAME", "write a name of at most 40 characters, on one line")
    return name


def email(env: environ.Env) -> dict[str, Any]:
    """Return Django's settings of outgoing mail: to the log, unless EMAIL_URL says by whom.

    `smtp+tls://user:password@host:587`, `smtp+ssl://…:465` or `smtp://localhost:25`.
    """
    url: str = env.str("EMAIL_URL", default="")
    if url and not url.startswith(("smtp://", "smtps://", "smtp+tls://", "smtp+ssl://")):
        raise _bad("EMAIL_URL", "write smtp+tls://user:password@host:587")
    try:
        config = env.email_url_config(url or "consolemail://")
        _ = urlsplit(url).port
    except (ValueError, ImproperlyConfigured):
        raise _bad("EMAIL_URL", "write smtp+tls://user:password@host:587") from None
    # A server that does not answer must not hold a request for ever.
    return {
        name: value for name, value in config.items() if name.isupper() and value is not None
    } | {"EMAIL_TIMEOUT": 10}


def email_from(env: environ.Env, *, panel_name: str) -> str:
    """Return the sender of our letters: an address, with the panel's name beside it."""
    address: str = env.str("EMAIL_FROM", default="")
    if not address:
        if env.str("EMAIL_URL", default=""):
            raise _bad("EMAIL_FROM", "write the address that letters come from")
        return "panel@localhost"
    try:
        validate_email(address)
    except ValidationError:
        raise _bad("EMAIL_FROM", "write an address like panel@example.com") from None
    return formataddr((panel_name, address))


def networks(env: environ.Env, name: str) -> list[type_network]:
    try:
        found = [ipaddress.ip_network(text) for text in _list(env, name)]
    except ValueError as error:
        raise _bad(name, f"write addresses or networks, comma separated: {error}") from None
    if any(network.prefixlen == 0 for network in found):
        # Everybody would be believed, or everything be dialled.
        raise _bad(name, "name the networks that are yours; this one holds every address")
    return found


def log_level(env: environ.Env) -> str:
    level: str = env.str("LOG_LEVEL", default="INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise _bad("LOG_LEVEL", "say DEBUG, INFO, WARNING or ERROR")
    return level


def log_format(env: environ.Env) -> str:
    name: str = env.str("LOG_FORMAT", default="line").lower()
    if name not in ("line", "json"):
        raise _bad("LOG_FORMAT", "say line or json")
    return name


def state_dir(env: environ.Env, *, base_dir: Path) -> Path:
    """Return the folder for what a worker remembers apart from the database."""
    folder = Path(env.str("STATE_DIR", default=str(base_dir / "var")))
    if not folder.is_absolute():
        raise _bad("STATE_DIR", "write the whole path of a folder, from /")
    return folder


def database(env: environ.Env, *, base_dir: Path) -> dict[str, Any]:
    """Return Django's settings of the one database: SQLite by default, or PostgreSQL."""
    default = f"sqlite:///{base_dir / 'var' / 'relaypanel.sqlite3'}"
    url: str = env.str("DATABASE_URL", default=default)
    # The parser warns of any other with the password in its words, so it never sees one.
    if not url.startswith(("sqlite://", "postgres://", "postgresql://")):
        raise _bad("DATABASE_URL", "only sqlite and postgresql are supported")
    try:
        config: dict[str, Any] = dict(env.db_url_config(url))
    except (ValueError, ImproperlyConfigured):
        raise _bad("DATABASE_URL", "write sqlite:////path or postgresql://user@host/name") from None
    return config | (_sqlite(config) if url.startswith("sqlite") else _postgresql(config))


def redis_url(env: environ.Env) -> str:
    """Return the address of the Redis that all processes share, or "": there is none."""
    url: str = env.str("REDIS_URL", default="")
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise _bad("REDIS_URL", "write redis://:password@host:6379/0")
    return url


def cache(redis_url: str) -> dict[str, Any]:
    """Return Django's settings of the one cache: in Redis, or in the database."""
    if redis_url:
        return {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url,
            "KEY_PREFIX": "relaypanel",
        }
    return {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "shared_cache",
        # Past it the oldest go, counts of somebody's guesses among them.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }


def _sqlite(config: dict[str, Any]) -> dict[str, Any]:
    path = Path(config["NAME"])
    if config["NAME"] != ":memory:":
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _bad("DATABASE_URL", f"cannot make {path.parent}: {error.strerror}") from None
    return {
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A deferred transaction that later writes fails at once with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "factory": sqlite.Connection,
            "timeout": 20,
            # FULL: an acknowledged order survives the machine losing power.
            # recursive_triggers: INSERT OR REPLACE meets the triggers that guard the ledger.
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA recursive_triggers=ON;"
            ),
        },
    }


def _postgresql(config: dict[str, Any]) -> dict[str, Any]:
    return {"CONN_MAX_AGE": None, "OPTIONS": {"connect_timeout": 5} | config.get("OPTIONS", {})}


def _list(env: environ.Env, name: str) -> list[str]:
    return [item.strip() for item in env.str(name, default="").split(",") if item.strip()]


def _bad(name: str, advice: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}: {advice}.")
