"""Tags of site generators: the text between them is read, and values that only the site knows stay as written."""

import pytest

from tests.counting import is_quadratic
from tests.documents.written import converted


def seen(written, suffix=".md"):
    return converted(suffix, written.encode()).text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('A.\n\n{% include "x.md" %}\n\nB.', "A.\n\n\nB."),
        ("{% if a %}It is 5.{% else %}6.{% endif %} {%- endfor -%}", "It is 5.6. "),
        ("{% raw %}\nUse `{{ a }}`.\n{% endraw %}", "Use `{{ a }}`."),
        ("{% comment %}\nOld.\n{% endcomment %}\nNew {# or not #}{/* nor this */}.", "New ."),
        ('{% hint style="info" %}\nMind.\n{% endhint %}', "Info:\nMind."),
        ('{% tab title="Linux" %}\nRun.\n{% endtab %}', "Linux\nRun."),
        ('{% include note.html content="Keep it." %}', "Keep it."),
        ("{% highlight ruby %}\n# x {{ a }}\n{% endhighlight %}\nB.", "~~~~ruby\n# x {{ a }}\n~~~~\nB."),
        ('{{< highlight go "x" >}}\n{{< a >}}\n{{< / highlight >}}\nB.', "~~~~go\n{{< a >}}\n~~~~\nB."),
        ("{{< note >}}\nMind.\n{{< /note >}}", "Note:\nMind."),
        ('{{% alert title="Careful" color="red" %}}\nIt is hot.\n{{% /alert %}}', "Careful\nIt is hot."),
        ('{{< tabs name="id" >}}\n{{< tab name="Linux" >}}\nRun.\n{{< /tab >}}\n{{< /tabs >}}', "Linux\nRun."),
        ('A {{< term text="Pod" id="pod" >}} runs [it]({{< ref "a.md" >}}).', 'A Pod runs [it]({{< ref "a.md" >}}).'),
        ("Use {{ version }} or {{< param v >}}, not ${{ x }}.", "Use {{ version }} or {{< param v >}}, not ${{ x }}."),
        ('A {{< term text="Pod"\nid="p" >}} or {{< term text="Job" >}}.', "A Pod or Job."),
        ('{% include a.html url="x"\n  caption="y" %}\nB, {% of\nthem.', "B, {% of\nthem."),
        ("A.\n\n{{ macro() }}\n\nB.", "A.\n\n\nB."),
        ("{#\n no\n#}\nA.\n\n{/* no\n no */}\nB.", "A.\n\nB."),
        ('{% set title="x" %}\nA {% include "v.md" %} b.', 'A {% include "v.md" %} b.'),
    ],
)
def test_tags_go_and_the_text_between_them_stays(written, shown):
    assert seen(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        "`{% a %}`\n\n```\n{% a %}\n{{ a }}\n```",
        "Of code:\n\n    {{ a }}\n    [TOC]\n\nEnd.",
        "$$\n{{ a }}\n$$",
        "Write `:material-x:` or `[a](b){.c}`.",
        "The {# of them, and src/{/*,/**}.\n\nA.",
        "{# of them\n\nA.",
        "Write {{</* note */>}}.\n\n{{</* note */>}}",
        "# Of {.NET 5}\n\nstd::simple-x::y, {#id}, {%d}, a@b.c, <a@b.c>",
    ],
)
def test_what_only_looks_like_a_tag_stays(written):
    assert seen(written) == written


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("import A from '@theme/A';\nimport {\n  B,\n} from './b';\n\nText.", "\nText."),
        ("export const a = () => {\n  b();\n}\n\nText.", "\nText."),
        ("import is a duty.\n\nexport default values", "import is a duty.\n\nexport default values"),
        ('<Tabs>\n<TabItem value="a"\n  label="Apple">\nRed.\n</TabItem>\n</Tabs>', "Apple\nRed."),
        ("<Note>It is hot.</Note> <Icon name='x' />", "Note: It is hot. "),
        ("<Card icon={<A b='c' />} f={() => <b>x</b>} title='One'>\nA.\n</Card>", "One\nA."),
        ("Give <NAME> or `<Tabs>`, List<String>.", "Give <NAME> or `<Tabs>`, List<String>."),
        ("Give <Tab> to Box<Item> and `</Tab>`.\n\n<Item>A.</Item>\n```\n</Tab>\n```",
         "Give <Tab> to Box<Item> and `</Tab>`.\n\nA.\n```\n</Tab>\n```"),
        ("Write\nimport A from 'a';\nabove it.", "Write\nimport A from 'a';\nabove it."),
    ],
)  # fmt: skip
def test_modules_and_components_of_mdx(written, shown):
    assert seen(written, ".mdx") == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("## Setup {#set-up}\n### Use { #b .c }", "## Setup\n### Use"),
        ("A.\n{: .note }\n\n{:toc}\n\nB {x}.", "A.\n\n\nB {x}."),
        ("[Go](x){ .md-button } :material-check: ![a](b){ width=300 }", "[Go](x) ![a](b)"),
        ("Ada [:material-web:](a) [:simple-x: Docs](b){.c}", "Ada  [Docs](b)"),
        ("[:octicons-heart-24:{ .m } In][In]{ .m } B.", "[In][In] B."),
        ("[TOC]\n\n[[toc]]\n\n--8<-- \"a.md\"\n\nA.", "\n\n\nA."),
        ("::: a.b.C\n    options:\n      x: true\n\nA.", "\nA."),
        ('=== "C"\n\n    Run.\n\n    ```c\n    # x\n    ```\n\nA.', "C\n\nRun.\n\n```c\n# x\n```\n\nA."),
        ('!!! note "One"\n    === "Two"\n        A.\n\n    B.\nC.', "One\nTwo\nA.\n\nB.\nC."),
        ("1. Run.\n\n    !!! tip\n        Fast.\n\n2. End.", "1. Run.\n\nTip:\nFast.\n\n2. End."),
    ],
)  # fmt: skip
def test_attributes_tabs_and_snippets(written, shown):
    assert seen(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (
            "Valve\n: Shuts it: tight.\n\nPump\n\n:   Moves it.\n:   Is loud.\n",
            "Valve: Shuts it: tight.\n\nPump: Moves it.\nIs loud.\n",
        ),
        ("Valve\n\nText : here.\n\n:smile: yes\n", "Valve\n\nText : here.\n\n:smile: yes\n"),
        ("`-x`\n: Stops\nit.\n: Ends.\n\n: Late.\n\n-f\n: Runs.\n", "`-x`: Stops\nit.\nEnds.\n\nLate.\n\n-f: Runs.\n"),
        ("```\na\n: b\n```\n", "```\na\n: b\n```\n"),
        ("a | b\n--|--\n1 | 2\n\n: Valves\n", "a | b\n--|--\n1 | 2\n\n: Valves\n"),
        ("He wrote\nof it\n: so.\n\nIt ends.\n: So.\n", "He wrote\nof it\n: so.\n\nIt ends.\n: So.\n"),
    ],
)
def test_a_term_opens_its_definition(written, shown):
    assert seen(written) == shown


@pytest.mark.parametrize(
    "part", ["{% a ", "{{< a ", "{{<a>}}", "<Q ", "<Q>", "# {.a ", "{{", "{# ", "{# a\n", "{{ a }}"]
)
def test_no_tag_takes_quadratic_time(part):
    assert not is_quadratic(lambda size: seen("## " + part * (size // len(part)) + "\n"), 50_000)
