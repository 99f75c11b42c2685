"""A finished run -> adapter, merged model, LoRA GGUF, whole GGUF or Ollama folder, each verified before it appears."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from disc_lite.errors import UsageError
from disc_lite.exporting.choice import FORMS, ONTO, WITH_GGUF, Choice, require_space
from disc_lite.exporting.target import check_target, replace
from disc_lite.hub.adapters import CONFIG, EXPORT_RECORD, WEIGHTS
from disc_lite.hub.weights import weight_files
from disc_lite.run.finished import FinishedRun, open_run
from disc_lite.run.interrupts import Interrupts, catch_signals
from disc_lite.storage import (
    JsonObject,
    atomic_folder,
    disk,
    lock,
    manifest,
    sweep,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    from disc_lite.exporting.job import ExportResult, Job

FORMAT = 1


def export(
    run: str | Path, to: str, output: str | Path | None = None, *, base_gguf: str | Path | None = None,
    onto: str = "auto", kind: str = "", legacy_adapter: bool = False, template: str | Path | None = None,
    force: bool = False, device: str | None = None, document_names: bool = False,
    listener: Callable[[str], None] | None = None,
) -> JsonObject:  # fmt: skip
    """Write a finished run in one of the `FORMS`; by default into RUN/exports/FORM. Returns its `export.json`.

    Nothing in it says more of the documents than their SHA-256; with `document_names` the model card names them.

    The folder appears whole, and only if its proof passes. Raises GateFailed (exit code 5) where the outputs of the
    export differ from those of the trained model, UsageError and EnvironmentNotReady before that.
    """
    finished = open_run(Path(run))
    target = Path(output) if output else finished.folder.exports / to
    gguf, modelfile = (Path(path) if path else None for path in (base_gguf, template))
    choice = Choice(to, target, gguf, onto, kind.upper(), legacy_adapter, modelfile, device, document_names)
    from disc_lite.exporting.checks import check_run

    _check_call(choice)
    check_run(finished, choice)
    check_target(target, force)
    _check_space(finished, choice)
    # torch and transformers are imported here, after all errors that can be found without them.
    from disc_lite.exporting import ggufs, weights
    from disc_lite.exporting.job import Job

    makers = {
        "adapter": weights.make_adapter, "merged": weights.make_merged, "gguf-lora": ggufs.make_gguf_lora,
        "gguf": ggufs.make_gguf, "ollama": ggufs.make_ollama,
    }  # fmt: skip
    # Elsewhere nothing is written into the run, which may be somebody else's.
    locked = (
        lock(finished.folder.path) if target.resolve().is_relative_to(finished.folder.path.resolve()) else nullcontext()
    )
    with locked, catch_signals("nothing was written", "repeat the command") as interrupts:
        if target.parent == finished.folder.exports and target.parent.is_dir():
            sweep(target.parent)

        def tell(text: str) -> None:
            interrupts.check()
            (listener or (lambda text: None))(text)

        record = _write(Job(finished, choice, tell, interrupts.check), makers[to], interrupts)
    return {**record, "output": str(target)}


def _write(job: Job, make: Callable[[Job, Path], ExportResult], interrupts: Interrupts) -> JsonObject:
    """Write into a temporary folder, which is renamed when the proof has passed; a signal before that removes it."""
    from disc_lite.exporting.modelcard import model_card
    from disc_lite.exporting.proof import require_passed

    target = job.choice.target
    staged = disk.temporary_beside(target) if target.exists() else target
    with atomic_folder(staged) as folder:
        with disk.reporting(f"cannot write {target}"), interrupts.at_once():
            made = make(job, folder)
            card = model_card(
                job.run, job.choice.document_names, job.choice.to, made.about.get("on_stored_base")
            )  # fmt: skip
            write_text(folder / "README.md", card)
        require_passed(made.proof, target)
        proof = [line.as_dict() for line in made.proof]
        record = {"format": FORMAT, "to": job.choice.to, **made.about, "proof": proof, "files": manifest(folder)}
        write_json(folder / EXPORT_RECORD, record)
        job.tell("finished")
    kept = replace(staged, target) if staged != target else None
    interrupts.saved, interrupts.remedy = f"{target} is finished", ""  # of one that comes from here on
    if kept is not None:
        job.tell(f"files of yours came into the earlier export meanwhile: it is {kept} now")
    return record


def _check_call(choice: Choice) -> None:
    to, gguf = choice.to, choice.base_gguf
    for option, value, known in (("--to", to, FORMS), ("--onto", choice.onto, ONTO)):
        if value not in known:
            raise UsageError(f"There is no export {option} {value}.", "", f"There are {', '.join(known)}.")
    if gguf is not None and to not in WITH_GGUF:
        raise UsageError(f"--base-gguf has no meaning for --to {to}.", "", "Leave it out.")
    for path in (gguf, choice.template):
        if path is not None and not path.is_file():
            raise UsageError(f"There is no file {path}.")
    if choice.onto != "auto" and (to in ("adapter", "gguf-lora") or choice.legacy_adapter):
        raise UsageError("--onto has no meaning where nothing is merged.", "", "Leave it out.")
    if choice.kind and (to not in ("gguf", "ollama") or gguf is None or choice.legacy_adapter):
        raise UsageError("--type needs --to gguf or ollama, and --base-gguf FILE.", "", "Add them, or leave it out.")
    if choice.legacy_adapter and (to != "ollama" or gguf is None):
        raise UsageError("--legacy-adapter needs --to ollama and --base-gguf FILE.", "", "Add them, or leave it out.")
    if choice.template and to != "ollama":
        raise UsageError(f"--template has no meaning for --to {to}.", "", "Leave it out.")
    if choice.template:
        try:
            choice.template.read_text(encoding="utf-8")
        except (OSError, UnicodeError) as error:
            raise UsageError(f"{choice.template} cannot be read as UTF-8.", str(error), "Save it as UTF-8.") from error
    if to in WITH_GGUF:
        from disc_lite.exporting.layout import find_converter, require_gguf
        from disc_lite.exporting.quantising import check_type

        require_gguf()
        if choice.kind:
            check_type(choice.kind)
        if to != "gguf-lora" and gguf is None:
            find_converter()


def _check_space(run: FinishedRun, choice: Choice) -> None:
    """Raises EnvironmentNotReady where the disk has less free space than the export may take."""
    adapter = sum((run.folder.adapter / name).stat().st_size for name in (CONFIG, WEIGHTS))
    base = sum(path.stat().st_size for path in weight_files(run.model.folder))
    # From a base GGUF: its size; what larger types add is known later. With the converter: the merged folder and it.
    whole = choice.base_gguf.stat().st_size if choice.base_gguf else 2 * base
    needed = {"adapter": adapter, "gguf-lora": 2 * adapter, "merged": base, "gguf": whole, "ollama": whole}[choice.to]
    require_space(choice.target, needed)
