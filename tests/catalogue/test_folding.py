from __future__ import annotations

import pytest

from relaypanel.catalogue import staff
from relaypanel.catalogue.folding import fold, with_folded
from relaypanel.catalogue.models import Category, Service
from tests import cast
from tests.cast import NOW


class TestFold:
    @pytest.mark.parametrize(
        ("text", "folded"),
        [
            ("Facebook Cảm xúc Like 👍 Việt 🇻🇳", "facebook cam xuc like 👍 viet 🇻🇳"),
            ("ĐƯỜNG đường", "duong duong"),
            ("𝗟𝗶𝗸𝗲 ⓛⓘⓚⓔ Ｌｉｋｅ", "like like like"),
            ("  two\n spaces ", "two spaces"),
            ("Straße İstanbul łódź", "strasse istanbul lodz"),
            ("", ""),
        ],
    )
    def test_is_what_people_type_in_a_hurry(self, text: str, folded: str) -> None:
        assert fold(text) == folded
        assert fold(folded) == folded


@pytest.mark.django_db
class TestFolded:
    def test_follows_whatever_is_saved(self) -> None:
        service = cast.service(name="Tăng theo dõi")

        assert Service.objects.get().name_folded == "tang theo doi"
        assert Category.objects.get().name_folded == "fb like 👍"

        service.name = "Mắt xem"
        service.save()

        assert Service.objects.get().name_folded == "mat xem"

    def test_follows_the_hand_of_staff(self) -> None:
        service = cast.service(name="Tăng theo dõi")

        staff.change(service_id=service.pk, now=NOW, name="Lượt thích")

        assert Service.objects.get().name_folded == "luot thich"

    def test_follows_a_change_of_many_at_once(self) -> None:
        service = cast.service(name="Tăng theo dõi")
        service.name = "Bình luận"

        Service.objects.bulk_create(
            [service],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=with_folded({"name", "min"}),
        )

        assert Service.objects.get().name_folded == "binh luan"


class TestWithFolded:
    def test_adds_the_column_to_a_name_alone(self) -> None:
        assert with_folded(["name", "min"]) == ["min", "name", "name_folded"]
        assert with_folded(["min"]) == ["min"]
