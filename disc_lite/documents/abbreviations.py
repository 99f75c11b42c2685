"""Whether a full stop marks an abbreviation, in English, German, French, Spanish, Italian, Dutch and Russian.

`sentences` calls it before it ends a sentence. The language is not detected: an abbreviation of one of these languages
is rarely a word of another.
"""

from __future__ import annotations

import re

# These never end a sentence: the name or thing that they introduce follows.
_LEADING = """
    adj approx aug bzw ca capt cf cmdr dr eds eq eqs esp evtl fig figs gen ggf gov hon incl lt messrs mlle mme mr mrs
    ms mt mtro prof refs rev sgt st univ vgl viz vs abt allg amtl anm aufl ausg bd betr bsp dipl dt einschl engl
    entspr ev evang frz geb gegr ggü hrsg ing inkl insb kap kath lfd med mio mrd nr pkt sog staatl städt str tel tsd
    ugs urspr usf verf vorm ziff zit zzgl av bd boul chap dir éd env fasc mgr mlles mmes pag réf suppl trad avda cía
    dña dra ee excmo fdo gral izq lic núm num pág págs párr párrf párrs pdte prov sr sra sras sres srta tfno ud uds
    vda amm avv dott pagg psicol sig sigg sigra डॉ श्री प्रो bijv blz dhr drs evt ir mevr nl resp акад бул вв гл гр
    дер доц ин кн корп м-р млн млрд напр нац обл оз о-в пгт пер пл пос пр просп проф рис соц ср стр табл тел тов тыс
    ул указ ш hr hrn fam abl abschn bgbl
"""
# These can end a sentence or stand inside one: the next word decides.
_CLOSING = """
    al apr assn ave bldg blvd bros co corp dept esq est etc etw feb ff gen inc jan jr ltd nov oct okt pl pp rd sen sep
    sept sq tr usw vols abs mo uu cia cie гг г др руб коп чч им
"""
# Abbreviations only with a capital: `Fa. Berg`, `Fr. Kurz`, `Gem. Abschnitt 3`, but not `due anni fa`, `a gem`, `az`.
_NAMING = frozenset("Az Fa Fr Gem".split())

# Many of these are also words, so they count as abbreviations only before a number.
_BEFORE_NUMBERS = """
    abb anl art bl c cap ch chap col cra dec dez ed ext flg jh jue kl lun max mar mié min n° nº no nos op p par rdnr
    ref rep rm rn rz s sáb sec sect seg tab tit vers vie vol zi ene abr ago dic jul jun tue tues wed thu thur thurs fri
    mon sat sun di mi sa д кв оф п пп ст т ч эт
"""
# Units after a number: they end a sentence unless a digit follows, or after a German unit a noun, with its capital.
_UNITS = frozenset("г см км руб коп тыс млн млрд мин сек чел ft min sec hr hrs lb oz std stk tsd sek".split())
_NEVER_ENDING = frozenset(_LEADING.split())
_MAY_END = frozenset(_CLOSING.split())
_NUMBER_FOLLOWS = frozenset(_BEFORE_NUMBERS.split())

_OPENING = """
    A After All Also Although An And Are As At Before Both But By Can Did Do Does Each Every For From He Her His How
    However I If In Is It Its Later Many Most My No Not Now On Once One Or Our Please She Since So Some Such That
    The Their Then There These They This Those Today Two Until Was We Were What When Where Which While Who Why Will
    With Would Yet You Your Aber Alle Am Auch Auf Bei Beide Danach Dann Das Dazu Dem Den Der Des Die Dies Diese
    Dieser Dieses Doch Ein Eine Einen Er Es Für Hier Ich Ihr Ihre Im Jede Jeder Man Mit Nach Nicht Nur Ob Oder Seine
    Seit Sie Über Um Und Unter Vom Von Vor Wenn Wer Wie Wir Wo Zu Zum Zur Au Aux Avec Ce Ces Cet Cette Dans De
    Depuis Du Elle Elles En Est Et Il Ils Je La Le Les Leur Mais Nous Ou Où Par Pour Quand Que Qui Sa Selon Ses Si
    Son Sur Tous Un Une Vous Así Como Con Cuando Desde Después El Ella Ellos Entre Esta Este Esto Las Los Más Para
    Pero Por Se Según Sin Su Sus También Tras Una Y В Во Его Ее Её Если За Здесь И Из Их К Как Когда На Но О Об Он
    Она Они От По После При С Со Там У Это Этот Я
"""
_SENTENCE_OPENERS = frozenset(_OPENING.split())
# Words that open a caption or a section title together with a number: `Table 8.2. Numeric Types`.
_NUMBERED = frozenset(
    """
    abb abbildung abschnitt anhang annexe annex appendix art article artikel artículo beispiel capítulo chapitre chapter
    ejemplo example exemple fig figura figure kapitel part sec section sección tab tabelle tabla table tableau teil
    глава приложение пример раздел рис рисунок статья табл таблица часть
    """.split()
)
_DAYTIMES = ("a.m", "p.m")
_ZONES = """
    ET EST EDT CT CST CDT MT MST MDT PT PST PDT AKST AKDT HST AST ADT NST NDT UTC GMT BST IST CET CEST EET EEST WET WEST
    MSK JST KST HKT SGT AEST AEDT ACST AWST NZST NZDT SAST
"""
_REGIONS_AND_DAYS = """
    Eastern Central Mountain Pacific Atlantic Greenwich Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
# What continues a time of day: `2 p.m. ET`, `9 a.m. Pacific time`, `5 p.m. Friday.`, not `5 p.m. Monday is a day off.`
_GOES_ON = re.compile(
    rf"(?:{'|'.join(_ZONES.split())})\b|(?:{'|'.join(_REGIONS_AND_DAYS.split())})s?"
    r"(?= (?:Standard |Daylight )?[Tt]ime\b| (?:to|through)\b|[-–.,;:!?)]|\n\n|$)"
)
_MONTH_NAMES = """
    januar jänner februar märz april mai juni juli august september oktober november dezember jan feb mär apr aug sep
    okt nov dez january february march june july october december
"""
_MONTHS = frozenset(_MONTH_NAMES.split())
# Words that precede a German ordinal: `am 3. Mai`, `das 1. Quartal`.
_BEFORE_ORDINALS = frozenset(
    """
    ab am beim bis das dem den der des die diesem diesen dieser dieses ein eine einem einen einer eines im ins jede
    jeden jeder jedes seit vom zum zur und
    """.split()
)

_DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.-?)+[^\W\d_]{1,3}")  # "e.g", "U.S", "z.B", "J.-C"
_WORD = re.compile(r"[^\W_]+")
_FIRST_WORD = re.compile(r"\W*([^\W_]+)\.?\s+")


def is_abbreviation(word: str, before: str, after: str, words_so_far: int) -> bool:
    """Whether a full stop after `word` marks an abbreviation and does not end a sentence.

    Args:
        word: The word, with the full stops inside it but without the one after it.
        before: The text of the sentence before the word.
        after: The text after the stop and the space; it does not begin with a lower-case letter.
        words_so_far: The number of words in the sentence up to this one, inclusive.
    """
    folded = word.lower()
    last = before.split()[-1] if before.split() else ""
    if word[0].isdigit() and (first := _FIRST_WORD.fullmatch(before)) and first[1].lower() in _NUMBERED:
        return True
    if word.isdigit():
        return _is_ordinal(word, before, last, after)
    if folded == "г" and not last[-1:].isdigit():
        return True  # `г. Москва`, a town; after a number it means a year
    if folded in _UNITS and last[-1:].isdigit():
        is_german = word[0].isupper() and word.isascii()
        return after[:1].isdigit() or (is_german and not _opens_sentence(after))
    if folded in _NUMBER_FOLLOWS and after[:1].isdigit():
        return True
    if len(word) == 1:
        return not (_opens_sentence(after) and last.islower() and len(last) > 1)
    if folded in _DAYTIMES:
        goes_on = _GOES_ON.match(after) is not None
        return goes_on or words_so_far <= _ADVERBIAL_WORDS or after[:1].isdigit()
    if _DOTTED.fullmatch(word):
        return not (word[-1].isupper() and _opens_sentence(after))
    if folded in _MAY_END or word in _NAMING:
        return not _opens_sentence(after)
    if word.endswith("-Str"):
        return after[:1].isdigit()  # `Ada-Roth-Str. 5`
    last_part = word.rpartition("-")[2]  # `BT-Drs. 19/1234`
    return folded in _NEVER_ENDING or (last_part.istitle() and last_part.lower() in _NEVER_ENDING)


# A time of day within so many words of the start belongs to what follows: `At 5 a.m. Mr. Smith went`.
_ADVERBIAL_WORDS = 4


def _opens_sentence(after: str) -> bool:
    """Whether a text begins with a word that has a capital only because it opens a sentence."""
    found = _WORD.match(after)
    if found is None:
        return after[:1] in "¿¡"
    # In `by A. A. Milne` the second `A` is an initial.
    return found.group() in _SENTENCE_OPENERS and after[found.end() : found.end() + 1] != "."


_RANGE_START = re.compile(r"\d\.\s?[-–—]\s?$")  # in front of the "3." of "1. - 3. Jahrhundert"


def _is_ordinal(number: str, before: str, last: str, after: str) -> bool:
    """Whether the stop after a number marks a German ordinal: `3. Mai`, `das 1. Quartal`, `1. - 3. Jahrhundert`."""
    if len(number) > 2:
        return False
    following = _WORD.match(after)
    if following and following.group().lower() in _MONTHS:
        return True
    is_known = last.lower() in _BEFORE_ORDINALS or _RANGE_START.search(before) is not None
    return is_known and following is not None and not _opens_sentence(after)
