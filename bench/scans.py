"""How well scanned pages are read: `python bench/scans.py MANUAL.pdf FIRST LAST` turns printed pages into pictures.

Each page (the first is 0) is tilted, shifted, greyed, made noisy and compressed as by a scanner, and read by OCR. The
text is compared with that of the printed pages, word by word in their order.
"""

from __future__ import annotations

import argparse
import difflib
import io
import os
import re
from typing import Any

import numpy as np
import pypdfium2
from PIL import Image

from disc_lite.documents import ReadingOptions
from disc_lite.documents.formats import convert
from disc_lite.documents.source import Source

WORD = re.compile(r"\w+(?:['’.,-]\w+)*")
SHIFT_MM = 3
PAPER, INK = 235, 35  # grey levels


def pages_of(raw: bytes, first: int, last: int) -> bytes:
    """Return these pages as a PDF of their own."""
    chosen = pypdfium2.PdfDocument.new()
    chosen.import_pages(pypdfium2.PdfDocument(raw), list(range(first, last)))
    chosen.save(buffer := io.BytesIO())
    return buffer.getvalue()


def scan(raw: bytes, dpi: int, tilt: float, noise: float, quality: int) -> bytes:
    """Return a PDF of the pages as JPEG pictures, tilted by this many degrees to either side."""
    rng = np.random.default_rng(0)
    pictures = []
    for number, page in enumerate(pypdfium2.PdfDocument(raw)):
        most = round(SHIFT_MM / 25.4 * dpi)
        shift = (int(rng.integers(-most, most)), int(rng.integers(-most, most)))
        angle = tilt if number % 2 else -tilt
        grey: Any = page.render(scale=dpi / 72, grayscale=True).to_pil().convert("L")
        grey = grey.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=255, translate=shift)
        levels = INK + np.asarray(grey) * ((PAPER - INK) / 255) + rng.normal(0, noise, (grey.height, grey.width))
        Image.fromarray(levels.clip(0, 255).astype("uint8")).save(buffer := io.BytesIO(), "JPEG", quality=quality)
        pictures.append(Image.open(buffer))
    pictures[0].save(made := io.BytesIO(), "PDF", save_all=True, append_images=pictures[1:], resolution=dpi)
    return made.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manual")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--languages", default="eng")
    parser.add_argument("--dpi", type=int, default=200)
    parser.add_argument("--tilt", type=float, default=0.6, help="degrees")
    parser.add_argument("--noise", type=float, default=14, help="standard deviation of grey levels")
    parser.add_argument("--quality", type=int, default=60, help="of the JPEG")
    given = parser.parse_args()
    with open(given.manual, "rb") as file:
        printed = pages_of(file.read(), given.first, given.last)
    scanned = scan(printed, given.dpi, given.tilt, given.noise, given.quality)
    wanted = WORD.findall(convert(".pdf", Source(printed)).text)
    before = os.times()
    read = convert(".pdf", Source(scanned, options=ReadingOptions(ocr_languages=given.languages)))
    seconds = sum(after - start for after, start in zip(os.times()[:4], before[:4], strict=True))
    found = WORD.findall(read.text)
    same = sum(block.size for block in difflib.SequenceMatcher(None, wanted, found, False).get_matching_blocks())
    print(f"{same / len(wanted):.3f} found, {same / len(found):.3f} right, {seconds / read.ocr_pages:.1f} CPU s a page")
    print(read.warning)


if __name__ == "__main__":
    main()
