"""Decides whether columns of words begin with a row or with a header: `Who runs the mill? | Ada Berg`.

A cell that is a common name of a column (`Term`, `Antwort`) speaks for a header. A cell that is formed like those below
it, in a way in which names of columns seldom are (a question, a sentence, a name in capitals), speaks for a row. In
three columns or more only a cell that is repeated below speaks for a row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from disc_lite.documents.source import QUESTION_MARKS

_COLUMN_WORDS = frozenset(
    """
    abbreviation acronym action address answer area article author book capital category cause character city class
    code color colour command comment concept contact content country course date day default definition department
    description detail dish effect email employee entry error event example explanation expression fact fault feature
    field file function group hour house id issue item job key kind label language link list location material meaning
    member message method month name no note number object office option parameter part person phone place position
    price priority problem process product project property purpose question reason region remark remedy response role
    room rule section service setting shortcut situation size sku solution source state station status step subject
    supplier symbol symptom task team term text theme time title tool topic town translation type unit use user value
    variable vendor version word year
    abhilfe abkürzung abteilung adresse aktion angabe antwort art artikel artikelname aufgabe ausdruck bedeutung
    begriff bemerkung bereich beschreibung bezeichnung einheit erklärung erläuterung fehler feld frage funktion gruppe
    inhalt kategorie kürzel land lösung merkmal nummer ort produkt raum regel rolle stadt störung tag thema typ ursache
    vorname nachname wert wort zuständig zuständigkeit
    catégorie définition explication exemple fonction mot nom numéro pays produit réponse sens signification sujet terme
    titre valeur ville
    categoría ciudad concepto definición descripción ejemplo explicación función nombre palabra país pregunta producto
    respuesta significado término título valor
    città definizione descrizione domanda esempio nome paese parola risposta significato termine valore
    antwoord betekenis begrip naam omschrijving onderwerp uitleg vraag woord
    definição descrição pergunta resposta
    вопрос ответ термин значение название имя описание слово
    问题 答案 术语 名称 解释 含义 定义 说明 姓名 質問 回答 用語 意味 名前 説明
    """.split()
)
# `What it means`, without a question mark, names a column.
_ASKING_WORDS = frozenset("what who how when where why which was wer wie wo wann warum que qui quoi qué quién".split())
_ARTICLES = frozenset("a an the der die das den ein eine einen le la les l un une el los las una il lo gli".split())
_NAME_WORDS = 3  # a name of a column seldom has more words, except after a word that asks
_WORD = re.compile(r"[^\W\d_]+")
_SIGNS = re.compile(r"[^\w\s.:!?'’()-]")

_Trait = Callable[[str], bool]


class _Column(NamedTuple):
    """A column of words.

    Attributes:
        first: Its cell in the first row.
        below: Its cells in the rows below, where both columns have one.
        is_named: Whether the first cell is a common name of a column.
    """

    first: str
    below: list[str]
    is_named: bool

    def is_alike(self, *traits: _Trait) -> bool:
        """Whether the first cell and most cells below have one of the traits in common."""
        if _asks(self.first) and not _most(_asks, self.below):
            return False  # a question of a survey above its answers
        return any(trait(self.first) and _most(trait, self.below) for trait in traits)


def is_row_of_words(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether the first row states something about its first cell, as the rows below it do."""
    columns = _columns(first, below)
    if len(columns) > 2:
        is_own_header = any(list(row) == list(first) for row in below)  # of each page
        return not is_own_header and not any(c.is_named for c in columns) and any(c.first in c.below for c in columns)
    if not columns:
        return False
    names, values = columns
    if names.is_named and not values.is_named and _most(_is_column_name, names.below):
        return True  # a form: `Name | Ada Berg` above `Town | Oslo`
    unnamed = [column for column in columns if not column.is_named]
    if unnamed and (_is_repeated(names, values) or any(c.is_alike(_asks, _is_sentence, _is_long) for c in unnamed)):
        return True
    return len(unnamed) == 2 and len(names.below) > 1 and any(_unsure_signs(names, values))


def may_be_row_of_words(header: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a header can be a row, since nothing tells it from the words below it."""
    columns = _columns(header, below)
    if not columns or any(column.is_named and " " not in column.first for column in columns):
        return False
    if any(len(set(column.below)) < len(column.below) for column in columns):
        return False  # the values are repeated, and what is above them is none of them
    return all(
        all(trait(first) == _most(trait, cells) for trait in (_is_in_lower_case, _is_in_capitals))
        and (_is_long(first) or not _most(_is_long, cells))
        for first, cells, _ in columns
    )


def _columns(first: Sequence[str], below: Sequence[Sequence[str]]) -> list[_Column]:
    """The columns of a table, if all begin with words and consist mostly of them; else, or of a single one, none."""
    used = sorted({column for row in (first, *below) for column, cell in enumerate(row) if cell})
    if len(used) < 2 or len(first) <= used[-1] or not all(first[column] for column in used):
        return []
    rows = [row for row in below if len(row) > used[-1] and all(row[column] for column in used)]
    columns = [_Column(first[at], [row[at] for row in rows], is_named=_is_column_name(first[at])) for at in used]
    are_words = all(_has_words(column.first) and _most(_has_words, column.below) for column in columns)
    return columns if are_words else []


def _is_column_name(cell: str) -> bool:
    """Whether a cell is a common name of a column: `Term`, `Contact person`, `What it means`."""
    words = _WORD.findall(cell.casefold())
    if words and words[0] in _ASKING_WORDS and not _asks(cell):
        return True
    if len(words) > _NAME_WORDS or not _ARTICLES.isdisjoint(words):
        return False
    return any(word in _COLUMN_WORDS or word.removesuffix("s") in _COLUMN_WORDS for word in words)


def _is_repeated(names: _Column, values: _Column) -> bool:
    """Whether a cell of the first row is also the value of a row below, or the name of one that has another value."""
    below = [pair for pair in zip(names.below, values.below, strict=True) if pair != (names.first, values.first)]
    return any(name in (names.first, values.first) or value == values.first for name, value in below)


def _unsure_signs(names: _Column, values: _Column) -> Iterator[bool]:
    """Yield whether the first row is formed like those below it in ways in which names of columns can be too."""
    if any(_most(_has_digits, column.below) for column in (names, values)):
        return
    # `Dunden | sweet bread` or `mill | Mühle`: the names of columns begin alike.
    small = [_most(_is_in_lower_case, column.below) for column in (names, values)]
    yield small[0] != small[1] and [_is_in_lower_case(names.first), _is_in_lower_case(values.first)] == small
    for column, other in ((names, values), (values, names)):
        for trait in (_is_in_capitals, _is_proper_name):
            # `Composer | Famous Work` is no row above `Clara Schumann | Three Romances`.
            yield column.is_alike(trait) and not trait(other.first) and not _most(trait, other.below)
        signs = set(_SIGNS.findall(column.first))  # `Ctrl+S`, `salt, leek`
        yield bool(signs) and 2 * sum(signs == set(_SIGNS.findall(cell)) for cell in column.below) > len(column.below)


def _most(trait: _Trait, cells: Sequence[str]) -> bool:
    return 2 * sum(map(trait, cells)) > len(cells)


def _has_words(cell: str) -> bool:
    return _WORD.search(cell) is not None


def _has_digits(cell: str) -> bool:
    return any(map(str.isdecimal, cell))


def _asks(cell: str) -> bool:
    return cell.endswith(QUESTION_MARKS)


def _is_sentence(cell: str) -> bool:
    return (cell.endswith((".", "!")) and " " in cell) or cell.endswith(("。", "！", "।"))


def _is_long(cell: str) -> bool:
    return len(cell.split()) > _NAME_WORDS


def _is_in_lower_case(cell: str) -> bool:
    return next((char.islower() for char in cell if char.isalpha()), False)


def _is_in_capitals(cell: str) -> bool:
    letters = [char for char in cell if char.isalpha()]
    return len(letters) > 1 and all(map(str.isupper, letters))


def _is_proper_name(cell: str) -> bool:
    """Whether a cell has several words, all with a capital letter: `Ada Berg`."""
    words = cell.split()
    return len(words) > 1 and all(word[0].isupper() for word in words)
