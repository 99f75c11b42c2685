"""Pages of a PDF -> which ones are scans, and their text by OCR as pieces, like those of printed pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from statistics import median
from typing import TYPE_CHECKING

from disc_lite.documents.ocr import ReadLine, Word, degrees_to_turn, read_picture, require_ocr
from disc_lite.documents.pieces import GAP_OF_PIECES, Piece
from disc_lite.documents.source import RefusedFile

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MOST_SCANS = 1000  # in a document; they take about an hour
_DOUBTFUL_SHARE = 0.1
_TURNED_SHARE = 0.3  # a page with a larger share of doubtful words can be turned
# Stamps and page numbers that programs print on scans are not longer.
_MOST_STAMPED_CHARS = 100
_LEAST_COVERED = 0.5  # of a page, by its largest image
_LEAST_PATHS = 200  # on a page whose letters are drawn as shapes
_POINTS_TO_PIXELS = 300 / 72
_PIXELS = (2500, 5000)  # of the longer side, whether a page claims to be as large as a stamp or a house
_ICON_CHARS = 4
_BULLETS = frozenset("•*+¢°©®«»eo")  # what tesseract reads for a bullet
_GAP_OF_BULLET = 0.4  # after it, in font sizes
_SIZE_STEP = 1.4  # ratio of two font sizes that OCR can tell apart


@dataclass(frozen=True)
class Scan:
    """The result of OCR on a page: lines in pixels, and the heights of the page and of a pixel in points."""

    lines: list[ReadLine]
    height: float
    pixel: float

    @property
    def words(self) -> int:
        """The number of words."""
        return sum(len(line.words) for line in self.lines)

    @property
    def doubtful(self) -> int:
        """The number of words that tesseract is unsure of."""
        return sum(word.is_doubtful for line in self.lines for word in line.words)

    @property
    def looks_turned(self) -> bool:
        """Whether the page may be on its side or upside down."""
        steep = sum(len(line.words) for line in self.lines if abs(line.slope) > 1)
        return 2 * steep > self.words or self.doubtful > _TURNED_SHARE * self.words

    @property
    def legible(self) -> list[ReadLine]:
        """The lines that are text which tesseract could read."""
        return [line for line in self.lines if _is_legible(line)]

    @property
    def left_out(self) -> int:
        """The number of other lines, except for short ones, such as icons and bullets."""
        return sum(_length(line) > _ICON_CHARS for line in self.lines if not _is_legible(line))


def _is_legible(line: ReadLine) -> bool:
    """Whether tesseract is sure of most words that have a letter or a digit."""
    doubts = [word.is_doubtful for word in line.words if any(char.isalnum() for char in word.text)]
    return 2 * sum(doubts) < len(doubts)


def is_scan(page: PdfPage, pieces: Sequence[Piece]) -> bool:
    """Whether a page is an image of text, as far as its objects show."""
    import pypdfium2.raw as pdfium

    characters = sum(len(piece.text) for piece in pieces)
    if characters > _MOST_STAMPED_CHARS:
        return False
    width, height = page.get_size()
    paths, covered = 0, 0.0
    for part in page.get_objects():
        if part.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = part.get_bounds()
            covered = max(covered, (right - left) * (top - bottom) / max(width * height, 1))
        elif part.type == pdfium.FPDF_PAGEOBJ_PATH:
            paths += 1
    return covered >= _LEAST_COVERED or (not characters and paths >= _LEAST_PATHS)


class ScannedPages:
    """The scanned pages of a document, each of which is read when it is found.

    Attributes:
        problem: Why a page was not read; empty if all were read.
    """

    def __init__(self, languages: str, on_scan: Callable[[], object]) -> None:
        self._languages, self._on_scan = languages, on_scan
        self._scans: dict[int, Scan] = {}
        self._unread = 0
        self.problem = ""

    def read(self, number: int, page: PdfPage) -> None:
        """Read the page with this number by OCR, or note why it cannot be."""
        try:
            require_ocr(self._languages)
            if len(self._scans) + self._unread == MOST_SCANS:
                raise RefusedFile(f"more than {MOST_SCANS:,} scanned pages; split it")
            self._scans[number] = _read(page, self._languages)
        except RefusedFile as refusal:
            self._unread, self.problem = self._unread + 1, str(refusal)
        self._on_scan()

    def pieces(self, printed: Sequence[Piece]) -> dict[int, list[Piece]]:
        """Page number -> pieces, for the scanned pages that were read; `printed` has all printed pieces."""
        return dict(zip(self._scans, pieces_of_scans([*self._scans.values()], printed), strict=True))

    def warning(self, pages: int) -> str:
        """The ledger's warning: how many of `pages` pages are scans, and how well they were read; empty if none is."""
        words = sum(scan.words for scan in self._scans.values())
        share = sum(scan.doubtful for scan in self._scans.values()) / max(words, 1)
        left_out = sum(scan.left_out for scan in self._scans.values())
        found = []
        if self._scans:
            how = f"{self._languages}; {share:.0%} of the words unsure"
            lines = f", {left_out} illegible line{'s' * (left_out > 1)} left out" if left_out else ""
            remedy = "check names and figures, since misread ones are learned too"
            if share > _DOUBTFUL_SHARE:
                remedy = "scan it again at 300 dpi, or name its languages (documents.ocr_languages)"
            found.append(f"{len(self._scans)} of {pages} pages read by OCR ({how}{lines}): {remedy}")
        if self._unread:
            found.append(f"{self._unread} of {pages} pages are scans and were not read: {self.problem}")
        return "; ".join(found)

    def __len__(self) -> int:
        """The number of pages that were read."""
        return len(self._scans)


def _read(page: PdfPage, languages: str) -> Scan:
    pixels, height, pixel = _picture(page, 0)
    scan = Scan(read_picture(pixels, languages), height, pixel)
    if not scan.looks_turned or not (degrees := degrees_to_turn(pixels)):
        return scan
    pixels, height, pixel = _picture(page, degrees)
    return Scan(read_picture(pixels, languages), height, pixel)


def _picture(page: PdfPage, degrees: int) -> tuple[bytes, float, float]:
    """A page as a PGM image, turned clockwise, with the height of the page and of a pixel in points."""
    longest = max(*page.get_size(), 1)
    scale = min(max(longest * _POINTS_TO_PIXELS, _PIXELS[0]), _PIXELS[1]) / longest
    bitmap = page.render(scale=scale, rotation=degrees, grayscale=True, may_draw_forms=False)
    size, rows = (bitmap.width, bitmap.height), memoryview(bitmap.buffer)
    starts = range(0, bitmap.height * bitmap.stride, bitmap.stride)  # a row can be padded
    pixels = b"".join([b"P5 %d %d 255\n" % size, *(rows[start : start + bitmap.width] for start in starts)])
    return pixels, bitmap.height / scale, 1 / scale


def pieces_of_scans(scans: Sequence[Scan], printed: Sequence[Piece]) -> list[list[Piece]]:
    """The pieces of each scan, without the tilt of the page, and in font sizes like those of the printed pages.

    OCR measures letters by their shapes, to a tenth: a size near that of most letters becomes the same size. If the
    document has more printed text, a scan is an illustration without headings, and all its pieces get the usual size.
    """
    body = _usual_size((line.size * scan.pixel, _length(line)) for scan in scans for line in scan.legible)
    wanted = _usual_size((piece.size, len(piece.text)) for piece in printed) or body
    if sum(len(piece.text) for piece in printed) > sum(_length(line) for scan in scans for line in scan.legible):
        return [[replace(piece, size=wanted) for piece in _pieces(scan)] for scan in scans]
    return [[_sized(piece, body, wanted) for piece in _pieces(scan)] for scan in scans]


def _usual_size(sizes: Iterable[tuple[float, int]]) -> float:
    """The median of sizes that come with their counts; 0 if there are none."""
    found = sorted(sizes)
    reached = list(accumulate(count for _, count in found))
    return next((size for (size, _), count in zip(found, reached, strict=True) if 2 * count >= reached[-1]), 0.0)


def _length(line: ReadLine) -> int:
    return sum(len(word.text) for word in line.words)


def _sized(piece: Piece, body: float, wanted: float) -> Piece:
    steps = round(math.log(max(piece.size, 1) / max(body, 1)) / math.log(_SIZE_STEP))
    piece.size = wanted * _SIZE_STEP**steps
    return piece


def _pieces(scan: Scan) -> Iterator[Piece]:
    """Yield the pieces of a scan: each is a run of neighbouring words on a line."""
    tilt = median([line.slope for line in scan.lines for _ in line.words] or [0.0])
    for line in scan.legible:
        middle = (line.words[0].left + line.words[-1].right) / 2
        baseline = scan.height - (line.baseline - tilt * middle) * scan.pixel
        shift = tilt * line.baseline
        for words in _split_at_gaps(_with_bullet(line), GAP_OF_PIECES * line.size):
            left, right = (words[0].left + shift) * scan.pixel, (words[-1].right + shift) * scan.pixel
            yield Piece(left, right, baseline, line.size * scan.pixel, " ".join(word.text for word in words))


def _with_bullet(line: ReadLine) -> Sequence[Word]:
    """The words of a line; a first word that is set apart and looks like a bullet becomes `•`."""
    first, *others = line.words
    if first.text in _BULLETS and others and others[0].left - first.right > _GAP_OF_BULLET * line.size:
        return [replace(first, text="•"), *others]
    return line.words


def _split_at_gaps(words: Sequence[Word], gap: float) -> Iterator[Sequence[Word]]:
    """Yield the words in runs, cut where two are more than `gap` pixels apart."""
    cuts = [place for place, (one, other) in enumerate(pairwise(words), 1) if other.left - one.right > gap]
    for start, end in pairwise([0, *cuts, len(words)]):
        yield words[start:end]
