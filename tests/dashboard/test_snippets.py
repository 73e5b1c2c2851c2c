from __future__ import annotations

import ast
import shlex

from relaypanel.dashboard import snippets

URL = "https://panel.example/api/v2"
NASTY = 'it\'s "25 $HOME" \\ `ls` </b> 👍'


def text_in(slug: str, **fields: str) -> str:
    calls = {call.slug: call.text for call in snippets.of(url=URL, key="k3y", fields=fields)}
    return calls[slug]


class TestOf:
    def test_gives_the_call_in_each_language_with_key_and_fields(self) -> None:
        calls = snippets.of(url=URL, key="k3y", fields={"action": "balance"})

        assert [call.language for call in calls] == ["curl", "Python", "PHP", "Node"]
        assert all(URL in call.text for call in calls)
        assert all("k3y" in call.text and "balance" in call.text for call in calls)

    def test_quotes_for_the_shell(self) -> None:
        words = shlex.split(text_in("curl", link=NASTY).replace("\\\n", ""))

        assert words == [
            *("curl", URL),
            *("--data-urlencode", "key=k3y"),
            *("--data-urlencode", f"link={NASTY}"),
        ]

    def test_quotes_for_python(self) -> None:
        tree = ast.parse(text_in("python", link=NASTY))

        [fields] = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
        assert ast.literal_eval(fields) == {"key": "k3y", "link": NASTY}

    def test_quotes_for_php(self) -> None:
        assert r"'link' => 'it\'s \\'" in text_in("php", link="it's \\")

    def test_quotes_for_node(self) -> None:
        assert r'link: "say \"hi\"",' in text_in("node", link='say "hi"')
