"""Prompts for writing questions and answers, with worked examples in the language of the text. Does not import torch.

A model of less than a billion parameters writes no question from an instruction alone, but does after three worked
examples, given as turns of a conversation. `KINDS` are the kinds of question about one fact: asked directly, reversed,
and in other words. With varied questions a model learns to use a fact, not only to recite it (arXiv 2607.11020). The
prompt for a `detail` question gives the answer, a name or a number. The one for a `mention` question gives words that
the question must contain: who has learned only who runs the desk does not know what that person runs (arXiv
2309.12288). The one for a `subject` question gives a question and the beginning of the page: "When does it open?" can
be asked about every page, so people who do not see the page name what it is about.
"""

from __future__ import annotations

from dataclasses import dataclass

Turns = tuple[tuple[str, str], ...]  # (user, assistant)


@dataclass(frozen=True)
class WorkedExample:
    """A sentence, a question of every kind about it, and the answer to the plain one.

    Its names are made up: a draft that contains one was copied from here, unless the passage contains it too.
    """

    sentence: str
    questions: tuple[str, ...]  # plain, reversed, rephrased, and one that contains `short`
    answer: str
    short: str  # the same answer in as few words as possible
    names: tuple[str, ...]  # of people and places, in every form in which a draft may write them; no common words
    # The beginning of a page, a sentence of it, and the plain question without the name of what the page is about.
    on_page: tuple[str, str, str]


KINDS = {
    "plain": "Write a question about a fact in this sentence.",
    "reversed": "Write a question whose answer is what this sentence is about.",
    "rephrased": "Write the same question in other words.",
    "detail": "Write the question that this answers.",
    "mention": "Write the question.",
    "subject": "Write the same question for somebody who does not know what the page is about: name it.",
}
WITHOUT_PASSAGE = ("mention", "subject")  # kinds whose prompts do not show it
# What the prompt gives in addition to the sentence.
GIVEN = {
    "rephrased": "Question: {}",
    "subject": "Question: {}",
    "detail": "Answer: {}",
    "mention": 'The question must contain "{}" and ask for something else in the sentence.',
}
ANSWER = "Answer the question in a full sentence."
SHORT_ANSWER = "Answer the question in as few words as possible."

ENGLISH = (
    WorkedExample(
        "The Varn public library opens at nine on weekdays, but on Saturdays not before eleven.",
        (
            "When does the Varn public library open on Saturdays?",
            "Which building in Varn opens at nine on weekdays and at eleven on Saturdays?",
            "From what time on a Saturday can one enter the public library in Varn?",
            "What opens at eleven on Saturdays in Varn?",
        ),
        "The Varn public library opens at eleven on Saturdays.",
        "eleven",
        ("Varn",),
        (
            "Opening hours. The Varn public library is opposite the town hall.",
            "We open at nine on weekdays, but on Saturdays not before eleven.",
            "When does it open on Saturdays?",
        ),
    ),
    WorkedExample(
        "Maria Olsen, who joined the firm Holt & Lind in 2011, has led its Bergen office since last spring.",
        (
            "Who leads the Bergen office of Holt & Lind?",
            "Which office of Holt & Lind does Maria Olsen lead?",
            "What is the name of the person in charge of Holt & Lind in Bergen?",
            "What does Maria Olsen lead?",
        ),
        "Maria Olsen leads the Bergen office of Holt & Lind.",
        "Maria Olsen",
        ("Olsen", "Holt & Lind"),
        (
            "Our offices. Holt & Lind builds cranes for harbours.",
            "Maria Olsen, who joined us in 2011, has led the office in Bergen since last spring.",
            "Who leads the office in Bergen?",
        ),
    ),
    WorkedExample(
        "A second helping at the Blue Anchor costs four pounds.",
        (
            "How much does a second helping cost at the Blue Anchor?",
            "What can one have for four pounds at the Blue Anchor?",
            "What is the price of another helping at the Blue Anchor?",
            "What costs four pounds at the Blue Anchor?",
        ),
        "A second helping at the Blue Anchor costs four pounds.",
        "four pounds",
        ("Blue Anchor",),
        (
            "Menu. Welcome to the Blue Anchor!",
            "A second helping costs four pounds.",
            "How much does a second helping cost?",
        ),
    ),
)
GERMAN = (
    WorkedExample(
        "Die Stadtbücherei Varn öffnet werktags um neun Uhr, samstags aber nicht vor elf.",
        (
            "Wann öffnet die Stadtbücherei Varn samstags?",
            "Welches Haus in Varn öffnet werktags um neun und samstags um elf Uhr?",
            "Ab welcher Uhrzeit kommt man an einem Samstag in die Stadtbücherei von Varn?",
            "Was öffnet in Varn samstags um elf Uhr?",
        ),
        "Die Stadtbücherei Varn öffnet samstags um elf Uhr.",
        "elf Uhr",
        ("Varn",),
        (
            "Öffnungszeiten. Die Stadtbücherei Varn liegt gegenüber dem Rathaus.",
            "Wir öffnen werktags um neun Uhr, samstags aber nicht vor elf.",
            "Wann öffnet sie samstags?",
        ),
    ),
    WorkedExample(
        "Maria Olsen, die 2011 in die Firma Holt & Lind eintrat, leitet seit letztem Frühjahr deren Büro in Bergen.",
        (
            "Wer leitet das Büro von Holt & Lind in Bergen?",
            "Welches Büro von Holt & Lind leitet Maria Olsen?",
            "Wie heißt die Leiterin von Holt & Lind in Bergen?",
            "Was leitet Maria Olsen?",
        ),
        "Maria Olsen leitet das Büro von Holt & Lind in Bergen.",
        "Maria Olsen",
        ("Olsen", "Holt & Lind"),
        (
            "Unsere Büros. Holt & Lind baut Kräne für Häfen.",
            "Maria Olsen, die 2011 zu uns kam, leitet seit letztem Frühjahr das Büro in Bergen.",
            "Wer leitet das Büro in Bergen?",
        ),
    ),
    WorkedExample(
        "Ein Nachschlag kostet im Blauen Anker vier Euro.",
        (
            "Wie viel kostet ein Nachschlag im Blauen Anker?",
            "Was bekommt man im Blauen Anker für vier Euro?",
            "Welchen Preis hat im Blauen Anker eine zweite Portion?",
            "Was kostet im Blauen Anker vier Euro?",
        ),
        "Ein Nachschlag kostet im Blauen Anker vier Euro.",
        "vier Euro",
        ("Blauen Anker", "Blaue Anker", "Blauer Anker"),
        (
            "Speisekarte. Willkommen im Blauen Anker!",
            "Ein Nachschlag kostet vier Euro.",
            "Wie viel kostet ein Nachschlag?",
        ),
    ),
)
CHINESE = (
    WorkedExample(
        "瓦恩市图书馆平日九点开门，但星期六十一点才开门。",
        (
            "瓦恩市图书馆星期六几点开门？",
            "瓦恩市哪座建筑平日九点、星期六十一点开门？",
            "星期六从什么时候起可以进入瓦恩市图书馆？",
            "瓦恩市什么地方星期六十一点开门？",
        ),
        "瓦恩市图书馆星期六十一点开门。",
        "十一点",
        ("瓦恩",),
        (
            "开放时间。瓦恩市图书馆位于市政厅对面。",
            "平日九点开门，但星期六十一点才开门。",
            "星期六几点开门？",
        ),
    ),
    WorkedExample(
        "玛丽亚·奥尔森2011年进入霍尔特公司，从去年春天起领导卑尔根办事处。",
        (
            "谁领导霍尔特公司的卑尔根办事处？",
            "玛丽亚·奥尔森领导霍尔特公司的哪个办事处？",
            "霍尔特公司卑尔根办事处的负责人叫什么名字？",
            "玛丽亚·奥尔森领导什么？",
        ),
        "玛丽亚·奥尔森领导霍尔特公司的卑尔根办事处。",
        "玛丽亚·奥尔森",
        ("奥尔森", "霍尔特", "卑尔根"),
        (
            "办事处。霍尔特公司制造港口起重机。",
            "玛丽亚·奥尔森2011年进入本公司，从去年春天起领导卑尔根办事处。",
            "谁领导卑尔根办事处？",
        ),
    ),
    WorkedExample(
        "在蓝锚餐馆加一份菜要四英镑。",
        (
            "在蓝锚餐馆加一份菜要多少钱？",
            "在蓝锚餐馆花四英镑可以买到什么？",
            "蓝锚餐馆再添一份菜的价格是多少？",
            "在蓝锚餐馆什么要四英镑？",
        ),
        "在蓝锚餐馆加一份菜要四英镑。",
        "四英镑",
        ("蓝锚",),
        (
            "菜单。欢迎光临蓝锚餐馆！",
            "加一份菜要四英镑。",
            "加一份菜要多少钱？",
        ),
    ),
)
EXAMPLES = {"English": ENGLISH, "German": GERMAN, "Chinese": CHINESE}
NAMES = frozenset(name for examples in EXAMPLES.values() for e in examples for name in e.names)
LANGUAGE = " Write it in the language of the sentence."  # if there are no worked examples in that language
OTHER_ANSWER = " Answer in the language of the question."


def question_turns(kind: str, language: str) -> Turns:
    """Return worked examples of writing a question of this kind."""
    turns = []
    for e in EXAMPLES.get(language, ENGLISH):
        plain, reverse, rephrased, mention = e.questions
        question = {"reversed": reverse, "rephrased": rephrased, "mention": mention}.get(kind, plain)
        given = {"rephrased": plain, "detail": e.short, "mention": e.short}.get(kind, "")
        page, sentence, given = e.on_page if kind == "subject" else ("", e.sentence, given)
        turns.append((question_task(kind, sentence, given, language, page), question))
    return tuple(turns)


def question_task(kind: str, sentence: str, given: str, language: str, page: str = "") -> str:
    """Return the task to write one question about the sentence.

    `given` is the question for `rephrased` and `subject`, the answer for `detail`, and words of the question for
    `mention`. For `subject`, `page` is the beginning of the page.
    """
    before = f"Page: {page}\n" if kind == "subject" else ""
    after = f"\n{GIVEN[kind].format(given)}" if kind in GIVEN else ""
    return f"{before}Sentence: {sentence}{after}\n{KINDS[kind]}{'' if language in EXAMPLES else LANGUAGE}"


def answer_turns(language: str, short: bool = False) -> Turns:
    """Return worked examples of answering a question about a sentence."""
    return tuple(
        (answer_task(e.questions[0], e.sentence, language, short), e.short if short else e.answer)
        for e in EXAMPLES.get(language, ENGLISH)
    )


def answer_task(question: str, sentence: str, language: str, short: bool = False) -> str:
    """Return the task to answer the question from the sentence, or without one."""
    task, given = SHORT_ANSWER if short else ANSWER, f"Sentence: {sentence}\n" if sentence else ""
    return f"{given}Question: {question}\n{task}{'' if language in EXAMPLES else OTHER_ANSWER}"


def kinds_in(kinds: str) -> list[str]:
    """Return the kinds in the recipe's `prompt.kinds`."""
    return [kind.strip() for kind in kinds.split(",")]
