"""The owner's Markdown into HTML that harms nobody, whoever got hold of the owner's form."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import nh3
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

# HTML in the text is shown as the text that it is.
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
# No image: the content policy would not load it, and one from elsewhere would tell who reads.
_TAGS: Final = frozenset(
    ("a", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "s")
) | {"strong", "table", "tbody", "td", "th", "thead", "tr", "ul"}
_SCHEMES: Final = frozenset(("http", "https", "mailto", "tel"))


@lru_cache(maxsize=256)
def html(text: str) -> SafeString:
    """Return the text as HTML.  The page around it has the only first heading, so # is a second."""
    tokens = _MARKDOWN.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 4)}"
    drawn = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    cleaned = nh3.clean(
        drawn,
        tags=set(_TAGS),
        attributes={"a": {"href"}},
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer",
    )
    # Made of the tags above alone.
    return SafeString(cleaned)  # nosec B703
