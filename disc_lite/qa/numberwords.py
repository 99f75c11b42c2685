"""Number words of several languages and their values, in lower case and without accents."""

from __future__ import annotations

from disc_lite.qa.languages import Language

SMALL_NUMBERS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
}
TENS = {word: 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
# Scale words after a number; and letters after an amount ($4.5m).
FOREIGN_SCALES = {
    **dict.fromkeys("tsd tausend mille mila mil duizend тысяча тысячу тысячи тысяч".split(), 10**3),
    **dict.fromkeys(
        "mio millionen millions millones millon milioni milione miljoen milhoes milhao миллион миллиона "
        "миллионов".split(),
        10**6,
    ),
    **dict.fromkeys("mrd milliarde milliarden milliard milliards miliardo miliardi miljard".split(), 10**9),
}
MONEY_SCALES = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}
MINUS = frozenset({"minus", "минус"})
NOT_ONE = frozenset("no any every some each which this that another the".split())  # no one, the one who
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = {word: n for n, word in enumerate(_ORDINALS.split(), 1)} | {"thirtieth": 30}
# Two to twelve in other languages, without words that are also English ("once", "on").
_FOREIGN = """
    zwei deux dos due dois duas twee два две iki اثنان اثنين اثنتان اثنتين
    drei trois tres tre drie три ثلاثة ثلاث
    vier quatre cuatro quattro quatro четыре dort اربعة اربع
    funf fuenf cinq cinco cinque vijf пять bes خمسة خمس
    sechs seis zes шесть alti ستة ست
    sieben sept siete sette sete zeven семь yedi سبعة سبع
    acht huit ocho otto oito восемь sekiz ثمانية ثماني
    neun neuf nueve nove negen девять dokuz تسعة تسع
    zehn dix diez dieci dez tien десять عشرة عشر
    elf onze undici одиннадцать
    zwolf zwoelf douze doce dodici doze twaalf двенадцать
"""
# 13 to 19, then the tens: in German, French, Spanish, Italian, Portuguese and Dutch in this order, then in others.
_FOREIGN_TEENS = """
    dreizehn treize trece tredici treze dertien тринадцать
    vierzehn quatorze catorce quattordici catorze veertien четырнадцать
    funfzehn fuenfzehn quinze quince quindici vijftien пятнадцать
    sechzehn dieciseis sedici dezesseis dezasseis zestien шестнадцать
    siebzehn dix-sept diecisiete diciassette dezessete dezassete zeventien семнадцать
    achtzehn dix-huit dieciocho diciotto dezoito achttien восемнадцать
    neunzehn dix-neuf diecinueve diciannove dezenove dezanove negentien девятнадцать
"""
_FOREIGN_TENS = """
    zwanzig vingt veinte venti vinte twintig двадцать yirmi عشرون عشرين
    dreissig trente treinta trenta trinta dertig тридцать otuz ثلاثون ثلاثين
    vierzig quarante cuarenta quaranta quarenta veertig сорок اربعون اربعين
    funfzig fuenfzig cinquante cincuenta cinquanta cinquenta vijftig пятьдесят elli خمسون خمسين
    sechzig soixante sesenta sessanta sessenta zestig шестьдесят altmis ستون ستين
    siebzig septante setenta settanta setenta zeventig семьдесят yetmis سبعون سبعين
    achtzig huitante ochenta ottanta oitenta tachtig восемьдесят seksen quatre-vingt quatre-vingts ثمانون ثمانين
    neunzig nonante noventa novanta noventa negentig девяносто doksan تسعون تسعين
"""
FOREIGN_TENS = {word: 10 * n for n, line in enumerate(_FOREIGN_TENS.split("\n")[1:-1], 2) for word in line.split()}
_FOREIGN_HUNDREDS = """
    cien ciento cem сто
    doscientos doscientas duzentos duzentas двести
    trescientos trescientas trezentos trezentas триста
    cuatrocientos cuatrocientas quatrocentos quatrocentas четыреста
    quinientos quinientas quinhentos quinhentas пятьсот
    seiscientos seiscientas seiscentos seiscentas шестьсот
    setecientos setecientas setecentos setecentas семьсот
    ochocientos ochocientas oitocentos oitocentas восемьсот
    novecientos novecientas novecentos novecentas девятьсот
"""
FOREIGN_HUNDREDS = {w: 100 * n for n, line in enumerate(_FOREIGN_HUNDREDS.split("\n")[1:-1], 1) for w in line.split()}
FOREIGN_THOUSANDS = dict.fromkeys("tausend mille mil duizend тысяча тысячу".split(), 1000)  # also without a number
FRENCH_UNITS = frozenset("deux trois quatre cinq six sept huit neuf".split())  # before "cents"
NUMBER_LINKS = frozenset("et y e".split())  # vingt et un, treinta y uno, vinte e um
_SIMPLE = {word: n for n, line in enumerate(_FOREIGN.split("\n")[1:-1], 2) for word in line.split()}
_TEENS = {word: n for n, line in enumerate(_FOREIGN_TEENS.split("\n")[1:-1], 13) for word in line.split()}
FOREIGN_UNITS = {word: n for word, n in _SIMPLE.items() if n < 10}
FOREIGN_ONES = dict.fromkeys("ein eins een un uno une um uma один одна одно bir".split(), 1)
ONES_BEHIND_A_LINK = frozenset("ein eins een un uno une um uma".split())  # "vinte e um" is 21, "zwanzig um acht" is not


def _compounds() -> dict[str, int]:
    """Numbers up to 99 in one word, with their values: einundzwanzig, eenentwintig, vingt-deux, veintiuno, ventuno."""
    german, dutch, italian, spanish, french = (
        {word: n for n, word in enumerate(words.split(), 1)}
        for words in (
            "ein zwei drei vier funf sechs sieben acht neun",
            "een twee drie vier vijf zes zeven acht negen",
            "uno due tre quattro cinque sei sette otto nove",
            "uno dos tres cuatro cinco seis siete ocho nueve",
            "un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
            "dix-huit dix-neuf",
        )
    )
    numbers = {f"veinti{unit}": 20 + n for unit, n in spanish.items()} | {"veintiun": 21}
    for line in _FOREIGN_TENS.split("\n")[1:-1]:
        de, fr, _, it, _, nl = [ten for ten in line.split() if ten != "fuenfzig"][:6]
        tens = FOREIGN_TENS[de]
        numbers |= {f"{unit}und{de}": tens + n for unit, n in german.items()}
        numbers |= {f"{unit}en{nl}": tens + n for unit, n in dutch.items()}
        numbers |= {(it[:-1] if unit[0] in "uo" else it) + unit: tens + n for unit, n in italian.items()}
        numbers |= {f"{fr}-{unit}": tens + n for unit, n in french.items() if n < 10} | {f"{fr}-et-un": tens + 1}
    for fr, tens in (("soixante", 60), ("quatre-vingt", 80)):
        numbers |= {f"{fr}-{unit}": tens + n for unit, n in french.items()}
    return numbers | {"soixante-et-onze": 71}


FOREIGN_SMALL = _compounds() | _SIMPLE | _TEENS | FOREIGN_TENS  # 2 to 99, in one word
# The umlaut of fünf can be written out.
FOREIGN_SMALL |= {word.replace("funf", "fuenf"): n for word, n in FOREIGN_SMALL.items()}
# Number words that are other words in other languages, and the language in which they are numbers ("dort": Turkish).
NUMBERS_IN: dict[str, Language | None] = {
    "due": "Italian", "sei": "Italian", "dos": "Spanish", "quince": "Spanish", "dix": "French", "sept": "French",
    "dez": "Portuguese", "doze": "Portuguese", "dort": None,
}  # fmt: skip
