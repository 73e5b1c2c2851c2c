"""The forms and links of a page, as a browser would send them, and what is wrong in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

# Numbers, dates, texts and addresses that some program somewhere reads wrongly.
WRONG = (
    *("9" * 5_000, "9" * 19, "-1", "0", "²", "١٢", "1e999", "NaN", "1.000000001", " "),
    *("\0", "\ud800", "a" * 70_000, "\u202e\ufffe", "'\"><%s{0}\\", "a\r\nSet-Cookie: b=c"),
    *("0001-01-01", "9999-12-31", "0001-01", "9999-12", "0001-01-01T00:00", "9999-12-31T23:59"),
    *("2026-02-30", "http://[::1", "http://a..b/", "//a", "@", "a@b@c", "../../etc"),
    *("[]", '{"a": 1}', "null", "[" * 70_000, "=1", "%00", "<svg/onload=x>"),
)

Attributes = list[tuple[str, str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What one button of a form sends, or a link whose address has a query."""

    method: str
    path: str
    fields: Mapping[str, str]


@dataclass(kw_only=True, slots=True)
class _Form:
    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def outcomes(self) -> list[dict[str, str]]:
        """Return what is sent, by each of its buttons that say something."""
        return [self.fields | {name: value} for name, value in self.buttons] or [self.fields]


class _Reader(HTMLParser):
    """Takes every box as ticked and of a choice the first, unless another is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[_Form] = []
        self.links: list[str] = []
        self._by_id: dict[str, _Form] = {}
        # Those that name their form by its ID may stand before it.
        self._elsewhere: list[tuple[str, str, dict[str, str]]] = []
        self._open: _Form | None = None
        self._select: dict[str, str] | None = None
        self._text: dict[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._begin(given)
        elif tag == "a" and "?" in given.get("href", ""):
            self.links.append(given["href"])
        elif tag == "option" and self._select is not None:
            if "value" not in self._select or "selected" in given:
                self._select["value"] = given.get("value", "")
        elif tag in ("input", "button", "select", "textarea") and given.get("name"):
            self._control(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select" and self._select is not None:
            self._keep("select", self._select)
            self._select = None
        elif tag == "textarea" and self._text is not None:
            self._keep("textarea", self._text)
            self._text = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text["value"] += data

    def close(self) -> None:
        super().close()
        for owner, tag, given in self._elsewhere:
            if owner in self._by_id:
                _add(self._by_id[owner], tag, given)

    def _begin(self, given: dict[str, str]) -> None:
        method = given.get("method", "get").lower()
        self._open = _Form(method=method, action=given.get("action", ""))
        self.forms.append(self._open)
        self._by_id[given.get("id", "")] = self._open

    def _control(self, tag: str, given: dict[str, str]) -> None:
        if tag == "select":
            self._select = {key: given[key] for key in ("name", "form") if key in given}
        elif tag == "textarea":
            self._text = given | {"value": ""}
        else:
            self._keep(tag, given)

    def _keep(self, tag: str, given: dict[str, str]) -> None:
        if "form" in given:
            self._elsewhere.append((given["form"], tag, given))
        elif self._open is not None:
            _add(self._open, tag, given)


def _add(form: _Form, tag: str, given: Mapping[str, str]) -> None:
    name, value, kind = given["name"], given.get("value", ""), given.get("type", "")
    if name == "csrfmiddlewaretoken":
        return
    if tag == "button" or kind == "submit":
        form.buttons.append((name, value))
    elif kind in ("checkbox", "radio"):
        if name not in form.fields or "checked" in given:
            form.fields[name] = value or "on"
    elif kind != "file":
        form.fields[name] = value


def sent(page: str, *, at: str) -> Iterator[Sent]:
    """Yield what the buttons and links of the page at this path send, to paths of ours."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    for form in reader.forms:
        address = urlsplit(urljoin(at, form.action))
        if not address.netloc and form.method in ("get", "post"):
            path = address._replace(fragment="").geturl()
            for fields in form.outcomes():
                yield Sent(method=form.method, path=path, fields=fields)
    for link in reader.links:
        address = urlsplit(urljoin(at, link))
        if not address.netloc and address.scheme in ("", "http"):
            yield Sent(method="get", path=address.path, fields=dict(parse_qsl(address.query)))


def encoded(fields: Mapping[str, str]) -> str:
    """Return the fields as the body of a form, letters that are none too."""
    return urlencode(fields, errors="surrogatepass")
