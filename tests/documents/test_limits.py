"""The cost of hostile and large files: zip bombs, processes that are ended, and a worker that reads many files."""

import subprocess
import sys
import zipfile

import psutil
import pytest

from disc_lite.documents import archive, read_documents, workers
from disc_lite.documents.source import RefusedFile, Source
from tests.counting import is_quadratic
from tests.documents.written import converted, text, zipped
from tests.tiers import FULL, reached


@pytest.mark.parametrize("suffix", [".docx", ".epub", ".odt", ".pptx", ".xlsx"])
def test_a_zip_bomb_is_refused_by_its_size_before_it_is_unpacked(suffix):
    bomb = zipped({"word/document.xml": bytes(archive.MAX_UNPACKED_BYTES + 1), "media/a.png": b""})
    assert len(bomb) < 1 << 20
    with pytest.raises(RefusedFile, match="its text unpacks to 128 MB"):
        converted(suffix, bomb)
    with pytest.raises(RefusedFile, match="20001 parts"):
        converted(suffix, zipped({str(number): "" for number in range(archive.MAX_PARTS + 1)}))
    reached("R19", archive_bombs_refused=2)


def test_an_archive_that_lies_about_the_size_of_a_part_gives_no_more_than_it_says():
    raw = zipped({"a.xml": b"x" * 5000})
    lying = raw.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little"))
    with pytest.raises(zipfile.BadZipFile, match="CRC"):
        archive.open_archive(lying, ".epub").read("a.xml")


# Reads a file and cuts it into passages; prints by how many MB the peak memory of this process and of its child grew.
MEASURED = """
import re, resource, sys
from disc_lite.documents import cut_passages, read_documents
from disc_lite.documents.tokens import estimated_tokens

def peak():  # not of getrusage, which begins with the memory of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1000

before = peak()
(document,), ledger = read_documents([sys.argv[1]])
print(peak() - before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000 - before)
cut_passages(document, estimated_tokens(document.text), 256)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("suffix", [".txt", ".md"])
def test_a_line_of_many_megabytes_is_read_with_five_times_its_size_and_cut_with_twenty(suffix, tmp_path):
    sentence, size_mb = "The quick brown fox jumps over 17 lazy dogs. ", 50 if FULL else 4
    path = tmp_path / f"line{suffix}"
    path.write_text(sentence * (size_mb * 10**6 // len(sentence)))
    grown = subprocess.check_output([sys.executable, "-c", MEASURED, str(path)], text=True).split()
    own, childs, cut = map(float, grown)
    blocks_mb = 32  # the memory of the blocks in which a text is hashed, whatever its size
    assert max(own, childs) <= 5 * size_mb + blocks_mb and cut <= 20 * size_mb + blocks_mb, grown
    assert min(own, childs) > size_mb, grown  # otherwise the measurement has failed
    reached("R17", MB_read_in_single_lines=size_mb)


def test_one_worker_reads_file_after_file_and_starts_again_after_a_death():
    worker = workers.Worker()
    assert worker.convert(".html", Source(b"<p>One.")).text == "One.\n"
    first = worker._process.pid
    assert worker.convert(".html", Source(b"<p>Two.")).text == "Two.\n"
    assert worker._process.pid == first
    worker.kill()
    with pytest.raises(RefusedFile, match="was killed, perhaps because no memory was left"):
        worker.convert(".html", Source(b"<p>Three."))
    assert worker.convert(".html", Source(b"<p>Four.")).text == "Four.\n"
    worker.end()


def test_a_worker_lives_on_though_the_process_that_started_it_is_large():
    code = "large = b'x' * (600 << 20)\nfrom disc_lite.documents import workers, source\nworker = workers.Worker()\n"
    code += "worker.convert('.html', source.Source(b'<p>One.'))\nprint(worker._process is not None)\nworker.end()"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "True"


def test_files_of_all_kinds_keep_their_order_and_leave_no_process(tmp_path):
    for number in range(150):
        (tmp_path / f"{number:03}.{('md', 'html', 'rst')[number % 3]}").write_text(f"Number {number}.")
    seen, others = [], psutil.Process().children()
    documents, ledger = read_documents([tmp_path], progress=lambda *args: seen.append(args))
    assert [document.text.strip() for document in documents] == [f"Number {number}." for number in range(150)]
    assert seen == [(number, 150, entry.name) for number, entry in enumerate(ledger, 1)]
    assert not set(psutil.Process().children()) - set(others)


def test_an_interrupt_ends_the_workers(tmp_path):
    for number in range(20):
        (tmp_path / f"{number}.html").write_text("<p>One.")

    def interrupt(done, total, name):
        raise KeyboardInterrupt

    others = psutil.Process().children()
    with pytest.raises(KeyboardInterrupt):
        read_documents([tmp_path], progress=interrupt)
    assert not set(psutil.Process().children()) - set(others)


@pytest.mark.parametrize("opening", ["<!-- x", "<!----!>", "<a ", "<p class="])
def test_what_is_opened_and_never_closed_takes_no_time_by_the_square(opening):
    assert not is_quadratic(lambda size: text("a.html", f"<p>Hi.</p>{opening * (size // 8)}"), 16_000)
    assert text("a.html", f"<p>Hi.</p>{opening * 200}") == "Hi.\n"
