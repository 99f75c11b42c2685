"""The facts of answers: when two have the same, and when one has those of another."""

from __future__ import annotations

import pytest

from disc_lite.synthesis.facts import gives, gives_part_of_date, is_yes_no, recalls, same_facts, says_something, states
from disc_lite.synthesis.screening import answer_fault

LONG = "who joined the firm in 1911, has led its old office since last spring and is seldom seen there on a Monday."


@pytest.mark.parametrize(
    ("answer", "says_so"),
    [
        ("Yes it does.", True), ("No, it is closed.", True), ("No.", True), ("没有。", True), ("Nein", True),
        ("No fee is charged.", False), ("No. 7 Harbour Street", False), ("没有任何费用。", False), ("Si pagano 4 euro.", False),
        ("No it is not allowed.", True), ("Nein das geht nicht.", True), ("Non il est fermé.", True), ("Да можно.", True),
        ("Si può entrare gratis.", False), ("Yes or no?", False),
    ],
)  # fmt: skip
def test_no_before_a_noun_does_not_answer_no(answer: str, says_so: bool) -> None:
    assert is_yes_no(answer) == says_so


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("Ada Brink runs the mill.", "The mill is run by Ada Brink.", True),
        (
            "Ada Brink",
            "Ada Brink has run it since her father died.",
            False,
        ),  # more is said than the likeliest answer says
        ("Ada Brink runs the mill.", "Otto Brink runs the mill.", False),
        ("It grinds 40 sacks a day in Ostwick for Varn.", "It grinds 41 sacks a day in Ostwick for Varn.", False),
        ("It grinds 1,000 sacks.", "1000 sacks", True),
        ("1,000 sacks", "It is 1000 sacks.", True),
        ("It grinds forty sacks.", "It grinds fifty sacks.", False),
        (f"Ada Brink, {LONG}", f"Otto Lind, {LONG}", False),
        (f"Ada Brink, {LONG}", f"The mill is run by Ada Brink, {LONG}", True),
        ("No dogs are allowed.", "No fee is charged.", False),
        ("Yes.", "Yes, Ada runs it.", True),
        ("Yes.", "No, Otto does.", False),
        ("40 sacks", "", False),
    ],
)
def test_answers_agree_in_facts_and_numbers_whatever_their_wording(first: str, second: str, same: bool) -> None:
    assert same_facts("Who runs the mill, or how many sacks a day?", first, second) == same
    assert same_facts("Who runs the mill, or how many sacks a day?", second, first) == same


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        (f"Ada Brink, {LONG}", f"Ada Brink, {LONG}", True),
        (f"Ada Brink, {LONG}", f"It is Ada Brink, {LONG}".replace("and is seldom seen there", "and"), True),
        (f"Ada Brink, {LONG}", f"Otto Lind, {LONG}", False),
        (f"Ada Brink, {LONG}", f"Ada Brink, {LONG}".replace("1911", "1912"), False),
        ("It takes eighteen months from the day of delivery.", "It takes 18 months from the day of delivery.", True),
        ("It takes eighteen months from the day of delivery.", "It takes twelve months from the day of delivery.", False),
        ("三月十一日图书馆开门。", "三月十二日图书馆开门。", False),
        ("It has 311 letters, maps, drawings, photos and seals.", "It has letters, maps, drawings, photos and seals.", False),
        ("It has maps, drawings, photos, seals and Holm letters.", "It has maps, drawings, photos, seals and letters.", False),
        ("It has maps and old letters.", "It has maps and letters.", False),
        ("It has maps, drawings, photos, seals and old letters.", "It has maps, drawings, photos, seals and letters.", True),
    ],
)  # fmt: skip
def test_an_answer_is_recalled_with_every_name_and_number(expected: str, given: str, right: bool) -> None:
    assert recalls("Who leads it, and how long does it take?", expected, given) == right


@pytest.mark.parametrize(("question", "first", "second"), [
    # "Not", and what is frequent and yet decides.
    ("May dogs enter the hall?", "Dogs are not allowed in the hall.", "Dogs are allowed in the hall."),
    ("What is the pass?", "The yearly pass is $84.00 and may be shared.", "The pass is $84.00 and may not be shared."),
    ("Is entry free?", "No, entry is not free.", "Entry is free."),
    ("Is entry free?", "No.", "Entry is free."),
    ("门票免费吗？", "是的。", "不是。"),
    ("Who may not enter?", "Dogs.", "Dogs may enter."),
    ("Darf man Hunde mitbringen?", "Hunde dürfen nicht mitgebracht werden.", "Hunde dürfen mitgebracht werden."),
    ("Можно ли войти с собакой?", "С собакой входить нельзя.", "С собакой входить можно."),
    ("可以带狗进馆吗？", "狗不可以进入博物馆。", "狗可以进入博物馆。"),
    ("When must the valve be closed?", "The valve must be closed before 9:00.", "The valve must be closed after 9:00."),
    ("Who pays nothing?", "Children under 12 pay nothing.", "Children over 12 pay nothing."),
    ("Does it open before or after the café?", "It opens before the café.", "It opens after the café."),
    ("Is the door red or blue?", "The door is red.", "The door is blue."),
    ("Is the door red or blue?", "The door is red.", "It is blue."),
    ("Of Monday and Friday, which is the rest day?", "The rest day is Monday.", "The rest day is Friday."),
    # One word of many, without a capital.
    ("What colour is the door?", "The door of the old town hall is painted blue.",
     "The door of the old town hall is painted red."),
    ("Wann ist das Museum geschlossen?", "Das städtische Museum bleibt montags für alle Besucher geschlossen.",
     "Das städtische Museum bleibt dienstags für alle Besucher geschlossen."),
    ("Когда закрыт музей?", "Городской музей закрыт для посетителей по понедельникам.",
     "Городской музей закрыт для посетителей по вторникам."),
    ("谁管理博物馆？", "博物馆的馆长是王小明。", "博物馆的馆长是王小红。"),
    ("哪天不能借书？", "图书馆星期一关闭。", "图书馆星期二关闭。"),
    ("من هو مدير المتحف؟", "مدير المتحف الوطني في المدينة القديمة هو أحمد.", "مدير المتحف الوطني في المدينة القديمة هو محمود."),
    ("When does it open?", "It opens at 5 am.", "It opens at 5 pm."),
    ("Wie hoch ist der Beitrag?", "Der Beitrag ist 2.000 Euro.", "Der Beitrag ist 2 Euro."),
    ("When does retry() stop?", "It stops when x == 1.", "It stops when x != 1."),
    ("Which option deletes it?", "The option is `-d`.", "The option is `-D`."),
    ("Which option deletes it?", "The option is `--cache`.", "The option is `--no-cache`."),
    ("Which room is it?", "It is a no-smoking room.", "It is a smoking room."),
])  # fmt: skip
def test_one_word_in_place_of_another_is_another_fact(question: str, first: str, second: str) -> None:
    for answers in ((first, second), (second, first)):
        assert not same_facts(question, *answers)
        assert not recalls(question, *answers)


@pytest.mark.parametrize(("question", "first", "second"), [
    ("Who runs the mill?", "Ada Brink", "The mill is run by Ada Brink."),
    ("When does the museum open?", "The museum opens at 9 am.", "It is open from 9:00."),
    ("What is the fee?", "The fee is $84.", "The fee is 84.00 dollars."),
    ("Which day is the museum not open?", "On Mondays.", "The museum is not open on Mondays."),
    ("Is entry free?", "No.", "Entry is not free."),
    ("May dogs enter?", "No they may not.", "No."),
    ("门票免费吗？", "是的。", "是的，门票免费。"),
    ("Wann schließt es?", "Es schließt am Montag.", "Es schließt montags."),
    ("谁管理博物馆？", "王小明管理博物馆。", "博物馆由王小明管理。"),
    ("Quelle est la durée ?", "La durée est de dix-huit mois.", "18 mois"),
    ("Quel est le dépôt ?", "Deux mille cinq cents euros.", "2 500 €"),
])  # fmt: skip
def test_the_same_fact_may_have_other_words_around_it(question: str, first: str, second: str) -> None:
    assert same_facts(question, first, second)
    assert same_facts(question, second, first)


@pytest.mark.parametrize(("answer", "right"), [
    ("They may not bring dogs.", True), ("No.", True), ("No, that is not allowed.", True), ("Dogs are not allowed.", True),
    ("I do not know.", False), ("There is no information.", False), ("I am not sure about it.", False),
])  # fmt: skip
def test_a_denial_is_recalled_by_what_it_denies_and_not_by_any(answer: str, right: bool) -> None:
    assert recalls("May guests bring dogs?", "Guests may not bring dogs.", answer) == right
    assert recalls("May guests bring dogs?", "No.", answer) == right


@pytest.mark.parametrize(("question", "expected", "answer"), [
    ("Is the pool open?", "No.", "It isn't."), ("May guests smoke?", "No.", "They can't."),
    ("Does the warranty cover water?", "It does not.", "It doesn't."), ("Ist das Bad offen?", "Nein.", "Das ist es nicht."),
    ("La piscine est ouverte ?", "Non.", "Elle ne l'est pas."),
])  # fmt: skip
def test_a_pronoun_may_stand_for_what_is_denied(question: str, expected: str, answer: str) -> None:
    assert recalls(question, expected, answer)


def test_a_denial_is_a_fact() -> None:
    assert says_something("May guests bring dogs?", "Guests may not bring dogs.")
    assert not says_something("May guests bring dogs?", "Guests may bring dogs.")
    assert not says_something("May guests bring dogs?", "No.")
    assert answer_fault("May guests bring dogs?", "Guests may not bring dogs.", "No dogs here.") == ""


@pytest.mark.parametrize(("question", "answer", "chosen"), [
    ("Does the museum open before or after the café?", "The museum opens before the café.", True),
    ("Must or may dogs be led?", "Dogs must be led.", True),
    ("Does one enter with or without a ticket?", "One enters with a ticket.", True),
    ("Is it open in winter, in summer, or both?", "It is open in winter.", True),
    ("Is it open in winter, in summer, or both?", "Both.", True),
    ("Is the door red or blue?", "The door is red.", True),
    ("Is the door red or blue?", "The door.", False),
    ("Ist die Tür rot oder blau?", "Die Tür ist rot.", True),
    ("La porta è rossa o blu e chi la apre?", "La porta è rossa.", True),
    ("博物馆的门是红的还是蓝的？", "博物馆的门是蓝的。", True),
    ("Who opens the old door, the mill and the gate?", "The old door.", False),
])  # fmt: skip
def test_one_of_what_a_question_lets_choose_from_is_an_answer(question: str, answer: str, chosen: bool) -> None:
    assert says_something(question, answer) == chosen


@pytest.mark.parametrize(("sentence", "question", "answer", "said"), [
    ("The memo had to go, when two installers were stranded for four nights at Skellan Point.",
     "How long did the stay at Skellan Point last?", "The stay at Skellan Point lasted four nights.", True),
    ("We examined 311 people from 23 such families and read the whole genome of each.",
     "What does 311 count?", "The figure 311 counts the people from such families who were examined.", True),
    ("Price: 26 crowns", "How expensive is the Dunden?", "The Dunden costs 26 crowns.", True),
    ("Price: 26 crowns", "How expensive is the Dunden?", "The Dunden costs 28 crowns.", False),
    ("A massage takes 50 minutes and costs 40 euros.", "What does a massage cost?", "It costs 50 euros.", False),
    ("A massage takes 50 minutes and costs 40 euros.", "What does a massage cost?", "It costs 40 euros.", True),
    ("The travel desk is run by Oona Pelligrew.", "Who runs it?", "It is run by Marit Pelligrew.", False),
    ("Dogs are not allowed in the hall.", "May dogs enter?", "Dogs are allowed in the hall.", False),
    ("Dogs are allowed in the hall.", "May dogs enter?", "Dogs are not allowed in the hall.", False),
    ("We are not always there, but fares double in the last week.", "When do fares double?", "In the last week.", True),
    ("Ada Brink is off on Monday.", "On which day does Ada Brink not work?", "Monday", True),
    ("The hall has a red door.", "What is in the hall?", "In the hall are a red lamp and a bench.", False),
    ("The hall has a red lamp.", "What is in the hall?", "In the hall are a red lamp and a bench.", True),
    ("Entry costs 5 euros.", "Is entry free?", "Yes.", False),
    ("Entry is free.", "Is entry free?", "Yes.", True),
    ("Entry is not free.", "Is entry free?", "Yes.", False),
    ("Entry is not free.", "Is entry free?", "No.", True),
    ("Entry is free.", "Is entry free?", "No.", False),
    ("Den Hof zeichnete die Architektin Ruth Avenarius.", "Wer zeichnete den Hof?", "Den Hof zeichnete Ruth Behrmann.", False),
    ("Den Hof zeichnete die Architektin Ruth Avenarius.", "Wer zeichnete den Hof?", "Das war Frau Ruth Avenarius.", True),
    ("Live geese are prohibited.", "Are live geese allowed?", "Live geese are allowed.", False),
    ("Bikes are forbidden in the hall, even for a night.", "May bikes be in the hall?", "Yes, for a night.", False),
    ("Fahrräder sind im Flur verboten.", "Dürfen Fahrräder im Flur stehen?", "Nein, sie sind im Flur verboten.", True),
    ("Fahrräder sind im Flur verboten.", "Wo sind Fahrräder verboten?", "Im Flur.", True),
])  # fmt: skip
def test_a_sentence_states_an_answer_in_its_own_words(sentence: str, question: str, answer: str, said: bool) -> None:
    assert states(sentence, question, answer) == said


def test_words_of_grammar_are_no_facts_in_any_language_that_is_known() -> None:
    first, second = "Музеем руководит Анна Иванова.", "Им руководит она: это Анна Иванова."
    assert same_facts("Кто руководит музеем?", first, second)
    assert not same_facts("Когда он закрыт?", "Он закрыт до обеда.", "Он закрыт после обеда.")


@pytest.mark.parametrize(
    ("detail", "question", "answer", "given"),
    [
        ("34 euros", "What does it cost?", "It costs EUR 34.", True),
        ("6 days", "How many days?", "Up to six.", True),
        ("20 June 2023", "When?", "On 20 June.", False),
        ("60335-1", "Which standard?", "EN 60335-1", True),
        ("60335-1", "Which standard?", "EN 60335-2", False),
        ("1 hour", "How long?", "One hour.", True),
        ("Architektin Ruth Avenarius", "Wer hat ihn gezeichnet?", "Ruth Avenarius.", True),  # who she is may be asked
        ("Architektin Ruth Avenarius", "Was hat Ruth Avenarius gezeichnet?", "Ruth Avenarius den Hof.", False),
        ("Ruth Avenarius", "Wer?", "Ruth.", False),
        ("星期二", "哪天闭馆？", "星期三闭馆。", False),
        ("二十七名", "有多少名志愿者？", "有27名。", True),
        ("A", "Which class has it?", "Class B.", False),  # has no term: a letter in a cell
        ("A", "Which class has it?", "Class A.", True),
        ("", "Who?", "Ada.", True),
    ],
)
def test_an_answer_gives_a_detail_that_its_question_does_not(
    detail: str, question: str, answer: str, given: bool
) -> None:
    assert gives(detail, question, answer) == given


@pytest.mark.parametrize(
    ("detail", "question", "answer", "part"),
    [
        ("3. Mai 1926", "In welchem Jahr entstand der Hof?", "Im Jahr 1926.", True),
        ("3 May 2021", "In which month was it made?", "In May.", True),
        ("3 May 2021", "In which year was it made?", "In 2022.", False),
        ("3 May 2021", "What was made on 3 May 2021?", "The lease of 2021.", False),
        ("34 euros", "What does it cost?", "It costs 52 euros.", False),
        ("Mill 7", "Which mill?", "The seventh.", False),
    ],
)
def test_an_answer_gives_a_part_of_a_date(detail: str, question: str, answer: str, part: bool) -> None:
    assert gives_part_of_date(detail, question, answer) == part
