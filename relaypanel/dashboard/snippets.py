"""A call of the API in the languages that resellers write, ready to paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Snippet:
    """`language` is its name for people, `slug` for addresses."""

    slug: str
    language: str
    text: str


def of(*, url: str, key: str, fields: Mapping[str, str]) -> list[Snippet]:
    """Return the call with these fields in each language."""
    call = {"key": key} | dict(fields)
    return [
        Snippet(slug="curl", language="curl", text=_curl(url, call)),
        Snippet(slug="python", language="Python", text=_python(url, call)),
        Snippet(slug="php", language="PHP", text=_php(url, call)),
        Snippet(slug="node", language="Node", text=_node(url, call)),
    ]


def _curl(url: str, call: Mapping[str, str]) -> str:
    parts = [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in call.items()]
    return " \\\n  ".join([f"curl {shlex.quote(url)}", *parts])


def _python(url: str, call: Mapping[str, str]) -> str:
    fields = "".join(f"    {_quoted(name)}: {_quoted(value)},\n" for name, value in call.items())
    return f"""import json
from urllib.parse import urlencode
from urllib.request import urlopen

fields = {{
{fields}}}
with urlopen({_quoted(url)}, urlencode(fields).encode(), timeout=30) as reply:
    print(json.load(reply))"""


def _php(url: str, call: Mapping[str, str]) -> str:
    fields = "".join(
        f"        {_single(name)} => {_single(value)},\n" for name, value in call.items()
    )
    return f"""<?php
$curl = curl_init({_single(url)});
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 30,
    CURLOPT_POSTFIELDS => http_build_query([
{fields}    ]),
]);
print_r(json_decode(curl_exec($curl), true));"""


def _node(url: str, call: Mapping[str, str]) -> str:
    fields = "".join(f"  {name}: {_quoted(value)},\n" for name, value in call.items())
    return f"""const body = new URLSearchParams({{
{fields}}});
const reply = await fetch({_quoted(url)}, {{ method: "POST", body }});
console.log(await reply.json());"""


def _quoted(text: str) -> str:
    # The escapes of JSON mean the same in Python and in JavaScript, but for those of an emoji: two
    # halves, which Python does not put together.
    return json.dumps(text, ensure_ascii=False)


def _single(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
