"""`details_of` finds the names, numbers, dates and terms in sentences of many languages."""

import pytest

from disc_lite.qa.details import MOST, details_of
from tests.counting import calls_in

SENTENCES = [
    ("Up to six unused days may be carried over, but they lapse on 20 June.", "English", "six unused days; 20 June"),
    ("Ask for leave in Sandpiper; your team lead has four working days.", "English", "Sandpiper; four working days"),
    ("Ada Brink founded the company in 1987, in a rented loft.", "", "Ada Brink; 1987"),
    ("If you get home after ten in the evening, start at 11:15 the next day.", "", "ten; 11:15"),
    ("Usually Ada Brink came at 4 instead of 3.", "English", "Ada Brink; 4; 3"),
    ("The desk is open all day and nobody is refused.", "", ""),
    ("Parental leave is long. Members may ask.", "", ""),  # capitals only at the start of a sentence
    ("Holt & Lind of Skellan Point pay $4.50, or 15% of it.", "", "Holt & Lind of Skellan Point; $4.50; 15%"),
    ("Home coast | 34 euros | 108 euros |", "", "Home coast; 34 euros; 108 euros"),
    ('He wrote "Moby Dick" then.', "", "Moby Dick"),
    ("Set `max_retries` to 5 or pass --retry-count to getValue().", "", "max_retries; --retry-count; getValue; 5"),
    (
        "Maria Olsen, die 2011 in die Firma Holt & Lind kam, leitet das Büro.",
        "German",
        "Maria Olsen; 2011; Firma Holt & Lind",
    ),
    ("Die Waschküche ist von 7 bis 20 Uhr offen.", "German", "7; 20 Uhr"),
    ("Le musée ouvre à neuf heures, dit Marie Curie.", "French", "neuf heures; Marie Curie"),
    ("Директор завода Иван Петров родился 5 мая в Туле.", "Cyrillic", "Иван Петров; 5 мая; Туле"),
    ("图书馆星期六11点开门。《红楼梦》在3楼。", "Chinese", "红楼梦; 星期六; 11点; 3楼"),
    # Dates, times, amounts
    ("Am 3. Mai 2021 und ab Samstag, nie im März, gilt das 5. Gebot.", "German", "3. Mai 2021; Samstag; März; 5"),
    ("It ran on May 5, 2020, and in November.", "English", "May 5, 2020; November"),
    ("El museo abre el 20 de junio de 2023 y cierra el lunes.", "Spanish", "20 de junio de 2023; lunes"),
    ("Il dure deux heures, de 9 h 30 à 11 h 30, pour 12,50 €.", "French", "deux heures; 9 h 30; 11 h 30; 12,50 €"),
    ("Im Winter 1944 brannte Haus 2, zwei neue Dächer kamen.", "German", "1944; Haus 2; zwei neue Dächer"),
    ("Open 9:00–17:00, telephone +49 30 12345.", "English", "9:00–17:00; +49 30 12345"),
    ("संग्रहालय 5 दिनों के लिए खुला है।", "Devanagari", "5 दिनों"),
    ("المتحف مفتوح ٣٠ يوما من 9 إلى 17.", "Arabic", "٣٠ يوما; 9; 17"),
    ("图书社有四名员工，一九三四年九月创办，十分重要，用GitHub登录。", "Chinese", "四名; 一九三四年九月; GitHub"),
    ("入場料は500円、2020年5月3日に開館。", "Japanese", "500円; 2020年5月3日"),
    ("ジョン・スミスさんは高さ333メートルの塔を建てた。", "Japanese", "ジョン・スミス; 333メートル"),
    ("Send it within 3-5 business days; two glass doors are open.", "English", "3-5 business days; two glass doors"),
    (
        "税号为91310000MA1FL3XQ7，电话021-5566，3-5天内用5G网络。",
        "Chinese",
        "91310000MA1FL3XQ7; 021-5566; 3-5天; 5G",
    ),
    ("详见《费用报销指南》第三版。", "Chinese", "费用报销指南; 第三版"),
    ("Die Tonne wird dienstags geleert.", "German", "dienstags"),
    # Names
    (
        "The lease of Unit 7B and of House 12a on Tuesday 14 people signed.",
        "English",
        "Unit 7B; House 12a; Tuesday; 14 people",
    ),
    ("Meet Imre Solvang.", "English", "Imre Solvang"),
    ("The owner has first been given a second, on the second day.", "English", "second day"),
    ("We saw J. R. Tolkien and Dr. Smith at Kestrelhavn's gate.", "English", "J. R. Tolkien; Dr. Smith; Kestrelhavn"),
    ("He lives at 22 Netmakers' Row by the Bank of Ardel.", "English", "22 Netmakers' Row; Bank of Ardel"),
    ("Museum: gebouwd door Jan van der Berg.", "Dutch", "Jan van der Berg"),
    ("Elle siège à l'Hôtel de Ville.", "French", "Hôtel de Ville"),
    ("Neue Mieter zahlen dort an Dr. Wiebke Sonntag.", "German", "Dr. Wiebke Sonntag"),
    ("BY-LAW RESPECTING THE PUBLIC MARKET OF ELLERWICK", "English", ""),
    (
        "Le Conseil d'État et la Gare de l'Opéra coûtent deux euros.",
        "French",
        "Conseil d'État; Gare de l'Opéra; deux euros",
    ),
    ("A lei é da Câmara dos Deputados.", "Portuguese", "Câmara dos Deputados"),
    ("La Banca d'Italia paga due euro.", "Italian", "Banca d'Italia; due euro"),
    ("La entrada cuesta dos euros en el Banco de España.", "Spanish", "dos euros; Banco de España"),
    ("Каждый вторник приходит Анна Петрова.", "Cyrillic", "вторник; Анна Петрова"),
    (
        "两小时后走26公里，十二个月内，三分之一的会员付百分之五，十分重要，一小时。",
        "Chinese",
        "两小时; 26公里; 十二个月; 三分之一; 百分之五; 一小时",
    ),
    ("月曜日は三日間、二ユーロです。", "Japanese", "月曜日; 三日間; 二ユーロ"),
    ("So roughly a third of us come; a third party pays.", "English", "a third; third party pays"),
    # The numbers of paragraphs and sections are not details; the value of a label is
    ("(1) The Minister of Coasts acts under section 3 and Article 5 [12].", "English", "Minister of Coasts"),
    ("3. Start: May", "English", "May"),
    ("- **Trade:** lawyer", "English", "lawyer"),
    ("Er liegt bei 5 kWh nach § 5 Abs. 2 Satz 1.", "German", "5 kWh"),
    # Code and marks
    ('The 24" and the 27" monitor, »Moby Dick« and "x_1".', "English", "Moby Dick; x_1; 24; 27"),
    ("Mail help@tarn.example or see https://tarn.example/v2.", "English", "help@tarn.example; https://tarn.example/v2"),
    ("Call `seal(name)` or seal_channel(name).", "English", "seal(name); seal_channel"),
    ("| a \\| b | yes | - | — | n/a | | `no_wait` |", "English", "a | b; no_wait"),
    ("P(A|B) is 0.3 where |x| < 3.", "English", "0.3; 3"),
    ("Name: ____________", "English", ""),
    (
        "Open port 80 or http://localhost:8080, and set `retry_5` to 5.",
        "English",
        "retry_5; http://localhost:8080; 80; 5",
    ),
    ('In "Moby Dick" Melville has a whale.', "English", "Moby Dick; Melville"),
    ("İSTANBUL BÜYÜK 5 GÜN; You're late, O'Brien's here.", "", "İSTANBUL BÜYÜK; 5 GÜN; O'Brien"),
    ("BÜRO İ 5 UHR", "", "BÜRO İ; 5 UHR"),
    ("def f(a: int) -> str | None:", "", "None"),
]


@pytest.mark.parametrize(("sentence", "language", "expected"), SENTENCES, ids=[s[:20] for s, _, _ in SENTENCES])
def test_the_details_of_a_sentence(sentence: str, language: str, expected: str) -> None:
    assert "; ".join(details_of(sentence, language)) == expected


def test_a_row_of_many_cells_has_no_more_details_than_are_asked_for() -> None:
    row = " | ".join(f"cell {n}" for n in range(30))
    assert details_of(row) == tuple(f"cell {n}" for n in range(MOST))


def test_a_longer_cell_or_value_is_a_statement() -> None:
    eight = "one or two of three or more stones"
    assert details_of(f"| Mill | {eight} |") == ("Mill", eight)
    assert details_of(f"| Mill | {eight} nine |") == ("Mill",)
    assert details_of("Colour: red as old wine") == ("red as old wine",)
    assert details_of("Colour: red as very old wine") == ()


@pytest.mark.parametrize("part", ["_", '"ab" Cd 7 ', "a_", "-", "一", "“ab "])
def test_the_work_grows_with_the_length_of_a_sentence_and_no_faster(part: str) -> None:
    some, twice = (calls_in(details_of, part * n + "-", "English") for n in (5_000, 10_000))
    assert twice < 2.2 * some + 1000
