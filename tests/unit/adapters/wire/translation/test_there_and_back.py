"""What goes over and back is the same, for conversations and answers of any kind that both dialects can hold."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offtake.adapters.wire.translation import (
    Peculiarities,
    Whole,
    answer,
    chat,
    messages,
    read_request,
    write_request,
)
from offtake.adapters.wire.translation.neutral import (
    Answer,
    Call,
    Choice,
    Conversation,
    Image,
    Part,
    Result,
    Shape,
    Text,
    Thought,
    Tool,
    Turn,
    Usage,
    plain,
)

LITTLE = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
NAMES = st.text("abcXYZ019_-", min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=3)
TEXTS = st.builds(Text, WORDS)
DATA = st.binary(min_size=3, max_size=9).map(lambda raw: base64.b64encode(raw).decode())
PICTURES = st.builds(Image, st.sampled_from(("image/png", "image/webp")), DATA)
LINKS = st.just(Image("", "", "https://example.org/a.png"))
CALLS = st.builds(Call, NAMES, NAMES, OBJECTS)
MARKS = st.sampled_from((None, "5m", "1h"))
# What every dialect holds.
USER = st.tuples(
    st.lists(st.builds(Result, NAMES, st.lists(TEXTS, max_size=2).map(tuple)), max_size=2),
    st.lists(TEXTS | PICTURES, max_size=3),
)
MODEL = st.tuples(st.lists(TEXTS, max_size=2), st.lists(CALLS, max_size=2))


def turn(role: Any) -> Any:
    def made(parts: tuple[list[Part], list[Part]]) -> Turn:
        return Turn(role, tuple(parts[0] + parts[1]) or (Text("so"),))

    return made


TURNS = st.lists(st.tuples(USER.map(turn("user")), MODEL.map(turn("assistant"))), max_size=2).flatmap(
    lambda pairs: USER.map(turn("user")).map(lambda last: (*(t for pair in pairs for t in pair), last))
)
SHAPES = st.builds(lambda name, schema: Shape({**schema, "title": name}, name), NAMES, OBJECTS)
TOOLS = st.builds(Tool, NAMES, st.just("") | WORDS, OBJECTS.filter(bool), st.booleans())
CHOICES = st.builds(Choice, st.sampled_from(("auto", "any")), st.just(""), st.booleans()) | st.builds(
    Choice, st.just("tool"), NAMES, st.booleans()
)
SHARES = st.none() | st.floats(0, 1)
SAID = st.builds(
    Conversation,
    turns=TURNS,
    system=st.lists(TEXTS, max_size=2).map(tuple),
    tools=st.lists(TOOLS, max_size=2).map(tuple),
    choice=CHOICES,
    most_out=st.integers(1, 10**6),
    temperature=SHARES,
    top_p=SHARES,
    user=st.just("") | WORDS,
    shape=st.none() | SHAPES,
    stream=st.booleans(),
)


@LITTLE
@given(SAID, st.booleans())
def test_a_conversation_over_anthropic_and_back_is_the_same_to_openai(
    said: Conversation, newer: bool
) -> None:
    there = chat.write_request(said, "m", newer=newer)
    read: Any = read_request("chat", json.dumps(there).encode())
    assert read == said
    over = write_request(read, Peculiarities("messages", "claude"))
    assert isinstance(over, bytes)
    back: Any = read_request("messages", over)
    assert back == said
    assert chat.write_request(back, "m", newer=newer) == there


# What Anthropic holds beside that.
MORE_USER = st.lists(
    st.builds(Result, NAMES, st.lists(TEXTS | PICTURES | LINKS, max_size=2).map(tuple), st.booleans(), MARKS)
    | st.builds(Text, WORDS, MARKS)
    | LINKS
    | st.builds(Image, st.just("image/gif"), DATA, st.just(""), MARKS),
    min_size=1,
    max_size=3,
).map(lambda parts: Turn("user", tuple(parts)))
MORE_MODEL = st.lists(
    CALLS
    | st.builds(Text, WORDS, MARKS)
    | st.builds(Thought, st.just("") | WORDS, st.just("") | WORDS)
    | st.builds(Thought, st.just(""), st.just(""), WORDS),
    min_size=1,
    max_size=3,
).map(lambda parts: Turn("assistant", tuple(parts)))


@LITTLE
@given(
    SAID,
    st.lists(MORE_USER | MORE_MODEL, min_size=1, max_size=3),
    st.lists(WORDS, max_size=2),
    st.none() | st.integers(1, 500),
    st.sampled_from((None, {"type": "adaptive"}, {"type": "enabled", "budget_tokens": 1024})),
    st.sampled_from(("", "low")),
)
def test_what_anthropic_alone_can_say_is_read_as_it_was_written(
    said: Conversation, turns: list[Turn], stop: list[str], top_k: int | None, thinking: Any, effort: str
) -> None:
    more: Any = {"turns": plain(tuple(turns)), "stop": tuple(stop), "top_k": top_k, "thinking": thinking}
    whole = replace(said, **more, effort=effort)
    assert messages.read_request(messages.write_request(whole, "m", None)) == whole


MODEL_OF_CONVERSE = (
    botocore.session.Session().get_service_model("bedrock-runtime").operation_model("Converse")
)


@LITTLE
@given(
    SAID, st.lists(MORE_MODEL | USER.map(turn("user")), min_size=1, max_size=3), st.lists(WORDS, max_size=2)
)
def test_what_is_written_for_bedrock_has_the_shapes_of_its_service(
    said: Conversation, turns: list[Turn], stop: list[str]
) -> None:
    choice = Choice(said.choice.kind, said.choice.name)
    whole = replace(said, turns=plain(tuple(turns)), stop=tuple(stop), user="", choice=choice)
    written = write_request(whole, Peculiarities("converse", "anthropic.claude"))
    assert isinstance(written, bytes)
    report = ParamValidator().validate({"modelId": "m", **json.loads(written)}, MODEL_OF_CONVERSE.input_shape)
    assert not report.has_errors(), report.generate_report()


ANSWERS = st.builds(
    Answer,
    parts=st.tuples(st.lists(TEXTS, max_size=1), st.lists(CALLS, max_size=2)).map(lambda p: (*p[0], *p[1])),
    stop=st.sampled_from(("end", "length", "tools", "filtered")),
    usage=st.builds(Usage, *[st.integers(0, 10**6)] * 4),
    id=NAMES,
    model=NAMES,
)


@LITTLE
@given(ANSWERS)
def test_an_answer_over_openai_and_back_is_the_same_to_anthropic(said: Answer) -> None:
    asked = Conversation((Turn("user", (Text("x"),)),))
    there = json.dumps(messages.write_answer(said)).encode()
    over = answer("chat", "messages", asked, there, "", "", 7)
    assert isinstance(over, Whole)
    back = answer("messages", "chat", asked, over.body, "", "", 7)
    assert isinstance(back, Whole)
    assert json.loads(back.body) == json.loads(there)
    assert over.usage == back.usage == said.usage
