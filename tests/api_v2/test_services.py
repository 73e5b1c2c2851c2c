from __future__ import annotations

import pytest

from relaypanel.catalogue.models import Category, Platform, Service, Visibility
from relaypanel.contract import OrderType
from relaypanel.money import parse
from tests import cast
from tests.api_v2.client import call

pytestmark = pytest.mark.django_db

# The specification's own example, in its own order of fields.
SEED = (
    '[{"service":1,'
    '"name":"Facebook cảm xúc Like 👍 Việt 🇻🇳 | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 10K | 🛡️",'
    '"desc":"Like chất lượng cao: người việt, người thật - click bằng tay, tốc độ trung bình,'
    ' tỉ lệ tụt thấp.",'
    '"type":"Default",'
    '"category":"⭐ FB Like + cảm xúc Việt 🇻🇳 | ổn định | S1",'
    '"platform":"Dịch vụ Facebook",'
    '"rate":"15000","min":"200","max":"10000",'
    '"refill":true,"cancel":false,"dripfeed":false},'
    '{"service":2,'
    '"name":"Facebook Tăng Bình Luận Việt 🇻🇳 + Tây hỗn hợp'
    ' | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 100K | 🛡️",'
    '"desc":"",'
    '"type":"Custom Comments",'
    '"category":"FB Bình luận",'
    '"platform":"Dịch vụ Facebook",'
    '"rate":"57500","min":"10","max":"1500",'
    '"refill":false,"cancel":true,"dripfeed":true}]'
)


class TestServices:
    def test_replies_as_the_specification_says(self) -> None:
        key = cast.alice().api_key
        _seed_catalogue()

        assert call(key=key, action="services") == SEED.encode()

    def test_replies_an_empty_list_when_nothing_is_for_sale(self) -> None:
        key = cast.alice().api_key
        cast.service(visibility=Visibility.DISABLED)

        assert call(key=key, action="services") == b"[]"


def _seed_catalogue() -> None:
    platform = Platform.objects.create(name="Dịch vụ Facebook")
    likes = Category.objects.create(
        platform=platform, name="⭐ FB Like + cảm xúc Việt 🇻🇳 | ổn định | S1", position=1
    )
    comments = Category.objects.create(platform=platform, name="FB Bình luận", position=2)
    Service.objects.create(
        id=1,
        category=likes,
        name="Facebook cảm xúc Like 👍 Việt 🇻🇳 | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 10K | 🛡️",
        description=(
            "Like chất lượng cao: người việt, người thật - click bằng tay, tốc độ trung bình,"
            " tỉ lệ tụt thấp."
        ),
        type=OrderType.DEFAULT,
        rate_e8=parse("15000"),
        min=200,
        max=10_000,
        refill_days=30,
    )
    Service.objects.create(
        id=2,
        category=comments,
        name=(
            "Facebook Tăng Bình Luận Việt 🇻🇳 + Tây hỗn hợp | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 100K | 🛡️"
        ),
        type=OrderType.CUSTOM_COMMENTS,
        rate_e8=parse("57500"),
        min=10,
        max=1500,
        cancel=True,
        dripfeed=True,
    )
