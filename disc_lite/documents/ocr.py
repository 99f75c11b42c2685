"""Images of pages -> lines of words with their positions, by the command `tesseract` if it is installed.

The command is in every distribution, with data for over a hundred languages. Python packages for OCR call it too, or
bring a neural network of hundreds of megabytes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from subprocess import DEVNULL, PIPE
from xml.etree import ElementTree

from disc_lite.documents.records import NEEDS
from disc_lite.documents.source import RefusedFile

PAGE_TIMEOUT_S = 60  # processor time for one page
_WAIT_S = 300  # by the clock, in case the command hangs without computing
_DPI = 300
_TOO_LONG = f"OCR of a page took more than {PAGE_TIMEOUT_S} s; scan it again"
_LEAST_CONFIDENCE = 60  # per cent; a word with less is doubtful
_LINES = {"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"}
_BOX = re.compile(r"bbox (\d+) (\d+) (\d+) (\d+)")
_BASELINE = re.compile(r"baseline (-?[\d.]+) (-?[\d.]+)")
_SIZE = re.compile(r"x_size ([\d.]+)")
_TURN = re.compile(rb"Rotate: (90|180|270)")
_CONFIDENCE = re.compile(r"x_wconf (\d+)")


@dataclass(frozen=True)
class Word:
    """A word, its left and right edges in pixels, and whether tesseract is unsure of it."""

    text: str
    left: float
    right: float
    is_doubtful: bool


@dataclass(frozen=True)
class ReadLine:
    """A line of text in an image, in pixels from the top left.

    Attributes:
        baseline: The y of the baseline in the middle of the line.
        slope: How far the baseline sinks to the right, in pixels per pixel.
        size: The height of its letters, with ascenders and descenders.
    """

    words: tuple[Word, ...]
    baseline: float
    slope: float
    size: float


def require_ocr(languages: str) -> None:
    """Raise RefusedFile, with the remedy, if no language is given or tesseract or its data for one is missing."""
    if not languages:
        raise RefusedFile("scanned, and documents.ocr_languages is empty; name its language, or run OCR over it first")
    installed = _installed_languages()
    missing = [name for name in languages.split("+") if name not in installed]
    packages = " ".join(f"tesseract-ocr-{name.rpartition('/')[2].lower().replace('_', '-')}" for name in missing)
    if not installed:
        raise RefusedFile(f"{NEEDS}tesseract for scanned pages: apt-get install tesseract-ocr {packages}")
    if missing:
        raise RefusedFile(
            f"{NEEDS}tesseract's data for {', '.join(missing)}: apt-get install {packages}, or choose from "
            f"{', '.join(sorted(installed))} with --set documents.ocr_languages=…"
        )


@lru_cache
def _installed_languages() -> frozenset[str]:
    """The languages for which tesseract has data; empty if it is not installed."""
    if not shutil.which("tesseract"):
        return frozenset()
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, check=False, timeout=_WAIT_S)
    # The first line names the folder; `osd` detects how a page is turned and reads no letters.
    return frozenset(listed.stdout.decode("utf-8", "replace").split("\n")[1:]) - {"", "osd"}


def read_picture(pixels: bytes, languages: str) -> list[ReadLine]:
    """The lines of text on a page, read by OCR from a binary PGM image (grey).

    Raises:
        RefusedFile: OCR took too long, or the command failed.
    """
    done = _run_tesseract(pixels, "-l", languages, "hocr")
    if done.returncode:
        raise RefusedFile(_TOO_LONG if done.returncode < 0 else f"tesseract failed (exit status {done.returncode})")
    return lines_of_hocr(done.stdout)


def degrees_to_turn(pixels: bytes) -> int:
    """The degrees by which a page must be turned clockwise to be upright; 0 if tesseract does not find out."""
    found = _TURN.search(_run_tesseract(pixels, "--psm", "0").stdout)
    return int(found[1]) if found else 0


def _run_tesseract(pixels: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    """Run tesseract on the image of a page; a signal ends the command if it takes too long."""
    command = ["tesseract", "stdin", "stdout", "--dpi", str(_DPI), *options]
    # One thread: every core already runs a process like this one, and more threads make it slower.
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment)
    if sys.platform == "linux":  # elsewhere only the time by the clock is limited
        import resource

        resource.prlimit(process.pid, resource.RLIMIT_CPU, (PAGE_TIMEOUT_S, PAGE_TIMEOUT_S))
    try:
        answer, _ = process.communicate(pixels, _WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        answer, _ = process.communicate()
    return subprocess.CompletedProcess(command, process.returncode, answer)


def lines_of_hocr(page: bytes) -> list[ReadLine]:
    """The lines of text in hOCR, the output of tesseract: XHTML with positions in its attributes."""
    try:
        root = ElementTree.fromstring(page)
    except ElementTree.ParseError:
        raise RefusedFile("tesseract gave no hOCR") from None
    lines = (element for element in root.iter() if element.get("class") in _LINES)
    return [_line(words, element.get("title", "")) for element in lines if (words := _words(element))]


def _line(words: tuple[Word, ...], title: str) -> ReadLine:
    left, _, right, bottom = _numbers(_BOX, title, 4)
    slope, offset = _numbers(_BASELINE, title, 2)
    (size,) = _numbers(_SIZE, title, 1)
    return ReadLine(words, bottom + offset + slope * (right - left) / 2, slope, size)


def _words(line: ElementTree.Element) -> tuple[Word, ...]:
    found = []
    for element in line.iter():
        if element.get("class") == "ocrx_word" and (text := "".join("".join(element.itertext()).split())):
            title = element.get("title", "")
            left, _, right, _ = _numbers(_BOX, title, 4)
            (confidence,) = _numbers(_CONFIDENCE, title, 1)
            found.append(Word(text, left, right, confidence < _LEAST_CONFIDENCE))
    return tuple(found)


def _numbers(pattern: re.Pattern[str], title: str, count: int) -> list[float]:
    found = pattern.search(title)
    return [float(number) for number in found.groups()] if found else [0.0] * count
