"""Two of the three roads a failure takes; the third, a bug, is an AssertionError.

A refusal is an answer: it goes to the caller, who did something we cannot accept.  A
provider failure belongs to the worker, which retries, parks or stops.
"""

from __future__ import annotations

from typing import ClassVar


class Refused(Exception):
    """The caller's request cannot be done; nothing was written.

    A subclass stands beside the function that raises it, sets a stable `code` and keeps
    its data as attributes.  Doors turn the code into their own words.
    """

    code: ClassVar[str]


class ProviderError(Exception):
    """A provider did not do what was asked.  The text is for staff and logs only.

    It never holds the provider's key, and never reaches a customer.
    """
