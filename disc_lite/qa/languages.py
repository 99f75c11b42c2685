"""Text -> its language, by script and frequent words; reliable for a sentence or two, not for single words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import Literal, get_args

Language = Literal["Dutch", "English", "French", "German", "Italian", "Portuguese", "Spanish"]

MIN_HITS = 3  # frequent words that a text needs at least
MARGIN = 4 / 3  # least ratio to the hits of any other language: Danish, which has no list, has words of several
NORDIC = "[åøæ]"  # letters that none of these languages has; Danish shares "er" and "om" with Dutch
MOST_NORDIC = 1 / 16  # highest share of words with such letters, which names can have
MIN_SHARE = 1 / 6  # least share of frequent words in a whole document, which has names, tables and code too
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
# Frequent words of languages that can be recognised by their script, or nearly.
_FREQUENT_IN_SCRIPT = {
    "Cyrillic": """
        а без бы был была были было быть в вам вас весь во вот все всё всего всех вы где да для до его ее её если есть
        еще ещё же за и из или им их к как какая какие какое какой когда который которая которые кто куда ли между
        меня мне может можно мы на над надо нас не него нее неё нет ни них но ну о об он она они оно от по под после
        почему при про с сам свой себя сколько со так также там те тем то того тоже только том тот ту ты у уже чего
        чей чем что чтобы чья эта эти это этот этого этой этом я является
    """,
    "Arabic": """
        أن إن أو أي أين إلى ألا أم أنا أنت إذا التي الذي الذين ب بعد بل بين ثم حتى حيث ذلك تلك عن عند على غير في فإن
        قبل قد كان كانت كل كم كيف لا لكن لم لما لماذا لن له لها لهم ليس ليست ما ماذا متى مع من منه منها منذ نعم هذا
        هذه هل هم هن هو هي هنا هناك و وهو وهي يا يكون تكون
    """,
    "Chinese": """
        的了是在和与及或有不这那哪谁什么多少几吗呢吧啊怎样为被把从到对于以可能会要应该须需个些每各其它他她我你您们就都也还又而但因所
        之者着过得地很更最里中上下时候请问没无一此由用如果则即并且等来去做当让给甚麼幾何嗎樣為從對於會應該須個們還著過裡時請問沒無則
        並來當讓給
    """,
}
# First word of a letter's Unicode name -> the language, where only one language is written in that script.
_SCRIPTS = {
    "CJK": "Chinese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "HANGUL": "Korean", "GREEK": "Greek",
    "HEBREW": "Hebrew", "THAI": "Thai", "ARMENIAN": "Armenian", "GEORGIAN": "Georgian",
}  # fmt: skip
_LETTERS = {"CJK": 3, "HIRAGANA": 2, "KATAKANA": 2, "HANGUL": 2}  # how many Latin letters one is worth
# Blocks and spans of code, addresses and dotted names: they are English or no words at all in texts of any language.
_CODE = re.compile(
    r"^(```|~~~).*?^\1|`[^`\n]*`|(?<![!-~])[!-~]*[A-Za-z0-9][_./\\@(){}=<>:]+[A-Za-z0-9][!-~]*",
    re.DOTALL | re.MULTILINE,
)
IN_SCRIPT = {
    script: frozenset("".join(words.split()) if script == "Chinese" else words.split())
    for script, words in _FREQUENT_IN_SCRIPT.items()
}
FREQUENT: dict[Language, frozenset[str]] = {name: frozenset(_FREQUENT[name].split()) for name in get_args(Language)}


@lru_cache(maxsize=64)  # the same passage is in many consecutive prompts
def language_of(text: str) -> str:
    """The language of a text, or its script if several languages are written in it; "" if neither is clear."""
    sample = _CODE.sub(" ", _sample(text))
    counts = Counter(unicodedata.name(char, "?").partition(" ")[0] for char in sample if char.isalpha())
    scripts = Counter({script: number * _LETTERS.get(script, 1) for script, number in counts.items()})
    script, letters = scripts.most_common(1)[0] if scripts else ("", 0)
    if letters <= scripts.total() / 2 and script not in _SCRIPTS:
        return ""
    if script == "CJK" and scripts["HIRAGANA"] + scripts["KATAKANA"] > letters / 20:
        return "Japanese"
    if script != "LATIN":
        return _SCRIPTS.get(script, script.capitalize())
    words, hits = frequent_words(sample)
    best, second = Counter[Language](hits).most_common(2)
    nordic = sum(re.search(NORDIC, word) is not None for word in _words(sample))
    is_clear = best[1] >= max(MIN_HITS, MIN_SHARE * words, MARGIN * second[1]) and nordic <= MOST_NORDIC * words
    return best[0] if is_clear else ""


def words_without_meaning(language: str) -> frozenset[str]:
    """The frequent words of a language (for Chinese and Japanese, characters), which do not show a text's subject."""
    if language in FREQUENT:
        return FREQUENT[language]
    return IN_SCRIPT.get("Chinese" if language == "Japanese" else language, frozenset())


def frequent_words(text: str) -> tuple[int, dict[Language, int]]:
    """The number of words of a text, and how many of them are frequent in each language."""
    words = _words(text)
    return len(words), {name: sum(word in frequent for word in words) for name, frequent in FREQUENT.items()}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text).lower())


def _sample(text: str) -> str:
    """The beginning, middle and end of a text: a title page or a list of sources can be in another language."""
    if len(text) <= 3 * SAMPLE_CHARS:
        return text
    starts = (0, len(text) // 2, len(text) - SAMPLE_CHARS)
    return " ".join(text[start : start + SAMPLE_CHARS] for start in starts)
