"""Prompts for writing questions and answers, with worked examples in the language of the text. Does not import torch.

A model of less than a billion parameters writes no question from an instruction alone, but does after three worked
examples, given as turns of a conversation. `KINDS` are the kinds of question about one fact: asked directly, reversed,
in other words, by an implication, and in contrast to the next sentence. With varied questions a model learns to use a
fact, not only to recite it (arXiv 2607.11020). A question for a detail is told its answer: a name, a number.
"""

from __future__ import annotations

from dataclasses import dataclass

Turns = tuple[tuple[str, str], ...]  # (user, assistant)


@dataclass(frozen=True)
class WorkedExample:
    """A sentence, a question of every kind about it, and the answer to the plain one.

    Its names are made up: a draft that has one and whose passage has not was copied from here.
    """

    sentence: str
    neighbour: str  # the next sentence, for `contrast`
    questions: tuple[str, ...]  # in the order of KINDS; that for a detail, `short`, is the first
    answer: str
    short: str  # the same answer in as few words as possible
    names: tuple[str, ...]  # of its people and places, in every form in which a draft may write them; no common words


KINDS = {
    "plain": "Write a question about a fact in this sentence.",
    "reversed": "Write a question whose answer is what this sentence is about.",
    "rephrased": "Write the same question in other words.",
    "implied": "Write a question about something that follows from this sentence.",
    "contrast": "Write a question that compares what these two sentences say.",
    "detail": "Write the question that this answers.",
}
GIVEN = {"rephrased": "Question", "contrast": "Next sentence", "detail": "Answer"}  # beside the sentence
ANSWER = "Answer the question in a full sentence."
SHORT_ANSWER = "Answer the question in as few words as possible."

ENGLISH = (
    WorkedExample(
        "The Varn public library opens at nine on weekdays, but on Saturdays not before eleven.",
        "Its café opens at ten on every day of the week.",
        (
            "When does the Varn public library open on Saturdays?",
            "Which building in Varn opens at nine on weekdays and at eleven on Saturdays?",
            "From what time on a Saturday can one enter the public library in Varn?",
            "I am in Varn on a Saturday at ten. Can I return a book inside the public library yet?",
            "On Saturdays, does the Varn public library open before or after its café?",
        ),
        "The Varn public library opens at eleven on Saturdays.",
        "eleven",
        ("Varn",),
    ),
    WorkedExample(
        "Maria Olsen, who joined the firm Holt & Lind in 2011, has led its Bergen office since last spring.",
        "The Turku office is led by Piet Ranta.",
        (
            "Who leads the Bergen office of Holt & Lind?",
            "Which office of Holt & Lind does Maria Olsen lead?",
            "What is the name of the person in charge of Holt & Lind in Bergen?",
            "Whom at Holt & Lind should I call about a problem in the Bergen office?",
            "Which office of Holt & Lind does Piet Ranta lead, and which one Maria Olsen?",
        ),
        "Maria Olsen leads the Bergen office of Holt & Lind.",
        "Maria Olsen",
        ("Olsen", "Holt & Lind", "Turku", "Ranta"),
    ),
    WorkedExample(
        "A second helping at the Blue Anchor costs four pounds.",
        "A pot of tea there costs three pounds.",
        (
            "How much does a second helping cost at the Blue Anchor?",
            "What can one have for four pounds at the Blue Anchor?",
            "What is the price of another helping at the Blue Anchor?",
            "How much do two people pay for a second helping each at the Blue Anchor?",
            "Is a pot of tea at the Blue Anchor dearer than a second helping?",
        ),
        "A second helping at the Blue Anchor costs four pounds.",
        "four pounds",
        ("Blue Anchor",),
    ),
)
GERMAN = (
    WorkedExample(
        "Die Stadtbücherei Varn öffnet werktags um neun Uhr, samstags aber nicht vor elf.",
        "Ihr Café öffnet jeden Tag um zehn Uhr.",
        (
            "Wann öffnet die Stadtbücherei Varn samstags?",
            "Welches Haus in Varn öffnet werktags um neun und samstags um elf Uhr?",
            "Ab welcher Uhrzeit kommt man an einem Samstag in die Stadtbücherei von Varn?",
            "Ich bin am Samstag um zehn in Varn. Kann ich schon ein Buch in der Stadtbücherei zurückgeben?",
            "Öffnet die Stadtbücherei Varn samstags früher oder später als ihr Café?",
        ),
        "Die Stadtbücherei Varn öffnet samstags um elf Uhr.",
        "elf Uhr",
        ("Varn",),
    ),
    WorkedExample(
        "Maria Olsen, die 2011 in die Firma Holt & Lind eintrat, leitet seit letztem Frühjahr deren Büro in Bergen.",
        "Das Büro in Turku leitet Piet Ranta.",
        (
            "Wer leitet das Büro von Holt & Lind in Bergen?",
            "Welches Büro von Holt & Lind leitet Maria Olsen?",
            "Wie heißt die Leiterin von Holt & Lind in Bergen?",
            "Wen rufe ich bei Holt & Lind an, wenn es im Büro in Bergen ein Problem gibt?",
            "Welches Büro von Holt & Lind leitet Piet Ranta und welches Maria Olsen?",
        ),
        "Maria Olsen leitet das Büro von Holt & Lind in Bergen.",
        "Maria Olsen",
        ("Olsen", "Holt & Lind", "Turku", "Ranta"),
    ),
    WorkedExample(
        "Ein Nachschlag kostet im Blauen Anker vier Euro.",
        "Eine Kanne Tee kostet dort drei Euro.",
        (
            "Wie viel kostet ein Nachschlag im Blauen Anker?",
            "Was bekommt man im Blauen Anker für vier Euro?",
            "Welchen Preis hat im Blauen Anker eine zweite Portion?",
            "Was zahlen zwei Gäste im Blauen Anker, wenn beide einen Nachschlag nehmen?",
            "Ist im Blauen Anker eine Kanne Tee teurer als ein Nachschlag?",
        ),
        "Ein Nachschlag kostet im Blauen Anker vier Euro.",
        "vier Euro",
        ("Blauen Anker", "Blaue Anker", "Blauer Anker"),
    ),
)
CHINESE = (
    WorkedExample(
        "瓦恩市图书馆平日九点开门，但星期六十一点才开门。",
        "馆内的咖啡厅每天十点开门。",
        (
            "瓦恩市图书馆星期六几点开门？",
            "瓦恩市哪座建筑平日九点、星期六十一点开门？",
            "星期六从什么时候起可以进入瓦恩市图书馆？",
            "我星期六十点到瓦恩市，可以马上进图书馆还书吗？",
            "星期六，瓦恩市图书馆比它的咖啡厅早开门还是晚开门？",
        ),
        "瓦恩市图书馆星期六十一点开门。",
        "十一点",
        ("瓦恩",),
    ),
    WorkedExample(
        "玛丽亚·奥尔森2011年进入霍尔特公司，从去年春天起领导卑尔根办事处。",
        "图尔库办事处由皮特·兰塔领导。",
        (
            "谁领导霍尔特公司的卑尔根办事处？",
            "玛丽亚·奥尔森领导霍尔特公司的哪个办事处？",
            "霍尔特公司卑尔根办事处的负责人叫什么名字？",
            "霍尔特公司卑尔根办事处出了问题，我应该找谁？",
            "皮特·兰塔和玛丽亚·奥尔森分别领导霍尔特公司的哪个办事处？",
        ),
        "玛丽亚·奥尔森领导霍尔特公司的卑尔根办事处。",
        "玛丽亚·奥尔森",
        ("奥尔森", "霍尔特", "卑尔根", "图尔库", "兰塔"),
    ),
    WorkedExample(
        "在蓝锚餐馆加一份菜要四英镑。",
        "那里一壶茶要三英镑。",
        (
            "在蓝锚餐馆加一份菜要多少钱？",
            "在蓝锚餐馆花四英镑可以买到什么？",
            "蓝锚餐馆再添一份菜的价格是多少？",
            "两个人在蓝锚餐馆各加一份菜，一共要付多少钱？",
            "蓝锚餐馆的一壶茶比加一份菜贵吗？",
        ),
        "在蓝锚餐馆加一份菜要四英镑。",
        "四英镑",
        ("蓝锚",),
    ),
)
EXAMPLES = {"English": ENGLISH, "German": GERMAN, "Chinese": CHINESE}
NAMES = frozenset(name for examples in EXAMPLES.values() for e in examples for name in e.names)
LANGUAGE = " Write it in the language of the sentence."  # if there are no worked examples in that language
OTHER_ANSWER = " Answer in the language of the question."


def question_turns(kind: str, language: str) -> Turns:
    """Worked examples of writing a question of this kind."""
    number = 0 if kind == "detail" else list(KINDS).index(kind)
    turns = []
    for e in EXAMPLES.get(language, ENGLISH):
        given = {"rephrased": e.questions[0], "contrast": e.neighbour, "detail": e.short}.get(kind, "")
        turns.append((question_task(kind, e.sentence, given, language), e.questions[number]))
    return tuple(turns)


def question_task(kind: str, sentence: str, given: str, language: str) -> str:
    """The task to write one question about the sentence, and about what else a question of this kind is given.

    `rephrased` is given a question, `contrast` the next sentence, and `detail` the answer.
    """
    after = f"\n{GIVEN[kind]}: {given}" if kind in GIVEN else ""
    return f"Sentence: {sentence}{after}\n{KINDS[kind]}{'' if language in EXAMPLES else LANGUAGE}"


def answer_turns(language: str, short: bool = False) -> Turns:
    """Worked examples of answering a question about a sentence."""
    return tuple(
        (answer_task(e.questions[0], e.sentence, language, short), e.short if short else e.answer)
        for e in EXAMPLES.get(language, ENGLISH)
    )


def answer_task(question: str, sentence: str, language: str, short: bool = False) -> str:
    """The task to answer the question from the sentence, or without any."""
    task, given = SHORT_ANSWER if short else ANSWER, f"Sentence: {sentence}\n" if sentence else ""
    return f"{given}Question: {question}\n{task}{'' if language in EXAMPLES else OTHER_ANSWER}"


def kinds_in(kinds: str) -> list[str]:
    """The kinds in the recipe's `prompt.kinds`."""
    return [kind.strip() for kind in kinds.split(",")]
