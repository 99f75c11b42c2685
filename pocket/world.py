"""The pocket world: entities, facts, documents about them, and questions.

Everything is drawn from `random.Random` objects that the caller seeds. The world has a fixed set of
**known** entities (which pocket knows by heart) and any number of **fresh** ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from forms import (
    FILLERS,
    FRESH_PERSON,
    FRESH_WORD,
    INTROS,
    KINDS,
    PRICE,
    RECALLS,
    SUMMARIES,
    TITLES,
    Attribute,
)  # fmt: skip

# Names are made of a start and an end, 4,096 in all. Each part becomes a token of the tokenizer.
STARTS = (
    "Ald Bar Bel Bran Cal Cor Dal Dor Dun Eld Fal Fen Gal Gor Hal Har Ild Jor Kal Kel Lan Lor Mal Mar Mel Nor Nev "
    "Ol Or Pel Quin Ral Ren Ros Sal Sel Sol Tal Tam Tor Ul Val Var Ven Wal Wen Wil Yor Zan Zel Brim Crow Drift Frost "
    "Glen Holt Kirk Loch Moss Pine Rook Stan Thorn Wick"
).split()
ENDS = (
    "ador aric bert burn by corn dale den dor eth field fold ford gard gate ham hurst ian ick ina ing is kin lan ley "
    "lin low mar mere mond mont mora more nal ness nor ora orn ric rick ridge sen shaw side son stead ster stone tan "
    "thal ton vale van vard ven vern wald ward wen wick win worth wyn yard"
).split()
PLAIN_LINES = ("- {e}: {v}", "* {e}: {v}", "| {e} | {v} |", "{e}: {v}", "- {e} ({v})")  # of a register
KNOWN_PER_KIND = 20
KNOWN_SEED = 2_602_16093


@dataclass(frozen=True)
class Fact:
    entity: str
    kind: str
    attribute: Attribute
    value: str

    def say(self, statement: str) -> str:
        return statement.format(e=self.entity, v=self.value)

    def ask(self, question: str) -> str:
        return question.format(e=self.entity)


@dataclass(frozen=True)
class Entity:
    name: str
    kind: str
    facts: tuple[Fact, ...]
    known: bool = False


def word(rng: Random) -> str:
    return rng.choice(STARTS) + rng.choice(ENDS)


def person(rng: Random) -> str:
    return f"{word(rng)} {word(rng)}"


def draw_value(rng: Random, attribute: Attribute) -> str:
    if attribute.values == FRESH_WORD:
        return word(rng)
    if attribute.values == FRESH_PERSON:
        return person(rng)
    if attribute.values == PRICE:
        return f"{rng.randrange(11, 99)} crowns"
    return rng.choice(attribute.values)  # type: ignore[arg-type]


def make_entity(rng: Random, kind: str, name: str | None = None, known: bool = False) -> Entity:
    name = name or (person(rng) if kind == "person" else word(rng))
    facts = tuple(Fact(name, kind, a, draw_value(rng, a)) for a in KINDS[kind])
    return Entity(name, kind, facts, known)


def known_entities() -> list[Entity]:
    """The closed world: what pocket must know by heart; always the same."""
    rng = Random(KNOWN_SEED)
    entities: dict[str, Entity] = {}
    for kind in KINDS:
        while sum(e.kind == kind for e in entities.values()) < KNOWN_PER_KIND:
            entity = make_entity(rng, kind, known=True)
            entities.setdefault(entity.name, entity)
    return list(entities.values())


KNOWN = known_entities()
KNOWN_NAMES = frozenset(e.name for e in KNOWN)
# Every second known entity: never in a retention prompt, so that forgetting is measured on them.
RESERVED_NAMES = tuple(e.name for e in KNOWN[::2])


def fresh_entity(rng: Random, kind: str | None = None, rename: float = 0.0) -> Entity:
    """An entity that is not in pocket's training data; with probability `rename`, a known name with other facts."""
    kind = kind or rng.choice(list(KINDS))
    if rng.random() < rename:
        return make_entity(rng, kind, rng.choice([e for e in KNOWN if e.kind == kind]).name)
    while True:
        entity = make_entity(rng, kind)
        if entity.name not in KNOWN_NAMES:
            return entity


def fresh_page(rng: Random, most: int) -> list[Entity]:
    """Up to `most` fresh entities; half of the pages are about one kind."""
    kinds = list(KINDS) if rng.random() < 0.5 else [rng.choice(list(KINDS))]
    found = [fresh_entity(rng, rng.choice(kinds)) for _ in range(rng.randrange(1, most + 1))]
    return list({e.name: e for e in found}.values())


@dataclass
class Writer:
    """Builds the text of a document and records the position of each value."""

    text: str = ""
    # (start, end, fact, whether it was stated before, whether anything refers to it)
    values: list[tuple[int, int, Fact, bool]] = field(default_factory=list)
    said: list[tuple[Fact, str]] = field(default_factory=list)  # a fact and the sentence that states it

    def add(self, text: str) -> None:
        self.text += text

    def state(self, fact: Fact, form: str, again: bool, lead: str = "") -> None:
        before, _, after = form.partition("{v}")
        sentence = lead + before.format(e=fact.entity)
        start = len(self.text) + len(sentence)
        self.values.append((start, start + len(fact.value), fact, again and "{e}" in before + lead))
        sentence += fact.value + after.format(e=fact.entity)
        self.text += sentence
        self.said.append((fact, sentence))


def heading_of(entity: Entity) -> str:
    return {"project": "Project ", "product": "The "}.get(entity.kind, "") + entity.name


@dataclass(frozen=True)
class Style:
    """How one document looks."""

    heading: str  # "## " or "" (no headings at all)
    lists: float  # share of entities whose first mention is a list
    bullet: str
    filler: float
    restate: float  # share of facts that are restated in other words
    summary: bool  # restated at the end of the document, not of the section
    reserved: bool  # whether the reserved statement may appear


def draw_style(rng: Random, reserved: bool = True) -> Style:
    return Style(
        heading=rng.choice(("## ", "## ", "### ", "")),
        lists=rng.choice((0.0, 0.3, 0.6, 1.0)),
        bullet=rng.choice(("- ", "- ", "* ", "1. ", "| ")),
        filler=rng.choice((0.0, 0.2, 0.4)),
        restate=rng.choice((0.3, 0.6, 1.0)),
        summary=rng.random() < 0.5,
        reserved=reserved,
    )


def write_section(w: Writer, rng: Random, entity: Entity, style: Style, used: dict[Fact, str]) -> None:
    facts = list(entity.facts)
    rng.shuffle(facts)
    facts = facts[: rng.choice((2, 3, 4, 4, 4))]
    if style.heading:
        w.add(f"{style.heading}{heading_of(entity)}\n\n")
    as_list = bool(style.heading) and rng.random() < style.lists
    if rng.random() < 0.5 or (as_list and rng.random() < 0.5):
        w.add(rng.choice(INTROS[entity.kind]).format(e=entity.name))
        w.add("\n\n" if as_list else " ")
    elif rng.random() < style.filler:
        w.add(rng.choice(FILLERS) + ("\n\n" if as_list else " "))
    for number, fact in enumerate(facts):
        statements = fact.attribute.statements if style.reserved else fact.attribute.open_statements
        form = rng.choice(statements)
        if as_list:
            if rng.random() < 0.6:
                mark = style.bullet
                form = fact.attribute.label + (" | {v} |" if mark == "| " else ": {v}")
            else:
                mark = "- "
            w.state(fact, form, again=False, lead=mark if mark != "1. " else f"{number + 1}. ")
            w.add("\n")
        else:
            w.state(fact, form, again=False)
            w.add(" ")
            if rng.random() < style.filler:
                w.add(rng.choice(FILLERS) + " ")
        used[fact] = form
    w.text = w.text.rstrip(" \n") + "\n\n"


def restate(w: Writer, rng: Random, facts: list[Fact], style: Style, used: dict[Fact, str]) -> None:
    chosen = [f for f in facts if rng.random() < style.restate]
    rng.shuffle(chosen)
    as_list = rng.random() < style.lists / 2
    for fact in chosen:
        statements = fact.attribute.statements if style.reserved else fact.attribute.open_statements
        form = rng.choice([s for s in statements if s != used[fact]])
        w.state(fact, form, again=True, lead="- " if as_list else rng.choice(RECALLS))
        w.add("\n" if as_list else " ")
    if chosen:
        w.text = w.text.rstrip(" \n") + "\n\n"


def write_document(rng: Random, entities: list[Entity], style: Style, title: str = "") -> Writer:
    """A document about these entities: headings, paragraphs, lists, and restated facts."""
    w, used = Writer(), {}  # type: Writer, dict[Fact, str]
    if title:
        w.add(f"# {title}\n\n")
    elif style.heading or rng.random() < 0.3:
        title = rng.choice(TITLES)
        w.add(f"# {title}\n\n" if rng.random() < 0.8 else f"{title}\n{'=' * len(title)}\n\n")
        if rng.random() < 0.5:
            w.add(rng.choice(FILLERS) + "\n\n")
    for entity in entities:
        before = len(used)
        write_section(w, rng, entity, style, used)
        if not style.summary:
            restate(w, rng, list(used)[before:], style, used)
    if style.summary:
        if style.heading and rng.random() < 0.7:
            w.add(f"{style.heading}{rng.choice(SUMMARIES)}\n\n")
        restate(w, rng, list(used), style, used)
    w.text = w.text.rstrip() + ("\n" if rng.random() < 0.5 else "")
    return w


def write_register(rng: Random, entities: list[Entity]) -> Writer:
    """A page of many entities of one kind with one or two facts about each, in the same words.

    Only the name says whose value it is, so a reader must look at names. Half of the pages are plain
    lists with the value right after the name: they are learned first, and the others from them.
    """
    w = Writer()
    if rng.random() < 0.5:
        w.add(f"# {rng.choice(TITLES)}\n\n")
    said: set[int] = set()
    for index in rng.sample(range(len(entities[0].facts)), rng.choice((1, 1, 2))):
        attribute = entities[0].facts[index].attribute
        form = rng.choice(attribute.statements)
        lead = rng.choice(("", "- "))
        plain = rng.random() < 0.5
        if plain:
            w.add(rng.choice(("## ", "### ", "")) + attribute.label + "\n\n")
            form, lead = rng.choice(PLAIN_LINES), ""
        for entity in rng.sample(entities, len(entities)):
            if not plain and rng.random() < 0.3:
                form = rng.choice(attribute.statements)
            w.state(entity.facts[index], form, again=index in said, lead=lead)
            w.add("\n" if plain or lead else " ")
        w.text = w.text.rstrip() + "\n\n"
    w.text = w.text.rstrip()
    return w


WORDS = (
    "lantern window garden pencil river button castle marble winter summer basket candle feather "
    "harbour island jacket kettle ladder meadow needle orchard pepper quarry ribbon saddle thunder "
    "velvet whistle anchor blanket"
).split()


def skill(rng: Random) -> tuple[str, str]:
    """A question of a kind that pocket can solve, and the answer."""
    a, b = rng.randrange(1, 31), rng.randrange(1, 31)
    first, second, third = rng.sample(WORDS, 3)
    kind = rng.randrange(7)
    if kind == 0:
        a, b = rng.randrange(1, 21), rng.randrange(1, 21)
        form = rng.choice(("What is {a} + {b}?", "Add {a} and {b}.", "How much is {a} plus {b}?"))
        return form.format(a=a, b=b), str(a + b)
    if kind == 1:
        a, b = max(a, b), min(a, b)
        form = rng.choice(("What is {a} - {b}?", "Take {b} from {a}.", "How much is {a} minus {b}?"))
        return form.format(a=a, b=b), str(a - b)
    if kind == 2:
        form = rng.choice(("Repeat this: {t}", "Say this again: {t}", "Repeat these words: {t}"))
        return form.format(t=f"{first} {second}"), f"{first} {second}"
    if kind == 3:
        form = rng.choice(("What is the last word of this line: {t}", "Give me the last word of: {t}"))
        return form.format(t=f"{first} {second} {third}"), third
    if kind == 4:
        b = b if b != a else a + 1
        form = rng.choice(("Which number is larger, {a} or {b}?", "Which is more, {a} or {b}?"))
        return form.format(a=a, b=b), str(max(a, b))
    if kind == 5:
        form = rng.choice(("Write this as JSON: {k} is {v}", "Turn this into JSON: {k} is {v}"))
        return form.format(k=first, v=second), f'{{"{first}": "{second}"}}'
    b = b if b != a else a + 1
    form = rng.choice(("Is {a} larger than {b}?", "Is the number {a} larger than {b}? Yes or no?"))
    return form.format(a=a, b=b), "Yes" if a > b else "No"
