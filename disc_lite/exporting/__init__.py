"""A finished run -> adapter, merged model, LoRA GGUF, whole GGUF or Ollama folder, each verified before it appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.exporting.choice import Choice
from disc_lite.exporting.target import check_target, replace
from disc_lite.hub.adapters import EXPORT_RECORD
from disc_lite.run.events import Listener, Teller, silent
from disc_lite.run.finished import open_run
from disc_lite.run.folder import RunFolder
from disc_lite.run.interrupts import Interrupts, catch_signals
from disc_lite.storage import JsonObject, atomic_folder, disk, lock, manifest, sweep, sweep_dead, write_json, write_text

if TYPE_CHECKING:
    from disc_lite.exporting.job import ExportResult, Job

FORMAT = 1


def export(
    run: str | Path, to: str, output: str | Path | None = None, *, base_gguf: str | Path | None = None,
    onto: str = "auto", kind: str = "", legacy_adapter: bool = False, template: str | Path | None = None,
    force: bool = False, device: str | None = None, document_names: bool = False,
    listener: Listener | None = None,
) -> JsonObject:  # fmt: skip
    """Export a finished run in one of the `FORMS`, by default to RUN/exports/FORM; returns its `export.json`.

    The export contains nothing about the documents but their SHA-256; with `document_names` the model card names them.

    The folder appears only when it is complete and its proof has passed. Raises GateFailed (exit code 5) if the outputs
    of the export differ from those of the trained model, UsageError and EnvironmentNotReady before that. `listener` is
    called with an `Event` for everything that happens.
    """
    finished = open_run(Path(run))
    target = Path(output) if output else finished.folder.exports / to
    gguf, modelfile = (Path(path) if path else None for path in (base_gguf, template))
    choice = Choice(to, target, gguf, onto, kind.upper(), legacy_adapter, modelfile, device, document_names)
    from disc_lite.exporting.checks import check_call, check_run, check_space

    check_call(choice)
    check_run(finished, choice)
    check_target(target, force)
    with _held(finished.folder, target):
        check_space(finished, choice)  # after the leftovers of killed exports are removed
        # torch and transformers are imported here, after all errors that can be found without them.
        from disc_lite.exporting import ggufs, weights
        from disc_lite.exporting.job import Job

        makers = {
            "adapter": weights.make_adapter, "merged": weights.make_merged, "gguf-lora": ggufs.make_gguf_lora,
            "gguf": ggufs.make_gguf, "ollama": ggufs.make_ollama,
        }  # fmt: skip
        with catch_signals("Nothing was written.", "Repeat the command.") as interrupts:
            tell = partial(Teller(listener or silent, interrupts).tell, "export")
            record = _write(Job(finished, choice, tell, interrupts.check), makers[to], interrupts)
    return {**record, "output": str(target)}


@contextmanager
def _held(run: RunFolder, target: Path) -> Iterator[None]:
    """Hold the lock of the run if the export is written into it; elsewhere nothing is written into the run.

    Also removes what killed exports have left there; outside of the run only what no process is writing.
    """
    is_usual = target.parent == run.exports  # it may be a link to another disk
    with lock(run.path) if is_usual or target.resolve().is_relative_to(run.path.resolve()) else nullcontext():
        if target.parent.is_dir():
            (sweep if is_usual else sweep_dead)(target.parent)
        yield


def _write(job: Job, make: Callable[[Job, Path], ExportResult], interrupts: Interrupts) -> JsonObject:
    """Write into a temporary folder, which is renamed once the proof has passed; a signal before that removes it."""
    from disc_lite.exporting.modelcard import model_card
    from disc_lite.exporting.prompting import notes
    from disc_lite.exporting.proof import require_passed

    target = job.choice.target
    staged = disk.temporary_beside(target) if target.exists() else target
    with atomic_folder(staged, held=True) as folder:
        with disk.reporting(f"{target} cannot be written."), interrupts.at_once():
            made = make(job, folder)
            about = {**made.about, **notes(job.tokens, job.run.model.folder, job.choice.to)}
            card = model_card(job.run, job.choice.document_names, job.choice.to, about)
            write_text(folder / "README.md", card)
        require_passed(made.proof, target)
        proof = [asdict(line) for line in made.proof]
        record = {"format": FORMAT, "to": job.choice.to, **about, "proof": proof, "files": manifest(folder)}
        write_json(folder / EXPORT_RECORD, record)
        job.check()
    kept = replace(staged, target) if staged != target else None
    interrupts.saved, interrupts.remedy = f"{target} is finished.", ""  # for a signal from here on
    job.tell("finished")
    if kept is not None:
        job.tell(f"other files appeared in the earlier export in the meantime, so it was kept: {kept}")
    return record
