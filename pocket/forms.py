"""The wordings of the pocket world: how each fact is stated, and the questions about it.

`{e}` stands for the entity, `{v}` for the value. The last statement and the last two questions
of every attribute are **reserved**: pocket learns to understand them, but never writes such a
question, and no document of an adaptation contains such a statement. Recall is measured
with them.
"""

from __future__ import annotations

from dataclasses import dataclass

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November December").split()
COLOURS = ("red blue green yellow black white brown grey orange purple pink silver golden crimson").split()
MATERIALS = ("oak steel glass copper wool leather clay brass paper cotton granite silk rubber wax").split()
CRAFTS = (
    "salt honey rope lace cheese pottery candles carpets bells boats mirrors saddles soap hats clocks baskets"
).split()
TRADES = (
    "welder painter nurse baker driver lawyer tailor plumber gardener teacher mason cook "
    "printer miller weaver builder surveyor translator cashier librarian"
).split()
WORKS = (
    "bridges kites ovens pumps ladders tunnels towers gates wagons sails barrels lifts ferries lamps mills roofs"
).split()
FRESH_WORD, FRESH_PERSON, PRICE = "fresh word", "fresh person", "price"


@dataclass(frozen=True, eq=False)
class Attribute:
    """One property of an entity."""

    name: str
    label: str  # as in a list: "- Label: value"
    values: list[str] | str  # a closed list, or the kind of value that is invented
    statements: tuple[str, ...]  # the last one is reserved
    questions: tuple[str, ...]  # the last two are reserved

    @property
    def open_statements(self) -> tuple[str, ...]:
        return self.statements[:-1]

    @property
    def reserved_statement(self) -> str:
        return self.statements[-1]

    @property
    def open_questions(self) -> tuple[str, ...]:
        return self.questions[:-2]

    @property
    def reserved_questions(self) -> tuple[str, ...]:
        return self.questions[-2:]


PERSON = (
    Attribute(
        "trade",
        "Trade",
        TRADES,
        (
            "{e} works as a {v}.",
            "The trade of {e} is that of a {v}.",
            "By training, {e} is a {v}.",
            "In the company, {e} has the post of {v}.",
            "As a {v}, {e} has been with us for years.",
            "Everybody here knows {e} as a {v}.",
        ),
        (
            "What does {e} work as?",
            "What is the trade of {e}?",
            "Which job does {e} have?",
            "What is {e} by training?",
            "How does {e} earn a living?",
            "In which profession would one find {e}?",
        ),
    ),
    Attribute(
        "home",
        "Home",
        FRESH_WORD,
        (
            "{e} lives in {v}.",
            "The home of {e} is in {v}.",
            "{e} has a house in {v}.",
            "After work, {e} goes home to {v}.",
            "{v} is the place where {e} lives.",
            "The house of {e} stands in {v}.",
        ),
        (
            "Where does {e} live?",
            "What is the home of {e}?",
            "In which place does {e} have a house?",
            "Where does {e} go home to after work?",
            "What place does {e} call home?",
            "In what town would a letter reach {e}?",
        ),
    ),
    Attribute(
        "day_off",
        "Day off",
        DAYS,
        (
            "{e} is off on {v}.",
            "The free day of {e} is {v}.",
            "{e} does not work on {v}.",
            "On {v}, {e} has the day off.",
            "Each week {e} takes a rest on {v}.",
            "The day on which {e} stays at home is {v}.",
        ),
        (
            "When is {e} off?",
            "What is the free day of {e}?",
            "On which day does {e} not work?",
            "Which day off does {e} have?",
            "On what day would one look for {e} in vain?",
            "When does {e} rest?",
        ),
    ),
    Attribute(
        "mentor",
        "Mentor",
        FRESH_PERSON,
        (
            "{e} was taught by {v}.",
            "The mentor of {e} is {v}.",
            "{e} learned everything from {v}.",
            "In the first year, {e} was guided by {v}.",
            "{v} is the mentor of {e}.",
            "The person who trained {e} is called {v}.",
        ),
        (
            "Who taught {e}?",
            "Who is the mentor of {e}?",
            "From whom did {e} learn everything?",
            "By whom was {e} guided in the first year?",
            "Who showed {e} the ropes?",
            "Whose pupil was {e}?",
        ),
    ),
)
TOWN = (
    Attribute(
        "river",
        "River",
        FRESH_WORD,
        (
            "{e} lies on the river {v}.",
            "The river at {e} is the {v}.",
            "Through {e} flows the {v}.",
            "The bridges of {e} cross the {v}.",
            "The {v} flows past the walls of {e}.",
            "The water that runs through {e} is the {v}.",
        ),
        (
            "On which river does {e} lie?",
            "What is the river at {e}?",
            "Which river flows through {e}?",
            "What do the bridges of {e} cross?",
            "What is the stream at {e} called?",
            "By what water was {e} built?",
        ),
    ),
    Attribute(
        "mayor",
        "Mayor",
        FRESH_PERSON,
        (
            "The mayor of {e} is {v}.",
            "{e} is led by {v}.",
            "The town hall of {e} is run by {v}.",
            "In {e}, the office of mayor is held by {v}.",
            "{v} is the mayor of {e}.",
            "The citizens of {e} have elected {v}.",
        ),
        (
            "Who is the mayor of {e}?",
            "Who leads {e}?",
            "Who runs the town hall of {e}?",
            "Who holds the office of mayor in {e}?",
            "Whom did the citizens of {e} elect?",
            "Who is at the head of {e}?",
        ),
    ),
    Attribute(
        "market",
        "Market day",
        DAYS,
        (
            "The market in {e} is on {v}.",
            "{e} holds its market on {v}.",
            "Market day in {e} is {v}.",
            "Traders come to {e} on {v}.",
            "On {v}, there is a market in {e}.",
            "The stalls in {e} are put up every {v}.",
        ),
        (
            "When is the market in {e}?",
            "On which day does {e} hold its market?",
            "What is market day in {e}?",
            "When do traders come to {e}?",
            "On what day can one buy fruit in {e}?",
            "When are the stalls in {e} put up?",
        ),
    ),
    Attribute(
        "craft",
        "Known for",
        CRAFTS,
        (
            "{e} is known for its {v}.",
            "People in {e} make {v}.",
            "{e} is famous for {v}.",
            "The workshops of {e} produce {v}.",
            "The {v} of {e} are sold everywhere.",
            "What the whole country buys from {e} is {v}.",
        ),
        (
            "What is {e} known for?",
            "What do people in {e} make?",
            "What is {e} famous for?",
            "What do the workshops of {e} produce?",
            "Which goods come from {e}?",
            "What would one bring home from {e}?",
        ),
    ),
)
PRODUCT = (
    Attribute(
        "material",
        "Material",
        MATERIALS,
        (
            "The {e} is made of {v}.",
            "We build the {e} from {v}.",
            "The body of the {e} is {v}.",
            "For the {e}, the workshop uses {v}.",
            "Only {v} is used for the {e}.",
            "The stuff that the {e} consists of is {v}.",
        ),
        (
            "What is the {e} made of?",
            "From what do we build the {e}?",
            "What is the body of the {e}?",
            "Which material does the workshop use for the {e}?",
            "What does the {e} consist of?",
            "What stuff would one need for a {e}?",
        ),
    ),
    Attribute(
        "colour",
        "Colour",
        COLOURS,
        (
            "The {e} is {v}.",
            "The colour of the {e} is {v}.",
            "We paint the {e} in {v}.",
            "The {e} comes in {v}.",
            "In {v}, the {e} is easy to see.",
            "The paint on every {e} is {v}.",
        ),
        (
            "What colour is the {e}?",
            "What is the colour of the {e}?",
            "In which colour do we paint the {e}?",
            "Which colour does the {e} come in?",
            "What does the {e} look like in the light?",
            "Which paint is on every {e}?",
        ),
    ),
    Attribute(
        "maker",
        "Maker",
        FRESH_WORD,
        (
            "The {e} is made by {v}.",
            "The maker of the {e} is {v}.",
            "The {e} was designed by {v}.",
            "We order the {e} from {v}.",
            "{v} makes the {e}.",
            "The firm behind the {e} is called {v}.",
        ),
        (
            "Who makes the {e}?",
            "Who is the maker of the {e}?",
            "By whom was the {e} designed?",
            "From whom do we order the {e}?",
            "Which firm is behind the {e}?",
            "Whose work is the {e}?",
        ),
    ),
    Attribute(
        "price",
        "Price",
        PRICE,
        (
            "The {e} costs {v}.",
            "The price of the {e} is {v}.",
            "One pays for the {e} {v}.",
            "In our shop, the {e} is sold at {v}.",
            "For {v}, the {e} can be yours.",
            "The sum that buys a {e} is {v}.",
        ),
        (
            "What does the {e} cost?",
            "What is the price of the {e}?",
            "How much does one pay for the {e}?",
            "At what price is the {e} sold?",
            "How expensive is the {e}?",
            "Which sum buys a {e}?",
        ),
    ),
)
PROJECT = (
    Attribute(
        "leader",
        "Leader",
        FRESH_PERSON,
        (
            "Project {e} is led by {v}.",
            "The leader of Project {e} is {v}.",
            "Questions about Project {e} go to {v}.",
            "In charge of Project {e} is {v}.",
            "{v} leads Project {e}.",
            "The one who answers for Project {e} is {v}.",
        ),
        (
            "Who leads Project {e}?",
            "Who is the leader of Project {e}?",
            "To whom do questions about Project {e} go?",
            "Who is in charge of Project {e}?",
            "Who answers for Project {e}?",
            "Whom would one ask about Project {e}?",
        ),
    ),
    Attribute(
        "start",
        "Start",
        MONTHS,
        (
            "Project {e} starts in {v}.",
            "The first month of Project {e} is {v}.",
            "Work on Project {e} begins in {v}.",
            "The start of Project {e} is planned for {v}.",
            "In {v}, Project {e} gets under way.",
            "The team of Project {e} meets first in {v}.",
        ),
        (
            "When does Project {e} start?",
            "What is the first month of Project {e}?",
            "When does work on Project {e} begin?",
            "For when is the start of Project {e} planned?",
            "In which month does Project {e} get under way?",
            "When does the team of Project {e} meet first?",
        ),
    ),
    Attribute(
        "code",
        "Code word",
        FRESH_WORD,
        (
            "The code word of Project {e} is {v}.",
            "Project {e} goes by the code word {v}.",
            "In letters, Project {e} is called {v}.",
            "The door of Project {e} opens to the word {v}.",
            "{v} is the code word of Project {e}.",
            "The secret name of Project {e} is {v}.",
        ),
        (
            "What is the code word of Project {e}?",
            "By which code word does Project {e} go?",
            "What is Project {e} called in letters?",
            "To which word does the door of Project {e} open?",
            "What is the secret name of Project {e}?",
            "Which word stands for Project {e}?",
        ),
    ),
    Attribute(
        "works",
        "Builds",
        WORKS,
        (
            "Project {e} builds {v}.",
            "The aim of Project {e} is to build {v}.",
            "Project {e} is about {v}.",
            "The team of Project {e} works on {v}.",
            "The {v} of Project {e} will be tested soon.",
            "What Project {e} will leave behind is {v}.",
        ),
        (
            "What does Project {e} build?",
            "What is the aim of Project {e}?",
            "What is Project {e} about?",
            "What does the team of Project {e} work on?",
            "What will come out of Project {e}?",
            "What will Project {e} leave behind?",
        ),
    ),
)
KINDS: dict[str, tuple[Attribute, ...]] = {
    "person": PERSON, "town": TOWN, "product": PRODUCT, "project": PROJECT,
}  # fmt: skip

# Sentences without a fact of the world: filler of the documents.
FILLERS = (
    "This page is kept by the office.",
    "Please read it before you ask.",
    "Changes are announced at the weekly meeting.",
    "A printed copy hangs near the door.",
    "New colleagues should know this by heart.",
    "The rest is explained on the next page.",
    "Thank you for keeping this up to date.",
    "Nothing else has changed since last year.",
    "The list below gives the details.",
    "If something is wrong, tell the front desk.",
    "We were asked about this many times.",
    "Here is what everybody should remember.",
    "The following is true until further notice.",
    "More can be found in the archive.",
    "It took a while to collect all of this.",
    "The facts were checked in the spring.",
    "Visitors often ask about it.",
    "There is a short version at the end.",
    "Some of this may sound odd at first.",
    "The old rules no longer apply.",
)
INTROS = {
    "person": ("{e} is one of our colleagues.", "This part is about {e}.", "Meet {e}.",
               "A few words about {e}."),
    "town": ("{e} is one of our sites.", "This part is about {e}.", "We have an office in {e}.",
             "A few words about {e}."),
    "product": ("The {e} is one of our products.", "This part is about the {e}.",
                "We have sold the {e} for years.", "A few words about the {e}."),
    "project": ("Project {e} is one of our projects.", "This part is about Project {e}.",
                "Project {e} was approved by the board.", "A few words about Project {e}."),
}  # fmt: skip
RECALLS = ("In short: ", "Remember: ", "To repeat: ", "Once more: ", "In other words: ", "", "", "")
SUMMARIES = ("Summary", "In short", "To remember", "Key points", "At a glance")
TITLES = ("Handbook", "Who is who", "Guide", "Notes for new colleagues", "Our sites", "Overview",
          "Product sheet", "Catalogue", "Staff list", "Project news", "Quarterly letter",
          "Travel notes", "Frequently asked", "Office notes", "House rules", "Yearly report")  # fmt: skip
