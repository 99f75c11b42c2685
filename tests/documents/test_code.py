"""Source code: the text is unchanged, with a section for each definition."""

import pytest

from disc_lite.documents import cut_passages
from tests.documents.written import document, sections

PYTHON = '''\
"""A shop."""

import os

X = 1  # a price

# Opens it.
@cached
def open_at(day):
    """The hour."""
    def inner():
        return 1
    return inner()

# All of it.
class Shop:
    """A place."""
    size = 3

    def sell(self, thing):
        # never twice
        return thing

    count = 4

    async def buy(self): ...

MORE = [
    1,
]
'''


def starts(made):
    return [(path, text.split("\n")[0]) for path, text in sections(made)]


def test_python_is_cut_by_its_parser_with_the_comments_above_a_definition():
    made = document("src/my_shop.py", PYTHON)
    assert (made.title, made.text) == ("src/my_shop.py", PYTHON)
    assert starts(made) == [
        ((), '"""A shop."""'),
        (("open_at()",), "# Opens it."),
        (("class Shop",), "# All of it."),
        (("class Shop", "sell()"), "def sell(self, thing):"),
        (("class Shop",), "count = 4"),
        (("class Shop", "buy()"), "async def buy(self): ..."),
        ((), "MORE = ["),
    ]
    assert made.sections[3].heading_path == ("src/my_shop.py", "class Shop", "sell()")


def test_a_definition_is_a_passage_of_its_own():
    made = document("a.py", PYTHON)
    passages = cut_passages(made, [(at, at + 1) for at in range(len(made.text))], 10_000)
    assert [passage.heading_path[1:] for passage in passages] == [path for path, _ in starts(made)]


def test_python_that_does_not_parse_is_cut_by_the_rule():
    assert starts(document("a.py", "print 'old'\n\n# Two.\ndef two():\n    pass\n")) == [
        ((), "print 'old'"),
        (("def two()",), "# Two."),
    ]


OTHERS = {
    "a.go": ("package a\n\n// Open tells.\nfunc (s *Shop) Open(day string) bool {\n\tif x(day) {\n\t}\n}\n\ntype Shop struct {\n}\n",
             [((), "package a"), (("func (s *Shop) Open(day string) bool",), "// Open tells."), (("type Shop struct",), "type Shop struct {")]),
    "A.java": ("package a;\n\n/** A shop. */\npublic class Shop extends Base {\n    private int x = 3;\n\n    @Override\n    public boolean open(String day) {\n        return foo(day);\n    }\n}\n",
               [((), "package a;"), (("public class Shop extends Base",), "/** A shop. */"),
                (("public class Shop extends Base", "public boolean open(String day)"), "@Override")]),
    "a.c": ("#include <x.h>\n\n/* Adds. */\nstatic int add(int a,\n               int b)\n{\n    return plus(a, b);\n}\n\nint main(void) {\n    call(x);\n}\n",
            [((), "#include <x.h>"), (("static int add(int a",), "/* Adds. */"), (("int main(void)",), "int main(void) {")]),
    "a.ts": ("import x from 'y';\n\nexport const f = (x) => x + 1;\nexport default class A {\n  open() {\n    if (a) {\n    }\n  }\n}\nasync function g() {}\n",
             [((), "import x from 'y';"), (("export const f = (x) => x + 1",), "export const f = (x) => x + 1;"), (("export default class A",), "export default class A {"),
              (("export default class A", "open()"), "open() {"), (("async function g()",), "async function g() {}")]),
    "a.rs": ("/// Doc.\n#[derive(Debug)]\npub struct A { x: i32 }\nimpl A {\n    pub fn new() -> Self { A { x: 1 } }\n}\n",
             [(("pub struct A",), "/// Doc."), (("impl A",), "impl A {"), (("impl A", "pub fn new() -> Self"), "pub fn new() -> Self { A { x: 1 } }")]),
    "a.sh": ("#!/bin/sh\nset -e\n\n# Build it.\nbuild() {\n  make\n}\nbuild\n", [((), "#!/bin/sh"), (("build()",), "# Build it."), ((), "build")]),
    "a.sql": ("-- People\nCREATE TABLE people (\n  id int\n);\nINSERT INTO people VALUES (1);\n",
              [(("CREATE TABLE people",), "-- People"), ((), "INSERT INTO people VALUES (1);")]),
    "b.go": ("package a\n\nfunc Start(n int) error {\n\treturn nil\n}\n\n// Most of bar.\nconst Max = 16\nvar x = 1\n",
             [((), "package a"), (("func Start(n int) error",), "func Start(n int) error {"), ((), "// Most of bar.")]),
    "b.c": ("/*\ntype of error\n*/\nstatic int\nadd(int a,\n    int b)\n{\n  f(a);\n}\n#define MAX 5\nint x;\n",
            [(("static int add(int a",), "/*"), ((), "#define MAX 5")]),
    "b.ts": ("export const add = (a: number): number => a;\nlet y = 5;\n",
             [(("export const add = (a: number): number => a",), "export const add = (a: number): number => a;"), ((), "let y = 5;")]),
    "b.rs": ("pub const fn twice(x: u32) -> u32 { x * 2 }\npub static PORT: u16 = 7070;\n",
             [(("pub const fn twice(x: u32) -> u32",), "pub const fn twice(x: u32) -> u32 { x * 2 }"), ((), "pub static PORT: u16 = 7070;")]),
    "a.rb": ("# A.\nclass Shop\n  def open(day)\n    puts day\n  end\nend\n", [(("class Shop",), "# A."), (("class Shop", "def open(day)"), "def open(day)")]),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_other_languages_are_cut_at_the_lines_that_define(name):
    source, expected = OTHERS[name]
    made = document(name, source)
    assert (made.title, made.text) == (name, source)
    assert starts(made) == expected


def test_hostile_lines_end_no_run():
    for unit in ("unsigned ", "a(", "a<", "public ", "a&*", "x::", "a b(c", "*/", "a"):
        line = f"{(unit * 300)[:299]}\n" * 300 + unit * 100_000
        assert document("a.c", f"{line}\nint main(void) {{\n}}\n").sections[-1].heading_path[-1] == "int main(void)"
