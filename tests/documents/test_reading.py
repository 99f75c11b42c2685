"""Reading: encodings by fixed rules, and one outcome per file."""

import os
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from disc_lite.documents import read_documents, reading
from disc_lite.documents.decoding import check_text, decode, sha256_of_text
from disc_lite.documents.formats import FORMATS
from disc_lite.documents.headings import Heading
from disc_lite.documents.source import Converted, RefusedFile
from disc_lite.errors import DocumentsError, UsageError
from tests.documents.written import converted, document, refusal
from tests.tiers import reached, tried


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def read(folder, files):
    documents, ledger = read_documents([write(folder, files)])
    return {one.name: one for one in documents}, {one.name: one for one in ledger}


# --- text by rule (R15, R16) --------------------------------------------------------------------

PRINTED = st.text(st.characters(exclude_categories=("Cc", "Cs"))).map(lambda text: "a" + text)


@tried("R16")
@given(PRINTED, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from(["\n", "\r\n"]))
def test_text_encodes_back_to_the_bytes_it_came_from(text, codec, newline):
    written = (text + newline + text).encode(codec)
    decoded = decode(written)
    assert decoded == text + "\n" + text
    assert decoded.replace("\n", newline).encode(codec) == written


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"abc\xe9f", "0xe9 at offset 3; if it is Windows-1252"),
        (b"\xef\xbb\xbfabc\xff\x81", "0xff at offset 6; save it as UTF-8"),
        (b"\xff\xfea\x00\x00\xd8", "not UTF-16: byte 0x00 at offset 4"),
        (b"ab\0c", "NUL at offset 2"),
        ("\ufeffa\0".encode("utf-16-le"), "NUL at character 1"),
        (b"\x01\x02abc", "2 of 5 characters are control"),
        (b" \n\t\n", "no text"),
        (b"", "no text"),
    ],
)
def test_bytes_against_the_rule_are_refused_with_the_place(raw, words):
    assert words in refusal(".txt", raw)


@tried("R15")
@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=300))
def test_junk_is_read_or_refused_and_gains_no_replacement_characters(suffix, junk):
    marks = {".pdf": b"%PDF-1.7\n", ".docx": b"PK\3\4"}
    try:
        # Read in this process: exceptions of parsers must not leave `convert` either.
        made = converted(suffix, marks.get(suffix, b"") + junk)
    except RefusedFile:
        return
    assert ("\ufffd" in made.text) <= (b"\xef\xbf\xbd" in junk or b"&#" in junk)
    assert check_text(made.text) == made.text


def test_half_a_character_is_refused_with_how_it_is_written():
    assert refusal(".jsonl", r'{"text": "Great \ud83d"}') == r"'\ud83d' is half of a surrogate pair; remove it"


# --- one outcome per file (R14, R18, R20) ---------------------------------------------------------

NAMES = st.sampled_from([f"{stem}.{end}" for stem in ("a", "b/c", "b/.d", ".e/f") for end in
                         ("md", "txt", "rst", "bin")])  # fmt: skip
CONTENTS = st.sampled_from([b"One.", b"One.\r\n", b"Two  words", b"Two\nwords", b"", b"\xff", b"x\0"])


@tried("R18")
@given(st.dictionaries(NAMES, CONTENTS))
def test_read_and_refused_and_duplicate_are_all_files_that_are_not_hidden(files):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        visible = sorted(name for name in files if "." not in (name[0], name[2]))
        try:
            documents, ledger = read_documents([Path(folder)])
        except DocumentsError:
            assert not any(files[name] in (b"One.", b"Two\nwords") for name in visible if
                           not name.endswith("bin"))  # fmt: skip
            return
    assert sorted(entry.name for entry in ledger) == visible
    outcomes = Counter(entry.outcome for entry in ledger)
    assert outcomes["read"] == len(documents)
    assert len({" ".join(one.text.split()) for one in documents}) == len(documents)
    assert all((entry.reason == "") == (entry.outcome == "read") for entry in ledger)


@pytest.mark.parametrize(
    ("name", "content", "named_by_file"),
    [
        ("my_pump.txt", "It weighs 84 kg.", True),
        ("my_pump.md", "# My pump\n\nIt weighs 84 kg.", False),
        ("my_pump.md", "## Weight\n\nIt weighs 84 kg.", True),
        ("my_pump.html", "<title>My pump</title><p>It weighs 84 kg.", False),
        ("src/my_pump.py", "WEIGHT = 84", True),
        ("my_pump.csv", "Name,Weight\nP-1,84\n", True),
        ("my_pump.json", '{"title": "my pump", "text": "It weighs 84 kg."}', False),
    ],
)
def test_a_document_knows_whether_its_title_is_the_name_of_its_file(name, content, named_by_file):
    assert document(name, content).named_by_file is named_by_file


def test_a_duplicate_names_its_original_whatever_its_spaces_and_form(tmp_path):
    files = {
        "a.txt": "Caf\u00e9  au\nlait",
        "b/c.md": "Cafe\u0301 au lait\n",
        "d.txt": "Cafe au lait",
    }
    documents, ledger = read(tmp_path, files)
    assert list(documents) == ["a.txt", "d.txt"]
    assert ledger["b/c.md"].reason == "same text as a.txt"
    assert ledger["b/c.md"].as_dict()["outcome"] == "duplicate"
    assert documents["a.txt"].sha256 == sha256_of_text(files["a.txt"])


def test_links_stay_inside_the_named_folder(tmp_path):
    outside = write(tmp_path / "outside", {"secret.md": "secret"})
    inside = write(tmp_path / "inside", {"a.md": "A.", "sub/b.md": "B."})
    (inside / "out.md").symlink_to(outside / "secret.md")
    (inside / "folder").symlink_to(outside)
    (inside / "up").symlink_to(inside)
    (inside / "gone.md").symlink_to("nowhere")
    (inside / "self.md").symlink_to("self.md")
    (inside / "twin.md").symlink_to("a.md")
    os.mkfifo(inside / "pipe.md")
    documents, ledger = read(inside, {})
    assert list(documents) == ["a.md", "sub/b.md"]
    reasons = {name: entry.reason for name, entry in ledger.items() if name not in documents}
    assert reasons["twin.md"] == "same text as a.md"
    assert reasons["out.md"] == reasons["folder"] == "link that leads outside the folder; name its target"
    assert reasons["gone.md"] == reasons["self.md"] == "broken link; remove it"
    assert reasons["up"].startswith("link to a folder")
    assert reasons["pipe.md"] == "not a regular file"


def test_names_are_unique_and_cannot_break_a_line(tmp_path):
    one, two = write(tmp_path / "1", {"a.md": "A."}), write(tmp_path / "2", {"a.md": "B."})
    weird = two / os.fsdecode(b"x\n\x1b\xff.md")
    weird.write_text("C.")
    documents, _ = read_documents([one, two, one / "a.md", two])
    assert [document.name for document in documents] == ["a.md", "2/a.md", r"x\n\x1b\udcff.md"]


def test_what_was_named_but_is_not_there_or_empty(tmp_path):
    for path in (tmp_path / "no", Path("a\0b"), Path("x" * 300)):
        with pytest.raises(UsageError):
            read_documents([path])
    with pytest.raises(DocumentsError, match="only hidden"):
        read_documents([tmp_path])
    with pytest.raises(DocumentsError) as caught:
        read(tmp_path, {f"{i}.bin": "x" for i in range(7)} | {".hidden.md": "x"})
    assert caught.value.why.count("extension .bin") == 5
    assert caught.value.why.endswith("and 2 more")
    documents, _ = read_documents([tmp_path / ".hidden.md"])  # a file that is named itself is read
    assert documents[0].title == ".hidden"


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(100 << 30)
    _, ledger = read(tmp_path, {"a.md": "A."})
    assert ledger["huge.txt"].bytes == 100 << 30
    assert (ledger["huge.txt"].reason, ledger["huge.txt"].sha256) == (
        "larger than 64 MB; split it",
        "",
    )
    reached("R17", GiB_refused_unread=100)


def test_the_package_imports_no_reader_and_no_torch_until_needed():
    heavy = "{'torch', 'transformers', 'pypdfium2', 'mammoth', 'pathspec', 'openpyxl', 'pylatexenc'}"
    code = f"import sys, disc_lite.documents; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_letters_apart_from_their_accents_are_composed_before_places_are_counted(tmp_path):
    text = "# Büro\n\nDie Kündigungsfrist für Größen beträgt drei Monate.\n\n## Öffnung\n\nAb neun.\n"
    code = '"""Büro für Größen."""\n\n\ndef öffnen():\n    """Öffnet für größere Ämter."""\n    return "Tür"\n'
    apart = {name: unicodedata.normalize("NFD", content) for name, content in {"a.md": text, "a.py": code}.items()}
    found, _ = read(tmp_path / "apart", apart)
    composed, _ = read(tmp_path / "composed", {"a.md": text, "a.py": code})
    assert found == composed
    assert len(found["a.py"].sections) > 1


def test_pieces_between_headings_are_composed_one_by_one():
    text = unicodedata.normalize("NFD", "für\nÄmter\nGrößen\n")
    headings = tuple(Heading(text.index(line), 1, line) for line in text.split())
    one = reading.document_of("a.x", Converted(text, headings=headings))
    assert [one.text[s.start : s.end].strip() for s in one.sections][1:] == ["Ämter", "Größen"]
    assert one.sections[-1].end == len(one.text)
