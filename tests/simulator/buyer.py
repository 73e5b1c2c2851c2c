"""A buyer at a simulated panel whose clock is moved by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from relaypanel.contract import OrderType
from relaypanel.simulator.catalogue import SERVICES, Offer
from relaypanel.simulator.panel import Panel

LINK: Final = "https://www.tiktok.com/@shop/video/7"

_LINKED = {"link": LINK}
_COUNTED = {"link": LINK, "quantity": "300"}

FIELDS_OF: Final[Mapping[OrderType, Mapping[str, str]]] = {
    OrderType.DEFAULT: _COUNTED,
    OrderType.PACKAGE: _LINKED,
    OrderType.SEO: _COUNTED | {"keywords": "mua hàng\nbán hàng"},
    OrderType.CUSTOM_COMMENTS: _LINKED | {"comments": "Đẹp quá 😍\r\n\r\nMua ở đâu?"},
    OrderType.CUSTOM_COMMENTS_PACKAGE: _LINKED | {"comments": "Tuyệt vời"},
    OrderType.MENTIONS: _COUNTED | {"usernames": "an\nbình"},
    OrderType.MENTIONS_WITH_HASHTAGS: _COUNTED | {"usernames": "an", "hashtags": "#tết"},
    OrderType.MENTIONS_CUSTOM_LIST: _LINKED | {"usernames": "an\nbình\nchi"},
    OrderType.MENTIONS_HASHTAG: _COUNTED | {"hashtag": "#tết"},
    OrderType.MENTIONS_USER_FOLLOWERS: _COUNTED | {"username": "an"},
    OrderType.MENTIONS_MEDIA_LIKERS: _COUNTED | {"media": "https://www.instagram.com/p/7"},
    OrderType.COMMENT_LIKES: _COUNTED | {"username": "an"},
    OrderType.COMMENT_REPLIES: _LINKED | {"username": "an", "comments": "Cảm ơn\nChào bạn"},
    OrderType.POLL: _COUNTED | {"answer_number": "2"},
    OrderType.INVITES_FROM_GROUPS: _COUNTED | {"groups": "https://t.me/one"},
    OrderType.SUBSCRIPTIONS: {"username": "an", "min": "10", "max": "20", "delay": "0"},
    OrderType.WEB_TRAFFIC: _COUNTED
    | {"country": "VN", "device": "1", "type_of_traffic": "1", "google_keyword": "hoa"},
}


class Buyer:
    def __init__(self, **panel: Any) -> None:
        self.seconds = 1000.0
        self.panel = Panel(clock=lambda: self.seconds, **panel)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds

    def ask(self, action: str, **fields: str) -> Any:
        return self.panel.answer({"key": "any", "action": action} | fields)

    def add(self, service: int, **fields: str) -> str:
        """Place an order, with fitting fields where none are given, and return its ID."""
        fitting = FIELDS_OF[offer(service).type]
        placed = self.ask("add", service=str(service), **{**fitting, **fields})
        return str(placed["order"])

    def status(self, order: str) -> Any:
        return self.ask("status", order=order)

    def word(self, order: str) -> Any:
        return self.status(order)["status"]

    def balance(self) -> Any:
        return self.ask("balance")["balance"]


def offer(service: int) -> Offer:
    return next(offer for offer in SERVICES if offer.id == service)
