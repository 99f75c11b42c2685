"""Tags of site generators: what is between them is text, what only the site knows stays as it is written."""

import time

import pytest

from tests.documents.written import converted, text


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
        ("A.\n\n{{ macro() }}\n\nB.", "A.\n\n\nB."),
        ("`{% a %}`\n\n```\n{% a %}\n```", "`{% a %}`\n\n```\n{% a %}\n```"),
    ],
)
def test_tags_go_and_the_text_between_them_stays(written, shown):
    assert seen(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("import A from '@theme/A';\nimport {\n  B,\n} from './b';\n\nText.", "\nText."),
        ("export const a = () => {\n  b();\n}\n\nText.", "\nText."),
        ("import is a duty.\n\nexport default values", "import is a duty.\n\nexport default values"),
        ('<Tabs>\n<TabItem value="a"\n  label="Apple">\nRed.\n</TabItem>\n</Tabs>', "Apple\nRed."),
        ("<Note>It is hot.</Note> <Icon name='x' />", "Note: It is hot. "),
        ("Give <NAME> or `<Tabs>`, List<String>.", "Give <NAME> or `<Tabs>`, List<String>."),
    ],
)
def test_modules_and_components_of_mdx(written, shown):
    assert seen(written, ".mdx") == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("## Setup {#set-up}\n### Use { #b .c }", "## Setup\n### Use"),
        ("A.\n{: .note }\n\n{:toc}\n\nB {x}.", "A.\n\n\nB {x}."),
        ("[Go](x){ .md-button } :material-check: ![a](b){ width=300 }", "[Go](x) ![a](b)"),
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
        ("```\na\n: b\n```\n", "```\na\n: b\n```\n"),
    ],
)
def test_a_term_opens_its_definition(written, shown):
    assert seen(written) == shown


def test_the_template_of_a_page_is_read_without_its_tags():
    page = '{% extends "b.html" %}\n<h1>{{ title }}</h1>{# no #}<p>It is {{ n }}.</p>{% block x %}<p>Yes.</p>{% endblock %}'
    assert text("a.html", page) == "It is {{ n }}.\n\nYes.\n"
    assert text("a.html", f"---\nlayout: x\n---\n{page}") == "It is {{ n }}.\n\nYes.\n"
    assert text("a.html", "<p>Write {% a %}.</p>") == "Write {% a %}.\n"


@pytest.mark.parametrize("part", ["{% a ", "{{< a ", "{{<a>}}", "<Q ", "<Q>", "# {.a ", "{{", "{# ", "{{ a }}"])
def test_no_tag_takes_quadratic_time(part):
    began = time.process_time()
    seen("## " + part * (50_000 // len(part)) + "\n")
    assert time.process_time() - began < 4
