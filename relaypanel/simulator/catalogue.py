"""The services this panel sells: every order type, and every switch both on and off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relaypanel import contract, money
from relaypanel.contract import TYPES, OrderType
from relaypanel.simulator import progress
from relaypanel.simulator.progress import Course


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    platform: str
    category: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A service for sale.  `rate` buys as many pieces as its order type says."""

    id: int
    shelf: Shelf
    name: str
    type: OrderType
    rate: str
    min: int = 1
    max: int = 1
    description: str = ""
    refill: bool = False
    cancel: bool = False
    dripfeed: bool = False
    # How its orders end by themselves, when not by being completed.
    course: Course | None = None
    refills_are_rejected: bool = False

    def __post_init__(self) -> None:
        # An order cannot be completed early enough for a refill and late enough for a cancel.
        assert not (self.refill and self.cancel)
        assert TYPES[self.type].drip_feed or not self.dripfeed
        assert not (self.type is OrderType.SUBSCRIPTIONS and (self.refill or self.cancel))


FACEBOOK = Shelf(platform="Dịch vụ Facebook", category="⭐ FB Like + cảm xúc Việt 🇻🇳 | ổn định")
FACEBOOK_TALK = Shelf(platform="Dịch vụ Facebook", category="FB Bình luận 💬 & nhóm")
TIKTOK = Shelf(platform="Dịch vụ TikTok", category="TikTok Tim ❤️ + Người theo dõi")
INSTAGRAM = Shelf(platform="Instagram 📸", category="IG Followers & Likes | thật 100%")
INSTAGRAM_MENTIONS = Shelf(platform="Instagram 📸", category="IG Mentions | nhắc tên @")
YOUTUBE = Shelf(platform="YouTube ▶️", category="YT Lượt xem & Đăng ký 🔔")
TELEGRAM = Shelf(platform="Telegram ✈️", category="TG Thành viên & Bình chọn 🗳️")
WEBSITE = Shelf(platform="Website & SEO 🔎", category="Traffic Việt Nam 🇻🇳 + quốc tế 🌍")
PROVING = Shelf(platform="Thử nghiệm 🧪", category="Orders that do not end well, on purpose")

SERVICES: Final = (
    Offer(
        id=101,
        shelf=FACEBOOK,
        name="Facebook cảm xúc Like 👍 Việt 🇻🇳 | 🕓 lập tức | ⚡ 2K / giờ | ⏏️ 10K | 🛡️",
        description="Like chất lượng cao: người Việt, người thật, tỉ lệ tụt thấp.",
        type=OrderType.DEFAULT,
        rate="15",
        min=10,
        max=10_000,
        refill=True,
    ),
    Offer(
        id=102,
        shelf=FACEBOOK,
        name="Facebook Theo dõi trang 🚩 | hủy được khi chưa chạy",
        type=OrderType.DEFAULT,
        rate="0.27819",
        min=100,
        max=100_000,
        cancel=True,
    ),
    Offer(
        id=103,
        shelf=FACEBOOK,
        name="Facebook Chia sẻ bài viết 🔁 | chia nhỏ theo giờ",
        type=OrderType.DEFAULT,
        rate="2.5",
        min=20,
        max=20_000,
        dripfeed=True,
    ),
    Offer(
        id=104,
        shelf=FACEBOOK_TALK,
        name="Facebook Tăng Bình Luận Việt 🇻🇳 + Tây hỗn hợp | 🕓 lập tức | 🛡️",
        description="Mỗi dòng là một bình luận.",
        type=OrderType.CUSTOM_COMMENTS,
        rate="57.5",
        min=1,
        max=1_500,
        cancel=True,
    ),
    Offer(
        id=105,
        shelf=FACEBOOK_TALK,
        name="Facebook Trả lời bình luận ↩️",
        type=OrderType.COMMENT_REPLIES,
        rate="60",
        min=1,
        max=500,
    ),
    Offer(
        id=106,
        shelf=FACEBOOK_TALK,
        name="Facebook Like cho bình luận của bạn 👍💬",
        type=OrderType.COMMENT_LIKES,
        rate="3.75",
        min=10,
        max=5_000,
        refill=True,
    ),
    Offer(
        id=107,
        shelf=FACEBOOK_TALK,
        name="Facebook Mời vào nhóm từ nhóm khác 👥",
        type=OrderType.INVITES_FROM_GROUPS,
        rate="8.2",
        min=50,
        max=10_000,
    ),
    Offer(
        id=201,
        shelf=TIKTOK,
        name="TikTok Tim ❤️ | siêu nhanh ⚡ | không tụt",
        type=OrderType.DEFAULT,
        rate="0.9",
        min=1,
        max=1_000_000,
    ),
    Offer(
        id=202,
        shelf=TIKTOK,
        name="TikTok Người theo dõi 🇻🇳 | chia nhỏ | hủy được",
        type=OrderType.DEFAULT,
        rate="4",
        min=50,
        max=50_000,
        cancel=True,
        dripfeed=True,
    ),
    Offer(
        id=203,
        shelf=TIKTOK,
        name="TikTok Lượt xem 👀 | chia nhỏ | bảo hành 30 ngày 🛡️",
        type=OrderType.DEFAULT,
        rate="0.00501",
        min=100,
        max=10_000_000,
        refill=True,
        dripfeed=True,
    ),
    Offer(
        id=301,
        shelf=INSTAGRAM,
        name="Instagram gói khởi đầu 🎁 | 1.000 theo dõi + 500 tim",
        type=OrderType.PACKAGE,
        rate="4",
        refill=True,
    ),
    Offer(
        id=302,
        shelf=INSTAGRAM,
        name="Instagram gói 10 bình luận theo ý bạn 💬",
        type=OrderType.CUSTOM_COMMENTS_PACKAGE,
        rate="1.35",
        cancel=True,
    ),
    Offer(
        id=303,
        shelf=INSTAGRAM,
        name="Instagram tự động tim cho bài mới ❤️🔁",
        description="Without a number of posts it ends after three.",
        type=OrderType.SUBSCRIPTIONS,
        rate="0.125",
        min=10,
        max=5_000,
    ),
    Offer(
        id=311,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions | danh sách của bạn + số lượng 📣",
        type=OrderType.MENTIONS,
        rate="5",
        min=10,
        max=10_000,
    ),
    Offer(
        id=312,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions kèm hashtag #️⃣",
        type=OrderType.MENTIONS_WITH_HASHTAGS,
        rate="5.55",
        min=10,
        max=10_000,
    ),
    Offer(
        id=313,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions đúng danh sách 📋 | mỗi dòng một tên",
        type=OrderType.MENTIONS_CUSTOM_LIST,
        rate="6",
        min=1,
        max=2_000,
        cancel=True,
    ),
    Offer(
        id=314,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions người dùng một hashtag 🏷️",
        type=OrderType.MENTIONS_HASHTAG,
        rate="4.4",
        min=10,
        max=10_000,
    ),
    Offer(
        id=315,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions người theo dõi của một trang 👤",
        type=OrderType.MENTIONS_USER_FOLLOWERS,
        rate="4.85",
        min=10,
        max=10_000,
    ),
    Offer(
        id=316,
        shelf=INSTAGRAM_MENTIONS,
        name="Instagram Mentions người đã tim một bài 💞",
        type=OrderType.MENTIONS_MEDIA_LIKERS,
        rate="4.95",
        min=10,
        max=10_000,
    ),
    Offer(
        id=401,
        shelf=YOUTUBE,
        name="YouTube Đăng ký kênh 🔔 | bảo hành 🛡️",
        type=OrderType.DEFAULT,
        rate="21.33333",
        min=10,
        max=2_000,
        refill=True,
    ),
    Offer(
        id=501,
        shelf=TELEGRAM,
        name="Telegram Bình chọn 🗳️ | chọn đáp án",
        type=OrderType.POLL,
        rate="1",
        min=10,
        max=20_000,
    ),
    Offer(
        id=601,
        shelf=WEBSITE,
        name="Website Traffic 🌍 | theo quốc gia & thiết bị",
        type=OrderType.WEB_TRAFFIC,
        rate="0.45",
        min=100,
        max=1_000_000,
        dripfeed=True,
    ),
    Offer(
        id=602,
        shelf=WEBSITE,
        name="SEO từ khóa Google 🔎 | lên top bền vững",
        type=OrderType.SEO,
        rate="12",
        min=10,
        max=5_000,
    ),
    Offer(
        id=901,
        shelf=PROVING,
        name="Giao thiếu một phần ba 🧪 | Partial",
        description="Every order ends Partial: a third of it, rounded down, stays undelivered.",
        type=OrderType.DEFAULT,
        rate="1.5",
        min=10,
        max=10_000,
        course=progress.STOPS_SHORT,
    ),
    Offer(
        id=902,
        shelf=PROVING,
        name="Tự hủy sau vài giây 🧪 | Canceled",
        description="Every order is Canceled after a few seconds, with nothing delivered.",
        type=OrderType.DEFAULT,
        rate="1.2",
        min=10,
        max=10_000,
        course=progress.CALLED_OFF,
    ),
    Offer(
        id=903,
        shelf=PROVING,
        name="Bảo hành luôn bị từ chối 🧪 | Rejected refill",
        description="Orders complete as usual, and every refill asked for them ends Rejected.",
        type=OrderType.DEFAULT,
        rate="1.1",
        min=10,
        max=10_000,
        refill=True,
        refills_are_rejected=True,
    ),
)


def course(offer: Offer) -> Course:
    """Return how the service's orders run, which follows from what may be asked of them."""
    if offer.course is not None:
        return offer.course
    if offer.refill:
        return progress.QUICK
    return progress.PATIENT if offer.cancel else progress.ORDINARY


def price(offer: Offer, quantity: int) -> int:
    """Return the price in e8 of `quantity` pieces."""
    rate_per = TYPES[offer.type].rate_per
    return money.price(rate_e8=money.parse(offer.rate), quantity=quantity, rate_per=rate_per)


def row(offer: Offer) -> contract.ServiceRow:
    return {
        "service": offer.id,
        "name": offer.name,
        "desc": offer.description,
        "type": offer.type.value,
        "category": offer.shelf.category,
        "platform": offer.shelf.platform,
        "rate": offer.rate,
        "min": str(offer.min),
        "max": str(offer.max),
        "refill": offer.refill,
        "cancel": offer.cancel,
        "dripfeed": offer.dripfeed,
    }
