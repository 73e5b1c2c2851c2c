"""The words and shapes of our replies, and the one table that turns a refusal into words.

Clients in the field compare these words letter by letter: docs/api-v2.md lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from relaypanel.contract import ErrorReply
from relaypanel.errors import Refused

# `refused` is the refusal, and its attributes are what the words speak of.
WORDS: Final[Mapping[str, str]] = {
    "bad_key": "Invalid API key",
    "incorrect_action": "Incorrect action",
    # -- add --
    "incorrect_service": "Incorrect service ID",
    "bad_link": "Bad link",
    "quantity_too_small": "Quantity less than minimal {refused.minimum}",
    "quantity_too_large": "Quantity more than maximum {refused.maximum}",
    "incorrect_field": "Incorrect {refused.field}",
    "drip_feed_disabled": "Drip-feed is disabled for this service",
    "not_enough_funds": "Not enough funds on balance",
    "link_busy": ("You have active order with this link. Please wait until order being completed."),
    "client_ref_reused": "This client_ref was used for another order",
    # -- orders that were placed --
    "order_not_found": "Incorrect order ID",
    "too_many_ids": "Too many IDs: at most {refused.ids_max}",
    "cancel_disabled": "Cancel is disabled for this service",
    "cancel_too_late": "The order can no longer be canceled",
    "refill_disabled": "Refill is disabled for this service",
    "refill_running": "The refill task is not completed for this order",
    "refill_too_soon": ("The order was completed or refill was requested less than 24 hours ago"),
    "refill_days_over": "Refill days are over",
    "order_not_completed": "The order is not completed",
    "refill_not_found": "Refill not found",
    "too_many_calls": "Too many requests",
    # -- calls that cannot be read --
    "not_post": "Use the POST method",
    "body_compressed": "Send the body without compression",
    "body_too_large": "The body is too large: at most {refused.bytes_max} bytes",
    "body_incomplete": "The body is shorter than its Content-Length says",
    "unknown_content_type": (
        "Send the parameters as application/x-www-form-urlencoded, "
        "multipart/form-data or application/json"
    ),
    "unreadable_form": "The form could not be read",
    "unreadable_json": "The body is not a JSON object",
    "too_many_fields": "Too many parameters: at most {refused.fields_max}",
    "repeated_parameter": "Repeated parameter: {refused.name}",
}

# Our own faults; nothing of what happened inside leaves on the wire.
UNAVAILABLE: Final = ErrorReply(error="The panel is not available now. Please try again later.")
FAILED: Final = ErrorReply(error="Something went wrong on our side. Please try again later.")

NOTHING_HERE: Final = ErrorReply(error="There is nothing here. The API is at /api/v2")


def encode(reply: object) -> bytes:
    """Return `reply` as JSON in UTF-8, nothing escaped that need not be."""
    return msgspec.json.encode(reply)


def error(refused: Refused) -> ErrorReply:
    return ErrorReply(error=WORDS[refused.code].format(refused=refused))
