"""An HTML page to its elements, its tables and the text that a reader sees."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, *tags: str) -> list["Element"]:
        """The elements below with one of these tags, in the order of the page."""
        found = []
        for child in self.children:
            if not tags or child.tag in tags:
                found.append(child)
            found += child.all(*tags)
        return found

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def has(self, tag: str, **attributes: str) -> bool:
        return any(attributes.items() <= element.attributes.items() for element in self.all(tag))


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data):
        for element in self.open:
            element.text += data


def read_page(text: str) -> Element:
    """The page; every element is closed."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert len(reader.open) == 1, f"<{reader.open[-1].tag}> is not closed"
    return reader.root


def table(page: Element, caption: str) -> dict[str, dict[str, str]]:
    """The text of the cells of the table with a caption, by row and column."""
    (found,) = [
        region for region in page.all("div") if region.attributes.get("aria-label") == caption
    ]
    header, *rows = [row.all("th", "td") for row in found.all("tr")]
    columns = [cell.words for cell in header[1:]]
    return {
        row[0].words: dict(zip(columns, (cell.words for cell in row[1:]), strict=True))
        for row in rows
    }


def charts(page: Element) -> dict[str, Element]:
    """The drawings by their captions."""
    return {
        figure.all("figcaption")[0].words: figure.all("svg")[0]
        for figure in page.all("figure")
        if figure.all("figcaption")
    }
