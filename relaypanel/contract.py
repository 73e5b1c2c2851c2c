"""The words of API v2, which our door serves and our provider client speaks.

Sources: the seed specification (docs/api-v2.md, part A) for shapes and words, and the
wider market for the types the seed does not name.  A new order type is one line in
`TYPES`; a new field is one line in `FIELDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NotRequired, TypedDict

# The specification allows a hundred IDs in a call; clients split longer lists at this number.
IDS_MAX: Final = 100


class Action(StrEnum):
    SERVICES = "services"
    ADD = "add"
    STATUS = "status"
    CANCEL = "cancel"
    BALANCE = "balance"
    REFILL = "refill"
    REFILL_STATUS = "refill_status"


class OrderWord(StrEnum):
    """The order statuses of the wire.  Nothing else ever leaves on it."""

    PENDING = "Pending"
    PROCESSING = "Processing"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    PARTIAL = "Partial"
    CANCELED = "Canceled"


class RefillWord(StrEnum):
    PENDING = "Pending"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    REJECTED = "Rejected"


class SubscriptionWord(StrEnum):
    ACTIVE = "Active"
    PAUSED = "Paused"
    COMPLETED = "Completed"
    EXPIRED = "Expired"
    CANCELED = "Canceled"


class OrderType(StrEnum):
    DEFAULT = "Default"
    PACKAGE = "Package"
    SEO = "SEO"
    CUSTOM_COMMENTS = "Custom Comments"
    CUSTOM_COMMENTS_PACKAGE = "Custom Comments Package"
    MENTIONS = "Mentions"
    MENTIONS_WITH_HASHTAGS = "Mentions with Hashtags"
    MENTIONS_CUSTOM_LIST = "Mentions Custom List"
    MENTIONS_HASHTAG = "Mentions Hashtag"
    MENTIONS_USER_FOLLOWERS = "Mentions User Followers"
    MENTIONS_MEDIA_LIKERS = "Mentions Media Likers"
    COMMENT_LIKES = "Comment Likes"
    COMMENT_REPLIES = "Comment Replies"
    POLL = "Poll"
    INVITES_FROM_GROUPS = "Invites from Groups"
    SUBSCRIPTIONS = "Subscriptions"
    WEB_TRAFFIC = "Web Traffic"


class Kind(StrEnum):
    """How a field's text is read."""

    LINK = "link"  # where to deliver
    LINE = "line"  # one line of free text
    LINES = "lines"  # one item a line; blank lines are dropped
    NUMBER = "number"  # a whole number
    DATE = "date"  # d/m/Y


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A parameter of `add`.  `choices`, `least` and `most` bound a NUMBER."""

    kind: Kind
    least: int = 1
    most: int = 1_000_000_000
    choices: frozenset[int] = frozenset()


DELAYS_MINUTES: Final = frozenset(
    (
        0,
        5,
        10,
        15,
        20,
        30,
        40,
        50,
        60,
        90,
        120,
        150,
        180,
        210,
        240,
        270,
        300,
        360,
        420,
        480,
        540,
        600,
    )
)

FIELDS: Final[Mapping[str, Field]] = {
    "link": Field(kind=Kind.LINK),
    "quantity": Field(kind=Kind.NUMBER),
    "runs": Field(kind=Kind.NUMBER, most=1_000),
    # A year in minutes: a longer pause between two runs is a slip of the keyboard.
    "interval": Field(kind=Kind.NUMBER, most=525_600),
    "comments": Field(kind=Kind.LINES),
    "usernames": Field(kind=Kind.LINES),
    "hashtags": Field(kind=Kind.LINES),
    "keywords": Field(kind=Kind.LINES),
    "groups": Field(kind=Kind.LINES),
    "hashtag": Field(kind=Kind.LINE),
    "username": Field(kind=Kind.LINE),
    "media": Field(kind=Kind.LINE),
    "answer_number": Field(kind=Kind.NUMBER),
    "min": Field(kind=Kind.NUMBER),
    "max": Field(kind=Kind.NUMBER),
    "posts": Field(kind=Kind.NUMBER),
    "old_posts": Field(kind=Kind.NUMBER, least=0),
    "delay": Field(kind=Kind.NUMBER, least=0, choices=DELAYS_MINUTES),
    "expiry": Field(kind=Kind.DATE),
    "country": Field(kind=Kind.LINE),
    "device": Field(kind=Kind.NUMBER, choices=frozenset(range(1, 6))),
    "type_of_traffic": Field(kind=Kind.NUMBER, choices=frozenset(range(1, 4))),
    "google_keyword": Field(kind=Kind.LINE),
    "referring_url": Field(kind=Kind.LINK),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeSpec:
    """What an order of one type carries.

    `quantity` names where the number comes from: the field "quantity" itself, a LINES field whose
    items are counted, or None for types that are sold as one piece.  `rate_per` is how many
    pieces the rate buys; a service may override it.  `when` makes a field needed when a
    choice was made: {"type_of_traffic": {1: "google_keyword"}}.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()
    quantity: str | None = "quantity"
    rate_per: int = 1000
    drip_feed: bool = False
    when: Mapping[str, Mapping[int, str]] | None = None


_TRAFFIC = {"type_of_traffic": {1: "google_keyword", 2: "referring_url"}}

TYPES: Final[Mapping[OrderType, TypeSpec]] = {
    OrderType.DEFAULT: TypeSpec(needed=("link", "quantity"), drip_feed=True),
    OrderType.PACKAGE: TypeSpec(needed=("link",), quantity=None, rate_per=1),
    OrderType.SEO: TypeSpec(needed=("link", "quantity", "keywords")),
    OrderType.CUSTOM_COMMENTS: TypeSpec(needed=("link", "comments"), quantity="comments"),
    OrderType.CUSTOM_COMMENTS_PACKAGE: TypeSpec(
        needed=("link", "comments"), quantity=None, rate_per=1
    ),
    OrderType.MENTIONS: TypeSpec(needed=("link", "quantity", "usernames")),
    OrderType.MENTIONS_WITH_HASHTAGS: TypeSpec(
        needed=("link", "quantity", "usernames", "hashtags")
    ),
    OrderType.MENTIONS_CUSTOM_LIST: TypeSpec(needed=("link", "usernames"), quantity="usernames"),
    OrderType.MENTIONS_HASHTAG: TypeSpec(needed=("link", "quantity", "hashtag")),
    OrderType.MENTIONS_USER_FOLLOWERS: TypeSpec(needed=("link", "quantity", "username")),
    OrderType.MENTIONS_MEDIA_LIKERS: TypeSpec(needed=("link", "quantity", "media")),
    OrderType.COMMENT_LIKES: TypeSpec(needed=("link", "quantity", "username")),
    OrderType.COMMENT_REPLIES: TypeSpec(
        needed=("link", "username", "comments"), quantity="comments"
    ),
    OrderType.POLL: TypeSpec(needed=("link", "quantity", "answer_number")),
    OrderType.INVITES_FROM_GROUPS: TypeSpec(needed=("link", "quantity", "groups")),
    OrderType.SUBSCRIPTIONS: TypeSpec(
        needed=("username", "min", "max", "delay"),
        optional=("posts", "old_posts", "expiry"),
        quantity=None,
        rate_per=1,
    ),
    OrderType.WEB_TRAFFIC: TypeSpec(
        needed=("link", "quantity", "country", "device", "type_of_traffic"),
        optional=("google_keyword", "referring_url"),
        drip_feed=True,
        when=_TRAFFIC,
    ),
}


class ErrorReply(TypedDict):
    error: str


class ServiceRow(TypedDict):
    """One service of the `services` reply, in the specification's order of fields."""

    service: int
    name: str
    desc: str
    type: str
    category: str
    platform: str
    rate: str
    min: str
    max: str
    refill: bool
    cancel: bool
    dripfeed: bool


class AddReply(TypedDict):
    order: int


class StatusReply(TypedDict):
    """All text.  `runs` and `orders` come with a drip-feed."""

    charge: str
    start_count: str
    status: str
    remains: str
    currency: str
    runs: NotRequired[str]
    orders: NotRequired[list[str]]


class SubscriptionReply(TypedDict):
    status: str
    expiry: str | None
    posts: str
    orders: list[str]
    charge: str
    currency: str


class CancelRow(TypedDict):
    order: int | str
    cancel: int | ErrorReply


class RefillRow(TypedDict):
    order: int | str
    refill: int | ErrorReply


class RefillStatusRow(TypedDict):
    refill: int | str
    status: str | ErrorReply


class BalanceReply(TypedDict):
    balance: str
    currency: str
