"""Word lists: articles, negators, months, units, plurals, in lower case without accents; numbers: `numberwords`."""

from __future__ import annotations

# Articles count as such only before a word: "Option A" ends in a letter. English, German, French, Spanish, Italian
# and Dutch, after MLQA (arXiv 1910.07475), without those that are another word elsewhere ("um", "as").
ARTICLES = frozenset(
    "a an the der die das den dem des ein eine einen einem einer eines le la les un une el los las unos unas il lo gli "
    "uno una het een".split()
)
# Articles that can mean "one", the periods before which they do ("a week"), and words before the article that make it
# mean "each" ("twice a week").
ONE_ARTICLES = frozenset("a an ein eine einen einem einer un une una uno um uma een".split())
PERIODS = frozenset(
    "second minute hour day week month year decade century sekunde stunde tag woche monat jahr jahrzehnt jahrhundert "
    "seconde heure jour semaine mois an annee segundo minuto hora dia semana mes ano ora giorno settimana mese anno "
    "dag maand jaar uur".split()
)
HOW_OFTEN = frozenset("once twice times half einmal zweimal dreimal mal fois vez veces volta volte vezes keer".split())
# Elided before a vowel in French and Italian: l'école, d'accord, dell'arte.
ELIDED = frozenset("l d qu n s j m t c jusqu lorsqu puisqu quelqu dell all nell sull dall un gl quell".split())

# "without", "ohne", "sans", "sin" and the like are not negators: rules use them for what is needed ("not without a
# badge", "without a permit entry is forbidden"), and "sin" is "his" in Swedish and a function in mathematics.
NEGATORS = frozenset(
    "not no never neither nor nicht kein keine keinen keinem keiner keines nie niemals weder pas jamais ni "
    "keinesfalls keineswegs aucun aucune nunca jamas tampoco ningun ninguna non nessun nessuno nessuna nao nem niet "
    "geen nooit nie не нет ни нельзя ikke inte aldrig khong tidak bukan δεν μη μην οχι لا ليس "
    "ليست لم لن غير לא אין नहीं न".split()
)
# "No" is a negator in English and Spanish, but "in the" in Portuguese: it counts in texts with one of these words.
NO_NEGATES_BESIDE = frozenset(
    "is are was were be been am has have had do does did can will may must should there the it this that he she they "
    "we you i of and for to at with in on by es esta son hay el los las del".split()
)
# Words that can stand between a negator and what it negates, as can adverbs in -ly except FOCUS_ADVERBS.
TRANSPARENT = frozenset(
    "be been being is are was were am do does did have has had at in on to for by of from with as this that very yet "
    "longer even ever any anymore always am im an auf bei um zu mit von vom zum zur fur ist sind war mehr en au aux de "
    "du dans sur pour sont est es esta son estan ser al del sono e di nel nella sao em na в на это op с يوم".split()
)
# Negators of several words, and those whose second word follows the verb: "n'est plus", "non è più".
NEGATING_PHRASES = frozenset(
    phrase.strip()
    for phrase in (
        "by no means, not at all, in no way, in no case, under no circumstances, on no account, "
        "auf keinen fall, in keinem fall, unter keinen umstanden, in keiner weise, "
        "en aucun cas, aucune maniere, aucune facon, sous aucun pretexte, "
        "en ningun caso, de ningun modo, de ninguna manera, en modo alguno, bajo ningun concepto, "
        "in nessun caso, in nessun modo, in alcun modo, per nessun motivo, in geen geval"
    ).split(",")
)
NEGATING_PAIRS = {"plus": "ne", "guere": "ne", "piu": "non"}
DO = frozenset("do does did".split())
LIMITING = frozenset({"exceed", "surpass"})  # "does not exceed 5 days" limits 5 days and does not negate it
FOCUS_ADVERBS = frozenset("only merely solely simply exclusively".split())
# Negators that follow what they negate, and words that can stand between the two.
NEGATORS_AFTER = ("degil", "नहीं", "아니", "아닙", "않")
POSTPOSITIONS = frozenset("को में पर से का की के है".split())
# Negators in scripts without spaces between words, before and after what they negate.
UNSPACED_NEGATORS = tuple(
    "禁止 严禁 嚴禁 请勿 請勿 "
    "不 没 沒 未 不是 不在 不会 不會 不能 不可 不可以 不得 不需要 不用 不再 没有 沒有 并非 並非 并不 並不 "
    "尚未 从未 從未 无法 無法 ไม่ ไม่ใช่ ไม่ได้ ไม่ได้รับ ไม่มี มิใช่".split()
)
UNSPACED_NEGATORS_AFTER = ("ではな", "ではあり", "じゃな", "じゃあり", "でな")
# With and without accents, since some texts are compared as they are written.
YES = frozenset("yes ja oui sí si да sim tak evet نعم 네 예 हाँ हां 是 是的 对 對 对的 對的 はい ใช่".split())
NO = frozenset(
    "no nein non нет não nao nee nie hayır hayir tidak لا 아니요 아니오 नहीं 不是 不 不对 不對 否 いいえ ไม่ใช่".split()
)
YES_NO = YES | NO
TRUE_FALSE = frozenset("true false wahr falsch richtig vrai faux verdadero falso vero waar onwaar".split())
THERE_IS_NONE = frozenset({"没有", "沒有"})  # by itself it answers no
AND = frozenset("and und et y e en и 和 与 與 及".split())
CHOICE = frozenset("or and oder und ou et o y e of en или и".split())  # yes or no, yes and no
BECAUSE = frozenset(
    "because since but though although weil denn aber car mais porque pero perche ma omdat maar".split()
)
# At the beginning of a text these are an answer; "no" ("no dogs") and Italian "si" ("si apre") are not always one.
OPENS_AS_ANSWER = frozenset("yes ja nein nee oui sim да нет evet hayir".split())
# Words that show, after a yes or no that begins a text, that it is an answer: "no it does not", but not "no dogs".
AFTER_YES_NO = frozenset(
    "i it he she we you they this that these those there the a an its his her their our my your "
    "not only thanks thank danke "
    "das es er sie ich wir ihr dies der die man il elle on ce c nous ils elles je это он она они it's".split()
)

_MONTHS = """
    january jan januar janner janvier janv enero gennaio janeiro januari января январь stycznia ocak يناير जनवरी
    february feb februar fevrier fevr febrero febbraio fevereiro fev februari февраля февраль lutego subat فبراير फरवरी
    march mar marz maerz mars marzo marco maart марта март marca mart مارس मार्च
    april apr avril avr abril abr aprile апреля апрель kwietnia nisan ابريل अप्रैल
    may mai mayo maggio mag maio mei maj мая май maja mayis مايو मई
    june jun juni juin junio giugno giu junho июня июнь czerwca haziran يونيو जून
    july jul juli juillet juil julio luglio lug julho июля июль lipca temmuz يوليو जुलाई
    august aug aout agosto augustus augusti августа август sierpnia agustos اغسطس अगस्त
    september sept sep septembre septiembre setiembre settembre setembro сентября сентябрь wrzesnia eylul سبتمبر सितंबर
    october oct oktober okt octobre octubre ottobre ott outubro октября октябрь pazdziernika ekim اكتوبر अक्टूबर अक्तूबर
    november nov novembre noviembre novembro ноября ноябрь listopada kasim نوفمبر नवंबर नवम्बर
    december dec dezember dez decembre diciembre dic dicembre dezembro декабря декабрь grudnia aralik ديسمبر दिसंबर
"""
MONTHS = {name: number for number, line in enumerate(_MONTHS.split("\n")[1:-1], 1) for name in line.split()}
MONTH_NAMES = tuple(line.split()[0] for line in _MONTHS.split("\n")[1:-1])
VERBS = frozenset({"may", "march"})  # not months if they are in lower case before a number
OF = frozenset("of de del di van".split())  # 20th of June, 20 de junio
TO = frozenset({"to", "through", "bis", "至", "到"})  # 9 to 17, Monday to Friday
WEEKDAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday "
    "montag dienstag mittwoch donnerstag freitag samstag sonntag".split()
)
# With a capital only: "sat" is a verb.
SHORT_WEEKDAYS = {
    "Mon": "monday", "Tue": "tuesday", "Tues": "tuesday", "Wed": "wednesday", "Thu": "thursday", "Thur": "thursday",
    "Thurs": "thursday", "Fri": "friday", "Sat": "saturday", "Sun": "sunday",
}  # fmt: skip
# Parts of the day after a time of day, without accents.
PARTS_OF_DAY = {
    **dict.fromkeys(
        "in the morning, in the early morning, morgens, vormittags, am morgen, am vormittag, du matin, de la manana, "
        "del mattino, di mattina, da manha, утра".split(", "), "am",
    ),
    **dict.fromkeys(
        "in the afternoon, in the late afternoon, in the evening, nachmittags, abends, am nachmittag, am abend, "
        "du soir, de la tarde, de la noche, del pomeriggio, di sera, da tarde, da noite, вечера".split(", "), "pm",
    ),
    "at night": "night", "nachts": "night",
}  # fmt: skip
# A full stop after these does not end a clause: "Sept. 5", "3 Mio. €".
SHORTENED = frozenset("jan feb mar apr jun jul aug sep sept oct okt nov dec dez mio mrd tsd".split())

_UNITS = """
    % percent pct prozent pourcent procent процент процента процентов بالمية بالماية प्रतिशत yuzde
    km kilometre kilometres kilometer kilometers
    m metre metres meter meters
    cm centimetre centimetres centimeter centimeters zentimeter
    mm millimetre millimetres millimeter millimeters
    kg kilogram kilograms kilo kilos kilogramm
    g gram grams gramm gramme grammes
    mg milligram milligrams milligramm
    l litre litres liter liters
    ml millilitre millilitres milliliter milliliters
    h hour hours hr hrs stunde stunden heure heures hora horas ore
    min minute minutes mins minuten minutos minuti
    s sec secs second seconds sekunde sekunden
    ms millisecond milliseconds
    day days tag tage jour jours dia dias giorno giorni dag dagen день дня дней 天 日
    week weeks woche wochen semaine semaines semana semanas settimana settimane weken неделя недели недель 周 週
    month months monat monate mois mes meses mese mesi maand maanden месяц месяца месяцев
    year years jahr jahre annee annees ans ano anos anno anni jaar год года лет 年
    kb kilobyte kilobytes
    mb megabyte megabytes
    gb gigabyte gigabytes
    tb terabyte terabytes
    mi mile miles
    ft foot feet
    inch inches
    m2
    m3
    μm micrometre micrometres micrometer micrometers mikrometer
    oz ounce ounces
    kmh
    mph
    v volt volts
    w watt watts
    kw kilowatt kilowatts
    kwh kilowatt-hour kilowatt-hours kilowattstunde kilowattstunden
    hz hertz
    khz kilohertz
    mhz megahertz
    ghz gigahertz
    pa pascal
    kpa kilopascal
    mpa megapascal
    bar
    mbar millibar
    nm newton-metre newton-metres newton-meter newton-meters
    db decibel decibels
    rpm
    °c celsius
    °f fahrenheit
    € euro euros eur
    $ dollar dollars usd
    £ pound pounds gbp
    ¥ yen jpy 円
    cny yuan rmb 元
    krw won 원
    brl reais
    ₹ rupee rupees inr rs
    chf franken franchi
"""
DEGREES = frozenset("degree degrees grad degre degres grado grados gradi grau graus graad graden".split())  # Celsius
# An amount per one of these is still that amount: "30 min/day" gives "30 min", but "5 m/s" does not give "5 m".
EACH = frozenset(
    "day week month year night visit person tag woche monat jahr nacht besuch jour semaine mois an nuit visite "
    "personne dia semana mes ano noche visita persona giorno settimana mese anno notte".split()
)
UNITS = {word: line.split()[0] for line in _UNITS.split("\n")[1:-1] for word in line.split()}
CURRENCIES = frozenset("€ $ £ ¥ ₹".split())
CURRENCY_CODES = frozenset("EUR USD GBP JPY INR Rs CHF CNY KRW BRL".split())  # before a number, as they are written
# Units with a capital or of a single letter, directly after digits: 5g, but not 5G.
LETTER_UNITS = frozenset(
    "m g l h s L V W Hz kHz MHz GHz kW MW GW kWh MWh kB KB MB GB TB Pa kPa MPa hPa Nm kN dB mAh AM PM Uhr".split()
)
# Korean particles, the longest first.
PARTICLES = tuple(
    "이었습니다 입니다 이에요 에서는 으로는 에게서 까지 부터 에서 에게 으로 이다 예요 이며 처럼 보다 한테 마다 "
    "은 는 이 가 을 를 에 의 로 와 과 도 만".split()
)
# British words with another ending in American English.
_BRITISH = """
    arbour armour behaviour candour colour endeavour favour flavour glamour harbour honour humour labour neighbour
    odour parlour rancour rigour rumour savour splendour tumour valour vapour vigour centre fibre litre lustre meagre
    metre sabre sombre spectre theatre catalogue dialogue analogue
"""
BRITISH = {
    word: word[:-3] + "or" if word.endswith("our") else word[:-2] + "er" if word.endswith("re") else word[:-2]
    for word in _BRITISH.split()
} | {"grey": "gray", "aluminium": "aluminum", "plough": "plow", "programme": "program", "tyre": "tire"}
# Words in -s that are not the plural of another word, or that mean something else.
NO_PLURALS = frozenset("news goods customs means arms always perhaps species series thanks".split())
IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "people": "person", "feet": "foot", "teeth": "tooth",
    "mice": "mouse", "geese": "goose", "knives": "knife", "wives": "wife", "lives": "life", "halves": "half",
    "leaves": "leaf", "loaves": "loaf", "shelves": "shelf", "wolves": "wolf",
}  # fmt: skip
