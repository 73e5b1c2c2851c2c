"""Finds the refusal in a reply: panels say no in a dozen shapes."""

from __future__ import annotations

from typing import Final

from relaypanel.providers import dialect, faults
from relaypanel.providers.answers import Rejected
from relaypanel.providers.dialect import Json

# What PHP and its friends write where there is no error.
_NO_ERROR: Final = frozenset(("", "0", "false", "null", "none"))
# Only the status of an order stands beside these.
_PROGRESS_KEYS: Final = frozenset(("charge", "remains", "start_count"))
_WITHOUT_WORDS: Final = "an error without words"


def find(value: Json, *, status: int = 200) -> Rejected | None:
    """Return the refusal that a row is, whether told in a text, an object or one inside it.

    `status` is the reply's, for words that are not understood.
    """
    if isinstance(value, str):
        return faults.rejected(value, status=status) if are_words(value) else None
    if not isinstance(value, dict):
        return None
    error = said(value)
    if error is not None:
        words = _words(error)
        told = words if are_words(words) else _message(value)
        return faults.rejected(told or _WITHOUT_WORDS, status=status)
    for name in ("status", "cancel", "refill"):
        inner = value.get(name)
        if isinstance(inner, dict) and said(inner) is not None:
            return find(inner, status=status)
    if _is_envelope_of_failure(value):
        return faults.rejected(_message(value) or _WITHOUT_WORDS, status=status)
    return None


def said(row: dict[str, Json]) -> Json:
    """Return what a row says under "error", None where it only says that there is none."""
    for name in ("error", "errors"):
        value = row.get(name)
        if bool(value) if not isinstance(value, str) else value.strip().lower() not in _NO_ERROR:
            return value
    return None


def are_words(value: str) -> bool:
    """Return whether text says something, in any script: a code like "1" does not."""
    return any(map(str.isalpha, value))


def _is_envelope_of_failure(row: dict[str, Json]) -> bool:
    """Return whether a call failed: {"status": "error"} beside progress is an order's status."""
    if not _PROGRESS_KEYS.isdisjoint(row):
        return False
    failed = dialect.letters(row.get("status")) in ("error", "fail", "failed", "failure")
    return failed or row.get("success") in (False, "0", "false")


def _message(row: dict[str, Json]) -> str:
    return next((words for name in ("message", "msg") if (words := _words(row.get(name)))), "")


def _words(value: Json, *, depth: int = 3) -> str:
    """Return the first text in an error of any shape, a message before anything else."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else []
    if isinstance(value, dict):
        parts = [value.get("message"), value.get("error"), *value.values()]
    if depth == 0:
        return ""
    return next((words for part in parts if (words := _words(part, depth=depth - 1))), "")
