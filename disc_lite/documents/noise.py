"""Recognises elements of HTML that are not text: navigation, banners, hidden parts, note marks.

Three kinds of signs are used, the surest first: the element's tag or `role`, whether its author hid it, and the
classes and ids that site generators give to such parts. No element that holds the page's main text is dropped for its
name. In books, and in HTML within another document, the names and the banners and footers of web sites are not
looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from disc_lite.documents.folded import is_folded, is_title
from disc_lite.documents.htmlnodes import Tag
from disc_lite.documents.htmltree import around, elements, within

# `del`, `s`, `strike`: text that its author withdrew. `rp`, `rt`: the pronunciation of characters.
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
_TELLING_TAGS = frozenset(("a", "dialog", "header", "table", *_OUTSIDE_ARTICLES))  # checked even without attributes

_CACHED_NAMES = 10_000
# Each must match a whole class or id, in which `_` has become `-`.
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
_SIDEBAR = re.compile(r"(?:.*-)?sidebar")  # can also be a boxed text
# Names that text can have too, such as the menu of a restaurant; dropped only without sentences.
_PLAIN_NAME = re.compile(
    rf"related|menu|gutter|d-print-none|feedback(?:-.*)?|pagesection|{_SIDEBAR.pattern}"
    r"|rightside|(?:prev|previous|next)-(?:page|link|chapter)|(?:.*-)?(?:navbar|noprint|pager|pagination|permalink|social-?media)"
)
# Names of parts that ask for consent or an address. A part named by the first pattern is text only if it has a heading.
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
_MENU_SHARE = 0.75  # a menu has more of its letters in links than this
_LINKED_SHARE = 0.33  # an element with this much of its text in links only points to other pages
_CONTENTS = re.compile(r"toc|contents")
_TITLES = ("h1", "h2", "h3", "h4", "h5", "h6", "dt")
_MAIN_TEXT = ("main", "article", "h1", "body", "html")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_TOP = re.compile(r"#_?(?:page-?)?top(?:-?of-?page)?", re.IGNORECASE)  # target of a link to the top of the page
_PERMALINK = re.compile(r"[¶#§🔗↩↑\ufe0e\ufe0f\u200b\s]+")

_NOTE_NAME = re.compile(r"(?:.*-)?(?:footnote|endnote|noteref|fnref|cite-ref).*")
_NOTE_LINK = re.compile(r"#\W*(?:_?ftn|fn|footnote|endnote|_?edn|cite[_-]?(?:note|ref))", re.IGNORECASE)
_MARK = re.compile(r"\W*\w{1,3}\W*")
_NOTE_TEXT = re.compile(r"\s*(?:\[\s*(?:\d{1,3}|[a-z]|note \d{1,2})\s*\]|[*†‡§¶]{1,3})\s*")


def is_noise(tag: Tag, is_page: bool) -> bool:
    """Whether an element holds no text; `is_page` means that it is on a web page, not in a book or other document."""
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
    # Sphinx writes the mark of a note in front of the note, in brackets.
    in_note = "label" in names and any("footnote" in one.classes for one in tag.parents)
    if in_note and _MARK.fullmatch(tag.get_text()):
        return True
    return is_page and _is_noise_of_a_site(tag)


def _is_noise_of_a_site(tag: Tag) -> bool:
    if tag.name == "table" and _is_menu(tag):
        return True
    names = [name for name in _telling_names(tag) if _is_known_name(name)]
    is_named = _any_matches(_NAME, names)
    if tag.name in _OUTSIDE_ARTICLES and not any(map(_is_article, tag.parents)):
        is_aside = tag.name == "aside" and not is_named and not _any_matches(_SIDEBAR, names)
        return not any(within(tag, _MAIN_TEXT)) and not (is_aside and _has_own_sentences(tag))
    if tag.name == "header" or tag.get("role") == "banner":
        # A banner of the site, unless it holds the page's heading.
        return tag.get("role") == "banner" and not any(within(tag, ("h1", "h2")))
    if _any_matches(_LINK_OF_TITLE, names) and _is_title(tag):
        return False
    is_noise_by_name = (
        is_named or (_any_matches(_PLAIN_NAME, names) and not _has_own_sentences(tag)) or _is_request(tag, names)
    )
    return is_noise_by_name and tag.name not in _MAIN_TEXT and not any(within(tag, _MAIN_TEXT))


def _is_menu(table: Tag) -> bool:
    """Whether a table inside another table, which lays out the page, holds little more than a list of links."""
    if around(table, ("table",)) is None or any(within(table, ("table",))) or not any(within(table, ("ul",))):
        return False
    linked = sum(len(link.get_text()) for link in within(table, ("a",)))
    return linked > _MENU_SHARE * len("".join(table.get_text().split()))


def _any_matches(pattern: re.Pattern[str], names: Sequence[str]) -> bool:
    return any(map(pattern.fullmatch, names))


@lru_cache(_CACHED_NAMES)  # a page has few different names, each on many elements
def _is_known_name(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in (_NAME, _PLAIN_NAME, _LINK_OF_TITLE, _SIDEBAR, _CONSENT, _ASKING))


def _telling_names(tag: Tag) -> list[str]:
    """The classes and id of an element, without an id made from its heading, such as `s-pagination` or `re.lineno`."""
    own, classes = _slug(tag.get("id")), tag.classes
    if own and not _CONTENTS.search(own) and (tag.name in _TITLES or tag.name == "section" or "section" in classes):
        title = tag if tag.name in _TITLES else next(within(tag, _TITLES), None)
        own = "" if title is not None and own.rpartition("-")[2] in _slug(title.get_text()) else own
    return [_slug_of_name(name) for name in (*classes, own) if name]


def _is_title(tag: Tag) -> bool:
    """Whether an element is, holds or is inside a heading, and contains the heading's whole text."""
    title = tag if tag.name in _TITLES else next(within(tag, _TITLES), None) or around(tag, _TITLES)
    words = _slug(tag.get_text())
    return title is not None and words != "" and _slug(title.get_text()) in words


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


_slug_of_name = lru_cache(_CACHED_NAMES)(_slug)


def _has_own_sentences(tag: Tag) -> bool:
    """Whether an element has sentences that are its own, not those of links as in teasers."""
    return SENTENCE.search(tag.get_text(" ")) is not None and _is_own_text(tag)


def _is_own_text(tag: Tag) -> bool:
    """Whether less than a third of an element's text is in links, and none of it in a form."""
    linked = sum(len(link.get_text()) for link in within(tag, ("a",)))
    return linked < _LINKED_SHARE * len(tag.get_text(" ")) and not any(within(tag, ("button", "form", "input")))


def _is_request(tag: Tag, names: Sequence[str]) -> bool:
    """Whether an element asks for consent or an address: it has no real text, or few words and something to press."""
    if not (is_surely := _any_matches(_CONSENT, names)) and not _any_matches(_ASKING, names):
        return False
    is_titled = any(within(tag, _TITLES))
    is_listed = is_titled and any(within(tag, ("dl", "li", "pre", "table"))) and _is_own_text(tag)
    if not is_listed and not (_has_own_sentences(tag) and (is_titled or not is_surely)):
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
    """Whether a superscript or a link is the mark of a note; `before` is the text in front of it."""
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
    # A number right after punctuation or a quotation mark is not an exponent.
    return bool(re.fullmatch(r"\s*\d{1,3}(?:\s*,\s*\d{1,3})*\s*", text) and re.search(r"[.,;:!?\"”’»]$", before))


def main_part(page: Tag) -> Tag:
    """The `<main>` element of a page if it has only one, with more than a tenth of the text; else the page."""
    mains = [
        tag for tag in elements(page) if _is_main(tag) and not any(map(_is_main, tag.parents)) and not _is_hidden(tag)
    ]
    if len(mains) != 1:
        return page
    share = len(mains[0].get_text().strip()) / max(len(page.get_text().strip()), 1)
    return mains[0] if share > _MAIN_MIN_SHARE else page


# With a smaller share of the page's text, the element is `<main>` in name only.
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
