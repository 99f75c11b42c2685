"""Tasks: whether each is done is read, in whatever way a format marks it."""

import pytest

from tests.documents.written import text


@pytest.mark.parametrize(
    "tasks",
    [
        '<ul class="inline-task-list"><li class="checked" data-inline-task-id="1"><span>Done</span><li><span>Open</span></ul>',
        '<ul><li class="task-list-item"><input type="checkbox" checked> Done<li><input type="checkbox"> Open</ul>',
        '<ul><li><p><input type="checkbox" disabled checked> Done</p><li><p><input type="checkbox" disabled> Open</p></ul>',
        '<ul data-type="taskList"><li data-checked="true"><label><input type="checkbox" checked></label><div><p>Done</p></div>'
        '<li data-checked="false"><label><input type="checkbox"></label><div><p>Open</p></div></ul>',
        '<ul class="to-do-list"><li><div class="checkbox checkbox-on"></div> <span>Done</span>'
        '<li><div class="checkbox checkbox-off"></div> <span>Open</span></ul>',
        '<ul><li><span role="checkbox" aria-checked="true"></span>Done<li><span role="checkbox" aria-checked="false"></span>Open</ul>',
    ],
)
def test_tasks_of_a_page_are_ticked_or_not(tasks):
    assert text("a.html", f"<h1>Now</h1>{tasks}<p>After.</p>") == "# Now\n\n- [x] Done\n- [ ] Open\n\nAfter.\n"


def test_a_tick_alone_is_the_text_of_its_cell_and_a_box_that_opens_a_menu_is_none():
    cell = '<td><input type="checkbox" disabled checked>'
    assert text("a.html", f"<table><tr><th>Plan<th>Fax<th>Mail<tr><td>A{cell}<td>no</table>").endswith(
        "\nA | [x] | no\n"
    )
    assert text("a.html", '<div><input type="checkbox" id="menu"><p class="checked">Text.</p></div>') == "Text.\n"


@pytest.mark.parametrize(
    ("name", "written", "seen"),
    [
        ("a.md", "- [x] Done\n- [ ] Open\n", "- [x] Done\n- [ ] Open\n"),
        ("a.adoc", "* [*] Done\n* [x] Done\n* [ ] Open\n", "- [x] Done\n- [x] Done\n- [ ] Open\n"),
        (
            "a.org",
            "* DONE Pay\n- [X] Done\n* TODO Call\n- [ ] Open\n",
            "# DONE Pay\n- [X] Done\n# TODO Call\n- [ ] Open\n",
        ),
    ],
)
def test_tasks_of_other_formats_too(name, written, seen):
    assert text(name, written) == seen
