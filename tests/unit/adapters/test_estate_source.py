"""YAML under limits: what is refused is refused quickly, in plain words, at its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.adapters.estate_yaml import Problem, Problems, load_estate_text
from offtake.adapters.estate_yaml.nodes import plain
from offtake.adapters.estate_yaml.problems import Unreadable
from offtake.adapters.estate_yaml.source import (
    MAXIMUM_ALIASES,
    MAXIMUM_BYTES,
    MAXIMUM_DEPTH,
    MAXIMUM_NODES,
    MAXIMUM_SCALAR,
    NodeBudget,
    parse,
)


def read(text: str | bytes) -> dict[str, object]:
    content = text.encode() if isinstance(text, str) else text
    root, problems = parse(content, "e.yaml", NodeBudget())
    assert problems == []
    values = plain(root)
    assert isinstance(values, dict)
    return dict(values)


def refusal(text: str | bytes) -> Problem:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(Unreadable) as stop:
        parse(content, "e.yaml", NodeBudget())
    return stop.value.problem


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", "010"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("42", 42),
        ("-7", -7),
        ("0", 0),
        ("2.50", Decimal("2.50")),
        ("1e6", Decimal("1e6")),
        (".5", ".5"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1" * 31, "1" * 31),
        ("2026-01-31", date(2026, 1, 31)),
        ("2026-02-30", "2026-02-30"),
        ("2026-01-31T10:00:00", "2026-01-31T10:00:00"),
        ("'42'", "42"),
        ('"2026-01-31"', "2026-01-31"),
        ("|\n  two\n  lines", "two\nlines"),
    ],
)
def test_scalars_mean_what_they_say(written: str, value: object) -> None:
    found = read(f"key: {written}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_a_decimal_keeps_its_digits() -> None:
    assert str(read("price: 0.10")["price"]) == "0.10"
    assert str(read("price: 1234567890.123456789012345678")["price"]) == "1234567890.123456789012345678"


def test_keys_are_texts() -> None:
    assert list(read("NO: 1\n4.1: 2\ntrue: 3\n2026-01-01: 4\n")) == ["NO", "4.1", "true", "2026-01-01"]


def test_a_byte_order_mark_is_read_over() -> None:
    assert read(b"\xef\xbb\xbfa: 1\n") == {"a": 1}


def test_windows_line_ends_are_read() -> None:
    assert read("a: 1\r\nb:\r\n  - 2\r\n") == {"a": 1, "b": (2,)}


@pytest.mark.parametrize(
    ("content", "code", "line", "column"),
    [
        (b"", "empty", 1, 1),
        (b"# nothing\n\n", "empty", 1, 1),
        (b"- 1\n- 2\n", "not-a-mapping", 1, 1),
        (b"just text", "not-a-mapping", 1, 1),
        (b"a: 1\n---\nb: 2\n", "many-documents", 2, 1),
        (b"a: 1\n\x00\n", "binary", 2, 1),
        (b"a: \x1b[31m", "binary", 1, 4),
        (b"a: 1\nb: \xff\xfe", "encoding", 2, 4),
        ("a: 1".encode("utf-16"), "encoding", 1, 1),
        (b"a:\n\tb: 1\n", "tab", 2, 1),
        (b"a: b: c\n", "syntax", 1, 5),
        (b"a: 'never closed\nb: 1\n", "syntax", 1, 4),
        (b"a: [1, 2\nb: 3\n", "syntax", 2, 2),
        (b"a: *nowhere\n", "alias", 1, 4),
        (b"a: &x [*x]\n", "alias", 1, 8),
        (b"a: !!python/object:os.system ls\n", "tag", 1, 4),
        (b"a: !!str 5\n", "tag", 1, 4),
        (b"{[1]: 2}\n", "key", 1, 2),
        (b"a: @x\n", "syntax", 1, 4),
    ],
)
def test_what_cannot_be_read_says_where(content: bytes, code: str, line: int, column: int) -> None:
    problem = refusal(content)
    assert (problem.code, problem.line, problem.column) == (code, line, column)
    assert problem.message
    assert "\n" not in problem.message


def test_duplicate_keys_name_both_places() -> None:
    _, problems = parse(b"a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "e.yaml", NodeBudget())
    (problem,) = problems
    assert (problem.code, problem.line, problem.column) == ("duplicate-key", 5, 3)
    assert "line 3" in problem.message


def test_merge_keys_are_refused() -> None:
    _, problems = parse(b"a: &x {c: 1}\nb:\n  <<: *x\n", "e.yaml", NodeBudget())
    assert [problem.code for problem in problems] == ["merge-key"]


def test_a_file_over_the_size_is_refused() -> None:
    assert refusal(b"#" * (MAXIMUM_BYTES + 1)).code == "file-too-large"


def test_a_million_lines_are_refused_by_their_number() -> None:
    assert refusal("a:\n" + "- 1\n" * 1_000_000).code == "too-many-nodes"


def test_a_million_empty_lines_are_no_problem() -> None:
    assert read("\n" * 1_000_000 + "a: 1\n") == {"a": 1}


def test_deep_nesting_is_refused() -> None:
    assert refusal("a: " + "[" * 100_000).code == "too-deep"
    assert refusal("".join(" " * n + "a:\n" for n in range(200))).code == "too-deep"
    read("a: " + "[" * (MAXIMUM_DEPTH - 1) + "]" * (MAXIMUM_DEPTH - 1))


def test_a_long_text_is_refused() -> None:
    assert refusal("a: " + "x" * (MAXIMUM_SCALAR + 1)).code == "text-too-long"


def test_an_alias_is_read_as_what_it_stands_for() -> None:
    assert read("a: &x {b: [1, 2]}\nc: *x\n") == {"a": {"b": (1, 2)}, "c": {"b": (1, 2)}}


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 9)]
    assert refusal("\n".join(lines)).code == "too-many-nodes"


def test_aliases_that_deepen_each_other_are_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAXIMUM_DEPTH + 2)]
    assert refusal("\n".join(lines)).code == "too-deep"


def test_many_aliases_are_refused() -> None:
    text = "a: &x 1\nb: [" + ", ".join(["*x"] * (MAXIMUM_ALIASES + 1)) + "]\n"
    assert refusal(text).code == "too-many-aliases"


def test_the_budget_of_nodes_is_shared_by_files() -> None:
    budget = NodeBudget(left=10)
    parse(b"a: [1, 2, 3]\n", "one.yaml", budget)
    with pytest.raises(Unreadable):
        parse(b"a: [1, 2, 3]\n", "two.yaml", budget)
    assert MAXIMUM_NODES > 10


def test_a_text_with_lone_surrogates_is_an_error_not_a_crash() -> None:
    found = load_estate_text("a: \ud800")
    assert isinstance(found, Problems)
    assert found.problems[0].code == "encoding"
