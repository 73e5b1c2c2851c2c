"""Where gateways tell of payments: the answer says whether to tell it again."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from relaypanel import clock, errors
from relaypanel.payments import incoming

BODY_BYTES_MAX: Final = 64 * 1024
# Nothing here is for a person, and nothing here tells a forger what exists.
_STATUSES: Final = {
    "no_such_gateway": 404,
    "forged": 401,
    "malformed": 400,
    "does_not_match": 422,
}
_CONFLICT: Final = 409


@csrf_exempt
@require_POST
def receive(request: HttpRequest, method_id: int) -> JsonResponse:
    if _length(request) > BODY_BYTES_MAX:
        return _refused("too_large", 413)
    try:
        outcome = incoming.receive(
            method_id=method_id,
            headers=dict(request.headers),
            body=request.body,
            now=clock.now(),
        )
    except errors.Refused as refused:
        return _refused(refused.code, _STATUSES.get(refused.code, _CONFLICT))
    return JsonResponse({"status": outcome.value})


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() and len(text) < 10 else BODY_BYTES_MAX + 1


def _refused(code: str, status: int) -> JsonResponse:
    return JsonResponse({"error": code}, status=status)
