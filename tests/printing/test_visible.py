"""Names from outside reach no terminal raw."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from bayes_scaling.cli.failures import note
from bayes_scaling.cli.running.output import print_json
from bayes_scaling.printing.table import Column, print_line, print_table
from bayes_scaling.printing.visible import visible, visible_json
from bayes_scaling.report.markdown import harmless

TITLE = "\x1b]0;owned\x07"
NAMES = (TITLE, "\x1b[2J", "\x9b31m", "a\rb", "\u202egnp", "\x00", "\x7f")


@pytest.mark.parametrize("name", NAMES)
def test_no_control_character_is_printed(name, capsys) -> None:
    print_line(name)
    print_table([Column(name, (name, "b"))])
    note(name)
    print_json(pd.DataFrame({name: [name]}))
    out, err = capsys.readouterr()
    assert not any(character in out + err for character in "\x1b\x07\x9b\r\u202e\x00\x7f")
    assert visible(name).strip() in out and visible(name) in err


def test_other_text_is_printed_as_it_is(capsys) -> None:
    """The negative control."""
    print_line("é 😀\tb\nc")
    assert capsys.readouterr().out == "é 😀\tb\nc\n"


def test_json_says_the_same(capsys) -> None:
    for name in NAMES:
        text = json.dumps({name: name}, ensure_ascii=False)
        assert json.loads(visible_json(text)) == {name: name}


def test_markdown_holds_no_html_of_others() -> None:
    text = "| <script>a</script>\x1b | b |\n```python\nif a < b:\n```\n<b>"
    assert harmless(text) == "| &lt;script>a&lt;/script>\\x1b | b |\n```python\nif a < b:\n```\n&lt;b>"
    assert harmless("a | b") == "a | b"
