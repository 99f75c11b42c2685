"""The language of a text by its script and frequent words: reliable for a sentence or two, not for single words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Literal, get_args

Language = Literal["Dutch", "English", "French", "German", "Italian", "Portuguese", "Spanish"]

MIN_HITS = 3  # frequent words that a text needs at least
MARGIN = 4 / 3  # times as many as of any other language: Danish, of which there is no list, has words of several
MIN_SHARE = 1 / 6  # of the words of a whole document: names, tables and code are among them
SAMPLE_CHARS = 4000

# A word of two languages is in both lists, so that it counts for neither.
# Single letters come from apostrophes: l'eau, c'è, it's.
_FREQUENT: dict[Language, str] = {
    "Dutch": """
        aan al alle als bij dan dat de den deze die dit door een en er geen had haar heb hebben heeft het hij hoe
        hun ik in is je jij jullie kan kunnen maar me meer met mijn moet naar niet nog of om onder ook op over
        te tot u uit van veel voor waar want waren was wat we wel wie wij wordt worden ze zij zijn zo zoals zeer
    """,
    "English": """
        a about all also an and any are as at be because been but by can could did do does for from had has have
        he her him his how i if in into is it its me more most my no not of on one or our out s she so some t than
        that the their them then there these they this those to very was we were what when where which who will
        with would you your
    """,
    "French": """
        a ai au aussi autre aux avec avoir beaucoup bien c car ce ces cet cette chaque chez comme d dans de des
        deux dont du elle elles en entre est et était être eux fait faire il ils j je l la le les leur leurs lui
        m ma mais me même mes moi moins mon n ne nos notre nous on ont ou où par pas peu peut peuvent plus pour
        qu quand que qui s sa sans se ses si son sont sous souvent sur t ta te tes toi ton tous tout toute toutes
        très tu un une vos votre vous y
    """,
    "German": """
        aber alle als also am an auch auf aus bei beim bin bis bist da damit dann das dass dein dem den denn der
        des dich die dies diese dieser dieses dir doch dort du durch ein eine einem einen einer eines er es etwas
        für gibt habe haben hat hatte hier ich ihm ihn ihr ihre im immer in ins ist ja jede jeder jedes kann kein
        keine können man mehr mein meine mich mir mit muss nach nicht noch nun nur ob oder oft ohne schon sehr
        sein seine seit sich sie sind so über um und uns unter viel viele vom von vor war waren was weil wenn wer
        werden wie wir wird wo wurde zu zum zur
    """,
    "Italian": """
        a abbiamo agli ai al alla alle allo anche avere c che chi ci come con così cui d da dai dal dalla dalle
        degli dei del dell della delle dello di dopo dove due e è ed era erano essere fra già gli ha hai hanno ho
        i il in io l la le lei li lo loro lui ma mi mia mio molti molto ne negli nei nel nell nella nelle nello
        no noi non o ogni per perché più poi può qual quando quanto quella quello questa queste questi questo sei
        senza si sia solo sono sopra sotto spesso stato su sua sue sui sul sull sulla sulle suo te ti tra tu
        tuo tutti tutto un una uno vi voi
    """,
    "Portuguese": """
        a à ao aos as às até cada com como da das de do dos e é ela elas ele eles em entre era essa esse esta
        está estão este eu foi há isso já lhe mais mas me meu minha muito muitos na não nas no nos nós nossa nosso
        num numa o onde os ou para pela pelo pode por porque pouco quando que quem se sem ser seu seus são sobre
        sua suas também te tem toda todo todos tu tudo um uma umas uns vez você
    """,
    "Spanish": """
        a al algo así aunque aún cada como cómo con cual cuando de del desde donde dos e el él ella ellas ellos
        en entre era es esa ese eso esta está están este esto estos fue ha hace han hasta hay hoy la las le les lo
        los más me mi mis muchas mucho muchos muy nada ni no nos nosotros nuestra nuestro o otra otro para pero
        poco por porque puede pueden que qué quien se ser sí si sido siempre sin sobre son su sus también te tengo
        tiene tienen toda todas todo todos tu tus u un una unas uno unos usted y ya yo
    """,
}
# First words of the Unicode names of letters -> the language, where one alone is written so.
_SCRIPTS = {
    "CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "GREEK": "Greek",
    "HEBREW": "Hebrew", "THAI": "Thai", "ARMENIAN": "Armenian", "GEORGIAN": "Georgian",
}  # fmt: skip
FREQUENT: dict[Language, frozenset[str]] = {name: frozenset(_FREQUENT[name].split()) for name in get_args(Language)}


@lru_cache(maxsize=64)  # a passage is asked about in one prompt after the other
def language_of(text: str) -> str:
    """The language of a text, or only its script where several languages share it; empty where there is no telling."""
    sample = _sample(text)
    scripts = Counter(unicodedata.name(char, "?").partition(" ")[0] for char in sample if char.isalpha())
    script, letters = scripts.most_common(1)[0] if scripts else ("", 0)
    if letters <= scripts.total() / 2 and script not in _SCRIPTS:
        return ""
    if script == "CJK" and scripts["HIRAGANA"] + scripts["KATAKANA"] > letters / 20:
        return "Japanese"
    if script != "LATIN":
        return _SCRIPTS.get(script, script.capitalize())
    words, hits = frequent_words(sample)
    best, second = Counter[str](hits).most_common(2)
    return best[0] if best[1] >= max(MIN_HITS, MIN_SHARE * words, MARGIN * second[1]) else ""


def frequent_words(text: str) -> tuple[int, dict[Language, int]]:
    """The number of words of a text, and how many of them are frequent in each language."""
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text).lower())
    return len(words), {name: sum(word in frequent for word in words) for name, frequent in FREQUENT.items()}


def _sample(text: str) -> str:
    """The beginning, the middle and the end: a title page or a list of sources may be in another language."""
    if len(text) <= 3 * SAMPLE_CHARS:
        return text
    starts = (0, len(text) // 2, len(text) - SAMPLE_CHARS)
    return " ".join(text[start : start + SAMPLE_CHARS] for start in starts)
