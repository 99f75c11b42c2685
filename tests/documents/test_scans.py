"""Scanned pages: what becomes of the output of `tesseract`, which is a script of our own here."""

import json
import shutil
import stat
import sys

import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from disc_lite.documents import ocr, read_documents, workers
from disc_lite.documents.doubts import doubt_about_ocr, doubts_about
from disc_lite.documents.formats import convert
from disc_lite.documents.source import Source
from tests.documents.written import converted, refusal, refusal_of_child, text

PRINTED = (
    "The printed page says that the crane of the harbour lifts twelve tonnes, and that it was painted green last year."
)
# A `tesseract` that gives prepared answers, chosen by its arguments and the shape of the picture.
FAKE = """#!{python}
import json, sys, time
answers = json.load(open({folder!r} + "/answers.json"))
arguments = " ".join(sys.argv[1:])
open({folder!r} + "/calls.txt", "a").write(arguments + chr(10))
if "--list-langs" in arguments:
    sys.stdout.write("List of available languages (3):" + chr(10) + chr(10).join(answers["languages"]) + chr(10))
    sys.exit()
picture = sys.stdin.buffer.read()
kind, width, height = picture.split(maxsplit=3)[:3]
assert kind == b"P5" and len(picture) == len(b"P5 %s %s 255" % (width, height)) + 1 + int(width) * int(height)
answer = answers["turn"] if "--psm 0" in arguments else answers["wide" if int(width) > int(height) else "high"]
while answer == "busy":
    pass
time.sleep(60 * (answer == "asleep"))
sys.stdout.write(answer)
sys.exit(answer == "")
"""


def hocr(*lines):
    """Tesseract's output for lines (left, baseline, slope, size, words); of a word with `?` it is not sure."""
    rows = []
    for left, baseline, slope, size, line in lines:
        words, x = [], left
        for word in line.split(" "):
            if word:  # two spaces stand for a gap
                sure, end = 12 if word.endswith("?") else 95, x + size // 2 * len(word)
                shown = word.removesuffix("?").replace("&", "&amp;")
                words.append(
                    f"<span class='ocrx_word' title='bbox {x} 1 {end} 2; x_wconf {sure}'><em>{shown}</em></span>"
                )
            x += size // 2 * (len(word) + 1)
        box = f"bbox {left} {baseline - size} {x} {baseline + 10}"
        # Tesseract gives the baseline relative to the lower left corner of the box.
        title = f"{box}; baseline {slope} -10; x_size {size}; x_descenders 8"
        rows.append(f"<span class='ocr_line' title='{title}'>{''.join(words)}</span>")
    head = '<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>'
    return f"{head}<div class='ocr_page'>{''.join(rows)}</div></body></html>"


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a `tesseract` with these answers first in the path; it writes its calls to calls.txt."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "tesseract"
    script.write_text(FAKE.format(python=sys.executable, folder=str(folder)))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    ocr._installed_languages.cache_clear()
    yield lambda **given: (folder / "answers.json").write_text(
        json.dumps({"languages": ["eng", "deu", "osd"], "turn": "", **given})
    )
    ocr._installed_languages.cache_clear()


@pytest.fixture
def calls(fake, tmp_path):
    return lambda: (tmp_path / "bin" / "calls.txt").read_text()


def picture(width=300, height=424):
    return Image.new("L", (width, height), 200)


def pdf(*pages):
    """A PDF whose pages are a text, a picture, or both."""
    made = FPDF()
    for page in pages:
        made.add_page()
        for part in page if isinstance(page, tuple) else (page,):
            made.set_font("times", size=11)
            if isinstance(part, str):
                made.multi_cell(0, 6, part)
            else:
                made.image(part, 0, 0, 210, 297)
    return bytes(made.output())


def scanned(first, *others, top=300):
    """Tesseract's output for a page with these lines, one below the other."""
    return hocr(*[(200, top + 60 * row, 0.0, 40, text) for row, text in enumerate((first, *others))])


LINES = ("The ferry leaves at seven in the morning, and it", "comes back at noon. A ticket costs nine crowns.")
PAGE = scanned(*LINES)
READ = f"{' '.join(LINES)}\n"


def test_scanned_pages_are_read_beside_printed_ones_and_the_ledger_says_so(fake, calls, tmp_path):
    fake(high=PAGE)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").write_bytes(pdf(PRINTED, picture(), ("Scanned with a phone", picture()), ""))
    (document,), (entry,) = read_documents([tmp_path / "docs"])
    assert document.text == f"{PRINTED}\n\n{READ}\n{READ}"
    assert entry.ocr_pages == 2
    assert entry.warning == (
        "2 of 4 pages read by OCR (eng; 0% of the words unsure): check names and figures, since misread ones are learned too"
    )
    assert calls().splitlines()[1:] == ["stdin stdout --dpi 300 -l eng hocr"] * 2
    assert doubts_about(document, entry, ()) == (entry.warning,)  # and no remark that the text is short for its file


def test_hebrew_that_ocr_read_is_in_its_order(fake):
    line = "הספרייה נפתחת בשעה תשע בבוקר בכל יום ראשון"
    fake(high=scanned(line), languages=["heb", "osd"])
    read = converted("a.pdf", pdf(picture()), ocr_languages="heb")
    assert read.text == f"{line}\n" and "Hebrew" not in read.warning


def test_what_is_missing_is_named_with_the_remedy(fake, tmp_path, monkeypatch):
    fake(high=PAGE)
    raw = pdf(picture())
    assert refusal(".pdf", raw, ocr_languages="deu+chi_sim+fra") == (
        "needs tesseract's data for chi_sim, fra: apt-get install tesseract-ocr-chi-sim tesseract-ocr-fra, or choose "
        "from deu, eng with --set documents.ocr_languages=…"
    )
    assert text("a.pdf", raw, ocr_languages="deu+eng") == READ
    assert "documents.ocr_languages is empty" in refusal(".pdf", raw, ocr_languages="")
    monkeypatch.setenv("PATH", str(tmp_path))
    ocr._installed_languages.cache_clear()
    assert refusal(".pdf", raw) == "needs tesseract for scanned pages: apt-get install tesseract-ocr tesseract-ocr-eng"
    mixed = converted(".pdf", pdf(PRINTED, picture()))
    assert (mixed.text, mixed.ocr_pages) == (f"{PRINTED}\n", 0)
    assert mixed.warning.startswith("1 of 2 pages are scans and were not read: needs tesseract for")


def test_what_cannot_be_read_is_left_out_and_counted(fake):
    fake(high=scanned("The ferry leaves at seven in the morning, and it", "comes? back? at", "Ww? qx? the? rj?", "@)"))
    made = converted(".pdf", pdf(picture()))
    assert made.text == "The ferry leaves at seven in the morning, and it\n"
    assert "(eng; 33% of the words unsure, 2 illegible lines left out): scan it again at 300 dpi" in made.warning
    fake(high=scanned("Ww? qx? the? rj?"))
    assert "no text that OCR could read on its pages; scan it again at 300 dpi" in refusal(".pdf", pdf(picture()))
    fake(high="")
    assert "tesseract failed (exit status 1)" in refusal(".pdf", pdf(picture()))
    fake(high="<html>")
    assert "tesseract gave no hOCR" in refusal(".pdf", pdf(picture()))


def test_a_page_that_lies_on_its_side_is_turned(fake, calls):
    steep = hocr(*[(200 + 60 * row, 300, 90.0, 40, "The ferry leaves at") for row in range(3)])
    fake(high=steep, wide=PAGE, turn="Page number: 0\nOrientation in degrees: 90\nRotate: 270\n")
    assert text("a.pdf", pdf(picture())) == READ
    assert [call.split("300 ")[1] for call in calls().splitlines()[1:]] == ["-l eng hocr", "--psm 0", "-l eng hocr"]


def test_tilted_columns_are_read_one_after_the_other_and_headings_by_their_size(fake):
    left = [
        "The harbour of Velmar opens at six in",
        "the morning and closes at nine in the",
        "evening. The master is Ida Brandt.",
    ]
    right = ["Goods are weighed in the customs house", "and the crane lifts twelve tonnes. It is", "watched by a keeper all of the night."]  # fmt: skip
    slope = 0.02  # across the page more than the distance between two lines
    lines = [(200, 200, slope, 58, "Opening and weighing")]
    for row in range(3):
        for x, line in ((200, left[row]), (1300, right[row])):
            lines.append((x, round(300 + 50 * row + slope * (x - 200)), slope, 40 + row, line))
    lines.append((200, 500, slope, 41, "e   Fish is sold on the east quay."))
    fake(high=hocr(*lines))
    assert text("a.pdf", pdf(picture())) == (
        f"# Opening and weighing\n\n{' '.join(left)}\n\n- Fish is sold on the east quay.\n\n{' '.join(right)}\n"
    )


def test_a_picture_among_printed_pages_heads_nothing(fake):
    fake(
        high=hocr(
            (200, 200, 0.0, 80, "Your box is up and running!"),
            (200, 400, 0.0, 40, LINES[0]),
            (200, 460, 0.0, 40, LINES[1]),
        )
    )
    assert "# Your box is up and running!" in text("a.pdf", pdf("Of May.", picture()))
    assert "#" not in text("a.pdf", pdf(*[PRINTED] * 3, picture()))


def test_a_page_has_its_own_time_and_a_file_gets_more_for_each(fake, monkeypatch):
    fake(high="busy")
    monkeypatch.setattr(ocr, "PAGE_TIMEOUT_S", 1)
    assert "OCR of a page took more than" in refusal(".pdf", pdf(picture()))
    fake(high=PAGE)
    read = []
    convert(".pdf", Source(pdf(picture(), PRINTED, picture()), on_scan=lambda: read.append("page")))
    assert read == ["page", "page"]
    fake(high="asleep")
    monkeypatch.setattr(workers, "TOTAL_TIMEOUT_S", 1)
    assert "reading it took more than 1 s; split it" in refusal_of_child(".pdf", pdf(picture()))


def test_a_text_that_was_read_as_another_language_is_doubted(fake, tmp_path):
    fake(high=PAGE)
    (tmp_path / "a.pdf").write_bytes(pdf(picture()))
    _, (entry,) = read_documents([tmp_path / "a.pdf"])
    assert "but the text is German: --set documents.ocr_languages=deu" in doubt_about_ocr(entry, "German", "eng+fra")
    assert doubt_about_ocr(entry, "German", "eng+deu") == doubt_about_ocr(entry, "Thai", "eng") == ""


@pytest.mark.skipif(not shutil.which("tesseract"), reason="tesseract is not installed")
def test_the_real_tesseract_reads_a_page():
    page = Image.new("L", (1654, 2339), 255)
    for row, line in enumerate(LINES):
        ImageDraw.Draw(page).text((150, 300 + 60 * row), line, 0, ImageFont.load_default(34))
    made = converted(".pdf", pdf(page.rotate(0.5, fillcolor=255)))
    assert made.text.split() == READ.split()
    assert "1 of 1 pages read by OCR (eng; 0% of the words unsure)" in made.warning
