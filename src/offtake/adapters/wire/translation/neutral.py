"""The small form between the dialects: what a conversation, an answer and a stream say, whoever says it.

Each dialect has one reader into it and one writer out of it. Whatever the form cannot hold is refused by the reader,
and whatever a dialect cannot say is refused by its writer; both name the field as the caller wrote it (`where`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from offtake.router.table import Tokens

Keep = Literal["5m", "1h"]  # How long a prefix that ends here is kept in the upstream's cache.
Stop = Literal["end", "length", "stop-sequence", "tools", "filtered"]
IMAGES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True)
class Untranslatable:
    """What cannot be said in the other dialect: the field as the caller knows it, and why."""

    field: str
    why: str

    def __str__(self) -> str:
        return f"`{self.field[:120]}` {self.why}"


class Cannot(Exception):
    """Carries an Untranslatable out of a reader or a writer; no caller of this package sees it."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(field)
        self.what = Untranslatable(field, why)


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str
    keep: Keep | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: base64 of a media type, or an address."""

    media_type: str
    data: str
    url: str = ""
    keep: Keep | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model calls."""

    id: str
    name: str
    input: dict[str, Any]
    keep: Keep | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool gave back."""

    id: str
    content: tuple[Text | Image, ...]
    failed: bool = False
    keep: Keep | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model thought before it answered, signed or sealed by its maker."""

    text: str
    signature: str = ""
    sealed: str = ""
    where: str = field(default="", compare=False)


Part = Text | Image | Call | Result | Thought


@dataclass(frozen=True, slots=True)
class Turn:
    """One side's part of a conversation."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call; its input follows a JSON schema."""

    name: str
    description: str
    schema: dict[str, Any]
    strict: bool = False
    keep: Keep | None = None
    where: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tools the model may or must call, and whether one at a time."""

    kind: Literal["auto", "any", "tool", "none"] = "auto"
    name: str = ""
    one_at_a_time: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """The JSON schema that an answer follows."""

    schema: dict[str, Any]
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request. `names` says how the caller calls what a writer may have to refuse."""

    turns: tuple[Turn, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Choice = Choice()
    most_out: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    user: str = ""
    shape: Shape | None = None
    thinking: dict[str, Any] | None = None
    effort: str = ""
    stream: bool = False
    shows_usage: bool = field(default=True, compare=False)
    names: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    def cannot(self, name: str, why: str) -> Cannot:
        """A refusal of one of the fields of this form, by the caller's name for it."""
        return Cannot(self.names.get(name, name), why)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens: read anew, read from a cache, written to a cache (also read anew), and written."""

    fresh: int
    from_cache: int
    to_cache: int
    out: int

    @property
    def tokens(self) -> Tokens:
        """As they are counted."""
        return Tokens(self.fresh + self.to_cache, self.from_cache, self.out)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    parts: tuple[Text | Call | Thought, ...]
    stop: Stop
    stopped_by: str = ""  # The stop sequence, where the upstream says it.
    usage: Usage | None = None
    id: str = ""
    model: str = ""


# What happens in a stream.


@dataclass(frozen=True, slots=True)
class Began:
    """The answer begins."""

    id: str = ""
    model: str = ""
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A part begins; of a call its input is still to come."""

    part: Text | Call | Thought


@dataclass(frozen=True, slots=True)
class Piece:
    """More of the part that is open: its text, or of a call's input its JSON, or a thought's signature."""

    text: str
    signature: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """The open part is whole."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing more is written, and why."""

    stop: Stop
    stopped_by: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was used, as far as is known."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is whole."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The upstream says inside its stream that it failed, with the status that it would have answered."""

    status: int
    message: str


Event = Began | Opened | Piece | Closed | Stopped | Counted | Done | Failed


def plain(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Turns of one side that follow each other, as one: dialects differ in whether they may."""
    found: list[Turn] = []
    for turn in turns:
        if found and found[-1].role == turn.role:
            found[-1] = Turn(turn.role, (*found[-1].parts, *turn.parts), found[-1].where)
        else:
            found.append(turn)
    return tuple(found)
