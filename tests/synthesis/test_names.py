"""Names and numbers that a draft has and its passage has not, in whatever form and inflection."""

from __future__ import annotations

import pytest

from disc_lite.prompts.writing import EXAMPLES
from disc_lite.synthesis.beginnings import names_more
from disc_lite.synthesis.names import invented
from disc_lite.synthesis.screening import answer_fault, question_fault

POOL = "# Stadtbad Lund\n\n## Preise\n\n- Tageskarte: 8,50 Euro\n- Kinder unter 12 Jahren: frei\n- Hunde: nicht erlaubt"

HOUSE = (
    "Der Hausmeister im Haus ist Herr Kuhnert, die Verwalterin ist Frau Dr. Özdemir, und sie sind auch am Samstag da."
)


@pytest.mark.parametrize(("passage", "answer", "made_up"), [
    ("Das Museum ist von 9 bis 17 Uhr geöffnet.", "Das Museum öffnet um 9 Uhr.", False),
    ("Das Museum ist von 9 bis 17 Uhr geöffnet.", "Das Museum öffnet um 8 Uhr.", True),
    ("Open 9:00-17:00.", "It opens at 9 am and closes at 5 pm.", False),
    ("Open 9:00-17:00.", "It closes at 6 pm.", True),
    ("The museum is open from 9 am to 5 pm.", "The museum is open from 9 to 5 pm.", False),
    ("The fee is $84.00.", "The fee is 84 dollars.", False),
    ("The fee is $84.00.", "The fee is 840 dollars.", True),
    ("Die Gebühr beträgt 2.000 Euro.", "Die Gebühr beträgt 2000 Euro.", False),
    ("Es dauert eine Stunde.", "Es dauert 1 Stunde.", False),
    ("Es kostet eine Menge.", "Es dauert 1 Stunde.", True),
    ("It takes one hour.", "It takes 1 hour.", False),
    ("Room 12a is on floor 3.", "Room 12a is on the third floor.", False),
    ("Room 12a is on floor 3.", "Room 13a is on floor 3.", True),
    ("Samstags öffnet sie nicht vor elf.", "Sie öffnet samstags um elf Uhr.", False),
    # With the unit that it has there, wherever that is written.
    ("A massage takes 50 minutes and costs 40 euros.", "A massage takes 50 min.", False),
    ("A massage takes 50 minutes and costs 40 euros.", "A massage takes 50 hours.", True),
    ("A massage takes 50 minutes and costs 40 euros.", "A massage costs 50 euros.", True),
    ("A massage takes 50 minutes and costs 40 euros.", "A massage costs 40 dollars.", True),
    ("A massage costs 40 euros, or 50 with oil.", "With oil a massage costs 50 euros.", False),
    ("| Price in € | Time |\n| 40 | 50 min |", "It costs 40 euros.", False),
    ("Notice is given 3 weeks before.", "Notice is given 3 days before.", True),
    ("Die Frist beträgt 14 Tage.", "Die Frist beträgt 14 Wochen.", True),
    ("Le contrat dure dix-huit mois.", "Le contrat dure 18 jours.", True),
    ("Le contrat dure dix-huit mois.", "Le contrat dure 18 mois.", False),
    ("| S-307 | too many calls in a minute |\n| S-308 | one second |", "It means too many calls in a minute.", False),
    ("Die Frist beträgt einen Monat.", "Die Frist beträgt eine Woche.", True),
    ("It lasts 3 calendar months, a 30-day period.", "It lasts 3 months or 30 days.", False),
    ("The pressure is 16 bar (1.6 MPa).", "The pressure is 16 MPa.", True),
    ("Le dépôt est de deux mille cinq cents euros.", "Le dépôt est de 2500 €.", False),
    ("At most two guests enter.", "Only two may enter.", False),  # not on 2 May
    # A unit may be written in a way that is not known.
    ("A bag weighs at most 50 lb.", "A bag weighs at most 50 pounds.", False),
    ("Die Pause ist 60-minütig.", "Die Pause dauert 60 Minuten.", False),
    ("The pipe is 6' long.", "The pipe is 6 feet long.", False),
    ("The timeout is 5m.", "The timeout is 5 minutes.", False),
    ("Elle ouvre de 9 à 17.", "Elle ferme à 17 heures.", False),
    ("The pump moves 180 litres a day.", "The pump moves 180 L a day.", False),
    ("The pump moves 180 litres a day.", "The pump moves 180 KG a day.", True),
    ("Water boils at 100 °C.", "Water boils at 100 degrees Celsius.", False),
    ("Water boils at 100 °C.", "Water boils at 100 degrees Fahrenheit.", True),
    ("A ticket costs 20 €.", "A ticket costs 20 Euros.", False),
    ("A ticket costs 20 €.", "A ticket costs 20 Dollars.", True),
    ("The museum closes at 17:00.", "The museum closes at 5 PM.", False),
    ("It cost $1.2 million to build.", "It cost $1.2M to build.", False),
    ("It cost $1.2 million to build.", "It cost $1.3M to build.", True),
    ("The gate closes on Sept. 5.", "The gate closes on September 5.", False),
    ("The gate closes on Sept. 5.", "The gate closes on October 5.", True),
    ("The gate closed on 2020-03-05.", "The gate closed on March 5, 2020.", False),
    ("The gate closed on 2020-03-05.", "The gate closed on May 5, 2020.", True),
    ("A ticket costs 20 €.", "A ticket costs EUR 20.", False),
    # Numbers in another language only.
    ("The rent must be paid by 5 May.", "The rent is due on 5 May.", False),
    ("Die Schlüssel liegen beim Pförtner.", "Die Schlüssel liegen dort beim Pförtner.", False),
    ("O livro é do chefe dos Recursos Humanos em Lund.", "Dos Recursos Humanos.", False),
    ("Gli uffici sono a Lund e a Bergen.", "Ci sono due uffici.", True),
])  # fmt: skip
def test_a_number_is_known_in_each_of_its_forms(passage: str, answer: str, made_up: bool) -> None:
    assert invented(answer, passage, is_answer=True) == made_up


@pytest.mark.parametrize(("beginning", "made_up"), [
    ("People who", False), ("Such guests", False), ("Whoever", False), ("Even those who", False), ("Another who", False),
    ("Usually who", False), ("Always, who", False), ("Take care, who", False), ("Don't ask who", False),
    ("None of those who", False), ("Ranta, who", True),
])  # fmt: skip
def test_an_answer_may_begin_with_an_ordinary_word(beginning: str, made_up: bool) -> None:
    source = "If you get home after ten in the evening, you need not start work before 11:15 the next morning."
    answer = f"{beginning} gets home after ten need not start before 11:15."
    assert invented(answer, source, is_answer=True, language="English") == made_up


@pytest.mark.parametrize(("passage", "text", "made_up"), [
    ("The library opens at nine on Saturdays.", "Does the library open on a Saturday?", False),
    ("| Day | Open |\n| Mon | 9-17 |\n| Thurs | 9-12 |", "When is it open on Mondays, and when on a Thursday?", False),
    ("| Day | Open |\n| Mon | 9-17 |\n| Thurs | 9-12 |", "When is it open on Tuesdays?", True),
    ("The gate closes on Sept. 5.", "What closes on 5 September?", False),
    ("The gate closes on Sept. 5.", "What closes on 5 October?", True),
    ("The U.S. team won the race.", "Which race did the US team win?", False),
    ("The US team won the race.", "Which race did the U.S. team win?", False),
    ("J. R. Smith won the race.", "Which race did J.R. Smith win?", False),
    ("J. R. Smith won the race.", "Which race did K.R. Smith win?", True),
    ("The Americans won the race.", "Who is the American that won the race?", False),
    ("Отделом руководит Анна Иванова.", "Что поручено Анне Ивановой?", False),
    ("Завод построил инженер Орлов.", "Какой завод построен инженером Орловым?", False),
    ("Завод построил инженер Орлов.", "Какой завод построен инженером Петровым?", True),
    ("The mill is led by Anna Brink, and it is old.", "What does the mill of Anne Brink do?", True),
    ("The mill is led by Karl Brink, and it is old.", "What does the mill of Karen Brink do?", True),
    ("Fluggäste dürfen 20 kg Handgepäck mitnehmen, es ist im Preis.", "Wie viel Kilo Gepäck dürfen Fluggäste mitnehmen?",
     False),
    ("Im Haus ist das Abstellen von Fahrrädern nicht erlaubt.", "Dürfen Bewohner Räder im Haus abstellen?", False),
    # German nouns have capitals, also where a list has no word that says so; other languages that have a "die" have none.
    (POOL, "Dürfen Gäste ihre Hunde ins Stadtbad mitbringen?", False),
    ("De directeur van het museum in Lund is Piet Ranta, die in Bergen bij de firma Holt en Lind werkte.",
     "De directeur is Karel Jansen.", True),
    ("Patients in Lund die sooner than those in Bergen, as Maria Olsen and Piet Ranta of Holt Clinic found.",
     "It was found by Karl Jensen of the Turku Clinic.", True),
])  # fmt: skip
def test_a_name_is_known_in_each_of_its_cases(passage: str, text: str, made_up: bool) -> None:
    assert invented(text, passage) == made_up


@pytest.mark.parametrize(("passage", "text", "made_up"), [
    # Weekdays
    ("Die Biotonne wird dienstags geleert.", "Die Biotonne wird am Mittwoch geleert.", True),
    ("Die Biotonne wird dienstags geleert.", "Die Biotonne wird am Dienstag geleert.", False),
    ("Le musée est fermé le lundi.", "Le musée est fermé le mardi.", True),
    ("Музей закрыт по понедельникам.", "Музей закрыт в среду.", True),
    ("图书馆每周三闭馆。", "图书馆星期四闭馆。", True),
    ("图书馆每周三闭馆。", "图书馆星期三闭馆。", False),
    ("The desk is open Mon-Fri, 9 to 5.", "The desk is open on Wednesday.", False),
    # After a form of address
    (HOUSE, "Der Hausmeister ist Herr Müller.", True),
    (HOUSE, "Das ist Frau Özdemirs Aufgabe, nicht die von Herrn Kuhnert.", False),
    (HOUSE, "Wann dürfen Mieter Hausmeister Kuhnert Schäden melden?", False),
    # Code
    ("Send the header `X-Quarry-Key` to `/v2/jobs`.", "The header `X-Api-Key` is needed.", True),
    ("Send the header `X-Quarry-Key` to `/v2/jobs`.", "X-Quarry-Key is sent to `/v2/jobs`.", False),
    ("Call client.wait(job_id, poll=0.5) with max_retries.", "The argument is max_retry.", True),
    ("Call client.wait(job_id, poll=0.5) with max_retries.", "It is `wait(job_id)`, with `max_retries`.", False),
    ("The manual is at tarn.example/manual.", "It is at https://www.tarn.example/manual.", False),
    # Words in Latin letters and titles in Chinese
    ("申请在OA系统提交。", "申请在ERP系统提交。", True),
    ("申请在OA系统提交，距离5公里。", "申请在oa系统提交，5km。", False),
    ("详见《费用报销指南》第三版。", "详见《差旅手册》。", True),
    ("详见《费用报销指南》第三版。", "详见《费用报销指南》。", False),
])  # fmt: skip
def test_what_is_a_name_in_languages_whose_capitals_do_not_tell(passage: str, text: str, made_up: bool) -> None:
    assert invented(text, passage, is_answer=True) == made_up


def test_what_is_asked_about_a_table_tells_its_language() -> None:
    articles = ("Schraube M4x20 verzinkt", "Schraube M5x30 verzinkt", "Holzleim", "Montagekleber", "Dübel", "Winkel")
    rows = (f"| {10045 + n} | {name} | 100 St. | {n},90 € |" for n, name in enumerate(articles))
    prices = "\n".join(("| Artikel-Nr. | Bezeichnung | Menge | Preis netto |", "|---|---|---|---|", *rows))
    question = "Wie viele Schrauben M4x20 sind in einer Packung?"
    assert question_fault(question, prices) == answer_fault(question, "Eine Packung hat 100 Stück.", prices) == ""


@pytest.mark.parametrize(("passage", "text"), [
    ("Im Lindenhof gilt von 21:30 Uhr bis 6:45 Uhr Nachtruhe.", "Im Blauen Anker gilt von 21:30 Uhr bis 6:45 Uhr Nachtruhe."),
    ("Der Termin wird am Brett gebucht.", "Den Termin bucht Frau Olsen am Brett."),
    ("图书馆的负责人是李明。", "图书馆的负责人是奥尔森。"),
])  # fmt: skip
def test_a_name_of_a_worked_example_is_made_up_where_capitals_do_not_tell(passage: str, text: str) -> None:
    assert invented(text, passage)
    assert not invented(text, f"{passage} {text}")
    assert invented(text.lower(), passage)
    assert not invented("Die Varnhagenstraße ist gesperrt.", "Gesperrt ist eine Straße.")


def test_names_of_worked_examples_stand_in_them() -> None:
    for examples in EXAMPLES.values():
        for example in examples:
            texts = " ".join((example.sentence, *example.questions))
            assert any(name in texts for name in example.names)


def test_the_language_of_the_document_says_whether_nouns_have_capitals() -> None:
    table = "| Montag | 9:00-17:00 | 8,50 Euro |"
    assert invented("Und der Preis?", table)
    assert not invented("Und der Preis?", table, language="German")


@pytest.mark.parametrize(("passage", "answers"), [
    ("Музей открыт с 9:00 до 17:00. Билет стоит 84 рубля. Директор музея — Анна Иванова. В понедельник музей закрыт.",
     ["Он стоит 84 рубля.", "Цена билета — 84 рубля.", "За билет надо заплатить 84 рубля.", "Это Анна Иванова.",
      "Нет, в понедельник музей закрыт.", "Нет."]),
    ("Muzeum jest otwarte od 9 do 17. Bilet kosztuje 84 złote. Dyrektorem jest Anna Nowak.",
     ["Wynosi 84 złote.", "Za bilet płaci się 84 złote.", "Jest to Anna Nowak."]),
])  # fmt: skip
def test_the_first_word_of_a_sentence_is_no_name_where_frequent_words_are_not_known(
    passage: str, answers: list[str]
) -> None:
    assert [answer for answer in answers if invented(answer, passage, is_answer=True)] == []
    assert invented("Директор — Пётр Орлов.", passage, is_answer=True)


def test_the_worked_examples_pass_what_drafts_have_to_pass() -> None:
    faults = []
    for examples in EXAMPLES.values():
        for example in examples:
            passage = example.sentence
            faults += [question_fault(question, passage) for question in example.questions]
            faults.append(answer_fault(example.questions[0], example.answer, passage))
            page, sentence, without = example.on_page
            faults.append(question_fault(example.questions[0], f"{page} {sentence}"))
            assert names_more(example.questions[0], without, page)
            assert not any(name in sentence + without for name in example.names if name in page)
    assert faults.count("") == len(faults), faults


@pytest.mark.parametrize("answer", ["...", "—", "🙂", "###", "", "？"])
def test_an_answer_without_a_word_is_at_fault(answer: str) -> None:
    assert answer_fault("Who runs the mill?", answer, "The mill is run by Ada Brink.")
    assert question_fault("Who runs the mill of Norora?", answer or "---")  # nothing of it is there
