"""The description of a code in a REFI-QDA file: our layout of what the format has no place for, written and read back.

People can read it: free text, lists under headings, and properties in one line each.
"""

from dataclasses import dataclass, field

# The headings and properties of our layout, and the attributes that an item under a heading may have.
ITEMS: dict[str, tuple[str, ...]] = {
    "Include": (),
    "Exclude": ("leave to",),
    "Examples": ("voice", "also"),
    "Key phrases": (),
    "Also called": (),
    "Codes": ("relation", "name", "note"),
}
PROPERTIES = ("Exclusive", "Version", "Facet", "Id")

Item = list[tuple[str, str]]  # its text under "", then its attributes


@dataclass
class Described:
    """A description in parts: free text, lists under headings, and properties."""

    text: str = ""
    lists: dict[str, list[Item]] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)


def compose(described: Described) -> str:
    """A description as text: its free text, a list under each heading, and its properties at the end.

    An item starts with a dash, its attributes stand below it as `key: value`, and every further line of a text starts
    with a bar, as does a line of the free text that would be taken for a heading or a property.
    """
    blocks = ["\n".join(f"| {line}" if _is_layout(line) else line for line in _lines(described.text))]
    for heading, items in described.lists.items():
        if items:
            blocks.append("\n".join([f"{heading}:", *(_written(item) for item in items)]))
    blocks.append("\n".join(_continued(f"{key}: {value}") for key, value in described.properties.items()))
    return "\n\n".join(block for block in blocks if block)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _is_layout(line: str) -> bool:
    line = line.strip()
    key, colon, _ = line.partition(":")
    return line.startswith("|") or (bool(colon) and (key in PROPERTIES or (key in ITEMS and line.endswith(":"))))


def _written(item: Item) -> str:
    return "\n".join(_continued(f"  {key}: {value}" if key else f"- {value}") for key, value in item)


def _continued(text: str) -> str:
    return "\n  | ".join(_lines(text))


def parse_description(text: str) -> tuple[Described, list[str]]:
    """The parts of a description and the lines that fit none. Without an id at its end, all of it is free text."""
    lines = _lines(text)
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    if not last.startswith("Id: "):
        return Described(text.strip()), []
    reader = _Reader()
    for line in lines:
        reader.take(line)
    return reader.described(), reader.strays


class _Reader:
    """Takes the lines of a description of our layout, one after the other."""

    def __init__(self) -> None:
        self.free: list[str] = []
        self.lists: dict[str, list[Item]] = {}
        self.properties: Item = []
        self.strays: list[str] = []
        self.heading = ""
        self.open: Item | None = None  # whose last text a line with a bar continues

    def described(self) -> Described:
        return Described("\n".join(self.free).strip(), self.lists, dict(self.properties))

    def take(self, line: str) -> None:
        bare = line.strip()
        key, colon, value = line.lstrip().partition(":")
        if bare.startswith("|"):
            self._continue(line.lstrip()[1:].removeprefix(" "))
        elif bare.endswith(":") and key in ITEMS:
            self.heading, self.open = key, None
            self.lists.setdefault(key, [])
        elif colon and key in PROPERTIES:
            self.heading, self.open = "", self.properties
            self.properties.append((key, value.removeprefix(" ")))
        elif not self.heading and self.open is None:
            self.free.append(line)
        elif self.heading and (bare == "-" or bare.startswith("- ")):
            self.open = [("", line.lstrip()[2:])]
            self.lists[self.heading].append(self.open)
        elif colon and key in ITEMS.get(self.heading, ()) and self.open:
            self.open.append((key, value.removeprefix(" ")))
        elif bare:
            self.strays.append(bare)

    def _continue(self, text: str) -> None:
        if self.open:
            key, before = self.open[-1]
            self.open[-1] = (key, f"{before}\n{text}")
        else:
            self.free.append(text)
