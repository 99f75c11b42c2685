"""Finds elements of a web page that are not its text: navigation, banners, hidden parts, marks of notes.

Three kinds of signs are used, the surest first: what the element is (tag, `role`), what its author hid, and the
names that site generators give to such parts. By name nothing is dropped that holds the page's main text. Of a book, or
of HTML within another document, only what is hidden or withdrawn is no text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from disc_lite.documents.folded import is_folded, is_title
from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import around, elements, within

# `del`, `s`: text that its author withdrew. `rp`, `rt`: how the characters above are pronounced.
_TAGS = """
    audio button canvas datalist del embed head iframe map menu nav noscript object optgroup option rp rt s script
    select strike style svg template textarea title video
"""
_ROLES = """
    alertdialog complementary contentinfo dialog doc-backlink doc-endnotes-back doc-pagebreak doc-toc menu menubar
    navigation search tablist toolbar tooltip
"""
_PAGE_NUMBERS = frozenset(("pagebreak", "pagenum", "page-number"))  # of the printed book
_BOOK_ROLES = frozenset("doc-backlink doc-endnotes-back doc-pagebreak doc-toc".split())
_DROPPED_TAGS = frozenset(_TAGS.split())
_DROPPED_ROLES = frozenset(_ROLES.split())
_OUTSIDE_ARTICLES = ("footer", "aside")
_TELLING_TAGS = frozenset(("a", "dialog", "header", "table", *_OUTSIDE_ARTICLES))  # without an attribute too

_CACHED_NAMES = 10_000
# Whole names of a class or id, `-` and `_` alike.
_NAME = re.compile(
    r"""
    (?:.*-)?(?:cookies?|consent|gdpr|onetrust)-?(?:banner|bar|dialog|modal|overlay|popup|sdk)
    |cc-(?:banner|window)|(?:cybot)?cookiebot-?dialog.*
    |(?:.*-)?(?:onetrust|skip-?(?:link|nav|to-.*|links)|skiplinks?|breadcrumbs?|breadcrumb-.*|headerlink|heading-anchor
        |anchor-?link|anchorjs-link|navbox|nav-?menu|site-?nav|side-?nav|main-?menu|site-?footer|page-?footer
        |footer-?nav|search-?(?:box|form|bar)|sphinxsidebar|sphinxsidebarwrapper
        |sidebar-(?:primary|secondary|nav|left|right|container|wrapper|drawer)|linenos|linenodiv|lineno
        |rouge-gutter|copybtn|copy-?button|clipboard|sr-only|screen-reader(?:-text)?|visually-?hidden
        |social-?(?:share|links)|share-?(?:bar|buttons|links)|edit-?(?:link|page|this-page)|mw-editsection
        |nav-?(?:header|footer|links)|top-?lang|bottom-?lang|language-(?:switcher|selector|links)|mw-jump-link|catlinks
        |printfooter|mw-portlet(?:-.*)?|vector-(?:column|dropdown|menu|page-toolbar|settings|toc)(?:-.*)?|back-?to-?top|prev-?next(?:-.*)?|related-?(?:posts|articles|links))
    |footer|toc|toc-macro|expand-control|table-of-contents|navigation|hash-link|md-feedback|md-source-file
    |sitesub|contentsub|mw-(?:indicators|redirectedfrom)|hideme|theme-doc-(?:footer|toc-.*|version-.*)|td-page-meta|page-metadata|search-results-title|git-revision-.*
    """,
    re.VERBOSE,
)
_LINK_OF_TITLE = re.compile(r"permalink|headerlink|heading-anchor|anchor-?link|anchorjs-link")
_SIDEBAR = re.compile(r"(?:.*-)?sidebar")  # or a boxed text
# Names that text has too, as the menu of a restaurant or a page about consent; dropped only without sentences.
_PLAIN_NAME = re.compile(
    rf"related|menu|gutter|d-print-none|feedback(?:-.*)?|pagesection|{_SIDEBAR.pattern}"
    r"|rightside|(?:.*-)?(?:navbar|noprint|pager|pagination|permalink|social-?media)"
)
# Of parts that ask for consent or an address. A section about that has a heading, where its name is as clear as these.
_CONSENT = re.compile(
    r"(?:.*-)?(?:cookies?|consent|gdpr|onetrust)-?(?:box|consent|container|law|message|notice|root|warning|wrapper)"
)
_ASKING = re.compile(
    r"(?:.*-)?(?:cookie|consent|gdpr|newsletter)"
    r"|(?:.*-)?(?:newsletter|subscribe|subscription|sign-?up|mailing-?list)-?(?:block|box|cta|form|section|sign-?up|widget)"
)
_SETS_COOKIES = re.compile(
    r"\b(?:use[sd]?|using|sets?|utilis\w+|utiliz\w+|usa\w*|verwende\w+|nutz\w+|gebruik\w*)\b[^.!?]{,30}\bcookies\b",
    re.IGNORECASE,
)
_BUTTON = re.compile(r"(?:.*-)?(?:btn|button|cta)(?:-.*)?")
_PRESSED = re.compile(r"(?:accept|agree|allow|got-it|join|ok|sign-?up|subscribe)(?:-(?:all|here|now|today|us))?")
_BLURB_WORDS = 60
SENTENCE = re.compile(r"(?:\S+\s+){4,}\S+[.!?…][\"'”’»)]*(?:\s|$)|[。！？।۔؟።։]")
_MENU_SHARE = 0.75  # of the letters of a menu are links
_LINKED_SHARE = 0.33  # of the text of an element that teases other pages
_CONTENTS = re.compile(r"toc|contents")
_TITLES = ("h1", "h2", "h3", "h4", "h5", "h6", "dt")
_MAIN_TEXT = ("main", "article", "h1", "body", "html")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_TOP = re.compile(r"#_?(?:page-?)?top(?:-?of-?page)?", re.IGNORECASE)  # of the page
_PERMALINK = re.compile(r"[¶#§🔗↩↑\ufe0e\ufe0f\u200b\s]+")

_NOTE_NAME = re.compile(r"(?:.*-)?(?:footnote|endnote|noteref|fnref|cite-ref).*")
_NOTE_LINK = re.compile(r"#\W*(?:_?ftn|fn|footnote|endnote|_?edn|cite[_-]?(?:note|ref))", re.IGNORECASE)
_MARK = re.compile(r"\W*\w{1,3}\W*")
_NOTE_TEXT = re.compile(r"\s*(?:\[\s*(?:\d{1,3}|[a-z]|note \d{1,2})\s*\]|[*†‡§¶]{1,3})\s*")


def is_noise(tag: Tag, is_page: bool) -> bool:
    """Whether nothing in the element is text: of a page of a site, or of a part of a book or another document."""
    if tag.name in _DROPPED_TAGS:
        return tag.name != "button" or not is_title(tag)
    if not tag.attrs and tag.name not in _TELLING_TAGS:
        return False
    names = _names(tag)
    if _is_hidden(tag) or "pagebreak" in tag.get("epub:type") or not _PAGE_NUMBERS.isdisjoint(names):
        return True
    if tag.get("role") in (_DROPPED_ROLES if is_page else _BOOK_ROLES):
        return True
    if tag.name == "a" and tag.get("href").startswith("#") and _PERMALINK.fullmatch(tag.get_text()):
        return True
    if tag.name == "a" and is_page and _TOP.fullmatch(tag.get("href")):
        return True
    # In front of a note, as Sphinx writes it: its mark, in brackets.
    in_note = "label" in names and any("footnote" in one.classes for one in tag.parents)
    if in_note and _MARK.fullmatch(tag.get_text()):
        return True
    return is_page and _is_noise_of_a_site(tag)


def _is_noise_of_a_site(tag: Tag) -> bool:
    if tag.name == "table" and _is_menu(tag):
        return True
    names = [name for name in _telling_names(tag) if _may_tell(name)]
    is_named = _any(_NAME, names)
    if tag.name in _OUTSIDE_ARTICLES and not any(map(_is_article, tag.parents)):
        is_aside = tag.name == "aside" and not is_named and not _any(_SIDEBAR, names)
        return not any(within(tag, _MAIN_TEXT)) and not (is_aside and _says_something(tag))
    if tag.name == "header" or tag.get("role") == "banner":
        # The banner of a site, unless it has the heading of the page.
        return tag.get("role") == "banner" and not any(within(tag, ("h1", "h2")))
    if _any(_LINK_OF_TITLE, names) and _is_title(tag):
        return False
    is_noise_by_name = is_named or (_any(_PLAIN_NAME, names) and not _says_something(tag)) or _is_request(tag, names)
    return is_noise_by_name and tag.name not in _MAIN_TEXT and not any(within(tag, _MAIN_TEXT))


def _is_menu(table: Tag) -> bool:
    """Whether a table within one that places the parts of a page is a list of links, and hardly more."""
    if around(table, ("table",)) is None or any(within(table, ("table",))) or not any(within(table, ("ul",))):
        return False
    linked = sum(len(link.get_text()) for link in within(table, ("a",)))
    return linked > _MENU_SHARE * len("".join(table.get_text().split()))


def _any(pattern: re.Pattern[str], names: Sequence[str]) -> bool:
    return any(map(pattern.fullmatch, names))


@lru_cache(_CACHED_NAMES)  # a page has few names, and many elements of each
def _may_tell(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in (_NAME, _PLAIN_NAME, _LINK_OF_TITLE, _SIDEBAR, _CONSENT, _ASKING))


def _telling_names(tag: Tag) -> list[str]:
    """Its classes and id; an id whose end is in its heading tells nothing: `s-pagination`, `re.lineno`."""
    own, classes = _slug(tag.get("id")), tag.classes
    if own and not _CONTENTS.search(own) and (tag.name in _TITLES or tag.name == "section" or "section" in classes):
        title = tag if tag.name in _TITLES else next(within(tag, _TITLES), None)
        own = "" if title is not None and own.rpartition("-")[2] in _slug(title.get_text()) else own
    return [_slug_of_name(name) for name in (*classes, own) if name]


def _is_title(tag: Tag) -> bool:
    """Whether an element is, holds or is in a heading, and all words of it are its own."""
    title = tag if tag.name in _TITLES else next(within(tag, _TITLES), None) or around(tag, _TITLES)
    words = _slug(tag.get_text())
    return title is not None and words != "" and _slug(title.get_text()) in words


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


_slug_of_name = lru_cache(_CACHED_NAMES)(_slug)


def _says_something(tag: Tag) -> bool:
    """Whether there are sentences in an element, and they are not those of its links, as teasers are."""
    return SENTENCE.search(tag.get_text(" ")) is not None and _is_own(tag)


def _is_own(tag: Tag) -> bool:
    """Whether the text of an element is not mostly that of links, nor of a form."""
    linked = sum(len(link.get_text()) for link in within(tag, ("a",)))
    return linked < _LINKED_SHARE * len(tag.get_text(" ")) and not any(within(tag, ("button", "form", "input")))


def _is_request(tag: Tag, names: Sequence[str]) -> bool:
    """Whether an element asks for consent or an address: without text, or with something to press beside few words."""
    if not (is_surely := _any(_CONSENT, names)) and not _any(_ASKING, names):
        return False
    is_titled = any(within(tag, _TITLES))
    is_listed = is_titled and any(within(tag, ("dl", "li", "pre", "table"))) and _is_own(tag)
    if not is_listed and not (_says_something(tag) and (is_titled or not is_surely)):
        return True
    text = tag.get_text(" ")
    asks = any(map(_is_pressed, within(tag, ("a",)))) or (is_surely and _SETS_COOKIES.search(text) is not None)
    return asks and len(text.split()) <= _BLURB_WORDS


def _is_pressed(link: Tag) -> bool:
    if link.get("role") == "button" or any(map(_BUTTON.fullmatch, _names(link))):
        return True
    target, words = link.get("href"), _slug(link.get_text())
    goes_nowhere = target in ("", "#") and not link.get("name") and words != ""
    last = _slug(target.partition("?")[0].rstrip("/").rpartition("/")[2])
    return goes_nowhere or any(map(_PRESSED.fullmatch, (words, last)))


def is_note_mark(tag: Tag, before: str) -> bool:
    """Whether a superscript, or a link, is the mark of a note; `before` is the text that it stands behind."""
    text = tag.get_text()
    link = tag if tag.name == "a" else next(within(tag, ("a",)), None)
    names = _names(tag) + (_names(link) if link else ())
    if "noteref" in tag.get("epub:type") or "doc-noteref" in (tag.get("role"), link and link.get("role")):
        return True
    if tag.name == "a":
        is_named = any(map(_NOTE_NAME.fullmatch, names)) or _NOTE_LINK.search(tag.get("href"))
        return bool(is_named) and _MARK.fullmatch(text) is not None
    is_linked = link is not None and "#" in link.get("href")
    if is_linked or _NOTE_TEXT.fullmatch(text) or "reference" in names or any(map(_NOTE_NAME.fullmatch, names)):
        return True
    # A lone number behind a stop or a quotation mark is no exponent.
    return bool(re.fullmatch(r"\s*\d{1,3}(?:\s*,\s*\d{1,3})*\s*", text) and re.search(r"[.,;:!?\"”’»]$", before))


def main_part(page: Tag) -> Tag:
    """The page's `<main>`, if it has one with its text in it; else the page."""
    mains = [
        tag for tag in elements(page) if _is_main(tag) and not any(map(_is_main, tag.parents)) and not _is_hidden(tag)
    ]
    if len(mains) != 1:
        return page
    share = len(mains[0].get_text().strip()) / max(len(page.get_text().strip()), 1)
    return mains[0] if share > _MAIN_MIN_SHARE else page


# Below this the element is there for its name only, and the text is elsewhere.
_MAIN_MIN_SHARE = 0.1


def _is_main(tag: Tag) -> bool:
    return tag.name == "main" or tag.get("role") == "main"


def _is_article(tag: Tag) -> bool:
    return tag.name in ("article", "blockquote") or _is_main(tag)


def _is_hidden(tag: Tag) -> bool:
    return _is_unseen(tag) and not is_folded(tag)


def _is_unseen(tag: Tag) -> bool:
    if "hidden" in tag.attrs or tag.get("aria-hidden") == "true":
        return True
    return _HIDDEN_STYLE.search(tag.get("style")) is not None or (tag.name == "dialog" and "open" not in tag.attrs)


def _names(tag: Tag) -> tuple[str, ...]:
    return _lowered(tag.get("class"), tag.get("id"))


@lru_cache(_CACHED_NAMES)
def _lowered(classes: str, own: str) -> tuple[str, ...]:
    return tuple(name.lower().replace("_", "-") for name in [*classes.split(), *filter(None, [own])])
