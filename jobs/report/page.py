"""The page itself: one file that fetches nothing and runs no script but its own."""

import base64
from collections.abc import Sequence
from hashlib import sha256
from importlib import resources

from longriver.jobs.report.markup import Html, joined, tag
from longriver.jobs.report.parts import Section, slug


def page(title: str, subtitle: str, sections: Sequence[Section]) -> bytes:
    """The whole file. Its policy lets no other script or style in, even if one should get there."""
    style, script = _file("style.css"), _file("script.js")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title} · longriver"),
        tag("style", Html(style)),
    )
    links = (tag("a", s.title, href=f"#{slug(s.title)}") for s in sections)
    body = tag(
        "body",
        tag("header", tag("p", "longriver", class_="brand"), tag("h1", title), tag("p", subtitle)),
        tag("nav", *links),
        tag("main", joined(section.html for section in sections)),
        tag("div", id="tip", role="status", hidden=True),
        tag("script", Html(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n".encode()


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text()


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}"
