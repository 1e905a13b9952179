"""Bodies: what two readers could read in two ways is refused, and what is changed is changed in place alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.wire.bodies import READ, BadBody, read_body, spliced, top_level

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(sorted(READ)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(READ)), inner, max_size=3)
    ),
    max_leaves=12,
)
bodies = st.dictionaries(st.text(max_size=8).filter(lambda k: k.casefold() not in READ), values, max_size=5)
searching = settings(max_examples=200, deadline=None, derandomize=True)


def written(body: dict[str, Any], data: st.DataObject) -> bytes:
    ascii_only, indent = data.draw(st.booleans()), data.draw(st.sampled_from((None, 1)))
    between = data.draw(st.sampled_from((None, (",", ":"), (" ,", "\t:\n"))))
    text = json.dumps(body, ensure_ascii=ascii_only, indent=indent, separators=between)
    return text.encode("utf-8", "surrogatepass")


@searching
@given(bodies, st.data())
def test_what_is_read_is_what_a_json_reader_reads(body: dict[str, Any], data: st.DataObject) -> None:
    raw = written({**body, "model": "m", "stream": True}, data)
    try:
        found = read_body(raw)
    except BadBody:
        with pytest.raises(UnicodeEncodeError):  # Lone surrogates are no UTF-8, and nothing else is refused.
            json.dumps(body, ensure_ascii=False).encode()
        return
    assert (found.model, found.stream) == ("m", True)


@searching
@given(bodies, st.sampled_from(sorted(READ)), values, values, st.data())
def test_a_key_that_is_read_and_stands_twice_is_refused_wherever_it_stands(
    body: dict[str, Any], key: str, first: Any, last: Any, data: st.DataObject
) -> None:
    rows = [json.dumps(k) + ": " + json.dumps(v) for k, v in ({"model": "m"} | body).items()]
    for value in (first, last):
        rows.insert(data.draw(st.integers(0, len(rows))), json.dumps(key) + ":" + json.dumps(value))
    with pytest.raises(BadBody):
        read_body(("{" + ",".join(rows) + "}").encode())


@searching
@given(bodies, st.data())
def test_a_splice_changes_one_value_and_nothing_else(body: dict[str, Any], data: st.DataObject) -> None:
    raw = written({**body, "model": "here"}, data)
    for changed in (read_body(raw).with_model(b'"there"'), spliced(raw, {"model": b'"there"'})):
        assert json.loads(changed) == {**json.loads(raw), "model": "there"}
        assert len(changed) == len(raw) + 1
    added = spliced(raw, {"stream_options": b'{"include_usage":true}'})
    assert json.loads(added) == {**json.loads(raw), "stream_options": {"include_usage": True}}
    assert [raw[s:e] for s, e, _, _ in top_level(raw)] == [raw[s:e] for s, e, _, _ in top_level(raw)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model": "a", "model": "b"}',
        b'{"model": "a", "mod\\u0065l": "b"}',
        b'{"mod\\u0065l": "b"}',
        b'{"Model": "b", "model": "a"}',
        b'{"MODEL": "b"}',
        b'{"model": "a", "stream": false, "stream": true}',
        b'{"model": "a", "messages": [{"stream": 1}], "stream": false, "stre\\u0061m": true}',
        b'\xef\xbb\xbf{"model": "a"}',
        '{"model": "a"}'.encode("utf-16"),
        '{"model": "a"}'.encode("utf-32"),
        b'{"model": "a\xff"}',
        b'{"model": "a"} {"model": "b"}',
        b'{"model": "a"',
        b'{"model": ["a"]}',
        b'{"model": ""}',
        b'{"model": "a", "stream": "true"}',
        b'{"model": "a", "stream": 1}',
        b'["model"]',
        b"",
        b'{"model": NaN}',
        b"{'model': 'a'}",
        b'{"model": "a" /* b */}',
        b'{"stream": true}',
        b'{"model": "a", "max_tokens": 12, "max_tokens": 1}',
        b'{"model": "a", "n": 1, "n": 12}',
        b'{"model": "a", "other": 1, "model": "a"}',
        b'{"model": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        read_body(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"messages": [{"content": "\\"model\\": \\"b\\""}], "model": "a"}',
        b'{"metadata": {"model": "b", "stream": true}, "model": "a", "stream": false}',
        b'{"model": "a", "tools": [{"function": {"name": "model", "parameters": {"model": {}}}}]}',
        b' \n{"model"\t:\n"a" }\n',
        b'{"model": "a", "messages": [{"content": "\\u0065 and model"}]}',
    ],
)
def test_the_same_words_elsewhere_are_the_callers_own(raw: bytes) -> None:
    assert read_body(raw).model == "a"
    assert json.loads(read_body(raw).with_model(b'"x"')) == {**json.loads(raw), "model": "x"}


def test_the_most_that_may_be_written_is_what_the_caller_says_times_its_choices() -> None:
    assert read_body(b'{"model": "a"}').most_out is None
    assert read_body(b'{"model": "a", "max_tokens": 7, "n": 3}').most_out == 21
    assert read_body(b'{"model": "a", "max_tokens": 7, "max_completion_tokens": 9}').most_out == 9


@pytest.mark.parametrize("field", [b'"max_tokens": -1', b'"max_tokens": "9"', b'"n": 0, "max_tokens": 1'])
def test_a_limit_that_is_no_number_is_refused(field: bytes) -> None:
    body = read_body(b'{"model": "a", ' + field + b"}")
    with pytest.raises(BadBody):
        _ = body.most_out


def test_an_object_without_keys_takes_what_is_put_in() -> None:
    assert json.loads(spliced(b"{ }", {"a": b"1", "b": b"2"})) == {"a": 1, "b": 2}
