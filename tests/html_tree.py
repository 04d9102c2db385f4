"""HTML files as trees, strictly read: every element closed where it was opened, no attribute twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from typing import Any

from pytest_univar.report import AuditResult
from pytest_univar.report.html import render_html

from .html_samples import audit_result

VOID = {"meta", "link", "br", "input", "col", "img"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def all(self, *tags: str) -> list[Element]:
        """Those below it with one of these tags, in the order of the file; of every tag without any."""
        below = [child for child in self.children if isinstance(child, Element)]
        return [
            each for child in below for each in ([child] if not tags or child.tag in tags else []) + child.all(*tags)
        ]

    def with_class(self, name: str) -> list[Element]:
        return [each for each in self.all() if name in each.attributes.get("class", "").split()]


class Tree(HTMLParser):
    """A file as a tree; every element must be closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self._here = Element("", {})
        self.feed(text)
        self.close()
        assert self._here is self.root, f"<{self._here.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        found = Element(tag, {name: value or "" for name, value in attrs}, self._here)
        self._here.children.append(found)
        if tag not in VOID:
            self._here = found

    def handle_endtag(self, tag: str) -> None:
        assert self._here.tag == tag, f"</{tag}> ends <{self._here.tag}>"
        assert self._here.parent is not None
        self._here = self._here.parent

    def handle_data(self, data: str) -> None:
        self._here.children.append(data)


@cache
def whole() -> tuple[str, Element]:
    text = render_html(audit_result())
    return text, Tree(text).root


def tree(result: AuditResult) -> Element:
    return Tree(render_html(result)).root


def bare(**more: Any) -> AuditResult:
    return AuditResult("univar-mini", "made-up", **more)


def by_id(root: Element, id: str) -> Element:
    (found,) = [each for each in root.all() if each.attributes.get("id") == id]
    return found


def rows(table: Element) -> list[list[str]]:
    return [[" ".join(cell.text.split()) for cell in row.all("th", "td")] for row in table.all("tr")]


def table(root: Element, caption: str) -> Element:
    (found,) = [each for each in root.all("table") if each.all("caption")[0].text.startswith(caption)]
    return found
