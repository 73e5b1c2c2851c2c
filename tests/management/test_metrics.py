from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from tests.orders import scene


class TestMetrics:
    @pytest.mark.django_db
    def test_prints_what_prometheus_reads(self) -> None:
        scene.order()
        output = StringIO()

        call_command("metrics", stdout=output)

        lines = output.getvalue().splitlines()
        assert "relaypanel_database_up 1.0" in lines
        assert lines[0].startswith("# HELP relaypanel_database_up ")
