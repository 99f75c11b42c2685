"""Arguments of a run -> its inputs, read and checked before torch is imported."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from disc_lite.documents import Document, LedgerEntry, ReadingOptions, read_documents
from disc_lite.documents.tokens import estimated_tokens, tokenizer_of
from disc_lite.errors import DiscLiteError, DocumentsError, UsageError
from disc_lite.hub.configuration import context_tokens
from disc_lite.hub.source import Model, local_model, open_model, where_now
from disc_lite.planning.shapes import shape_of_folder
from disc_lite.planning.workload import beside_passage
from disc_lite.prompts.texts import text_of
from disc_lite.qa import read_questions
from disc_lite.recipe import Recipe, ResolvedRecipe, at_width, load_recipe, within_context
from disc_lite.recipe.methods import METHODS
from disc_lite.recipe.schema import MethodName
from disc_lite.run.earlier import EarlierRun, check_place, check_same, read_earlier
from disc_lite.run.events import Event, Listener, only_if_slow, silent
from disc_lite.run.folder import RunFolder
from disc_lite.run.inputs import Inputs, check_same_run
from disc_lite.run.names import as_named, pairs_as_named
from disc_lite.run.overhead import overhead_of
from disc_lite.run.user_files import check_belong, check_lengths, check_unasked, pairs_about_fresh, pairs_of
from disc_lite.run.wording import counted
from disc_lite.storage import is_untouched, require_place, require_writable

AnyPath = str | os.PathLike[str]
Documents = AnyPath | Sequence[AnyPath]  # one or several folders or files
PairFiles = AnyPath | Sequence[AnyPath] | None  # files of pairs, or run folders with pairs

SHORTEST_PASSAGE = 64  # tokens: shorter ones say too little by themselves


@dataclass(frozen=True)
class Arguments:
    """The arguments of `adapt` or `plan` as the user gave them."""

    documents: Documents
    model: str | None = None
    recipe: str | None = None
    output: AnyPath | None = None
    questions: AnyPath | None = None
    pairs: PairFiles = None
    update: AnyPath | None = None
    overrides: Mapping[str, object] | None = None
    seed: int | None = None
    pairs_only: bool = False  # the run ends when its pairs are written

    @property
    def document_paths(self) -> tuple[Path, ...]:
        return paths_of(self.documents)

    @property
    def pair_paths(self) -> tuple[Path, ...]:
        return paths_of(self.pairs) if self.pairs else ()

    def model_name(self, earlier: EarlierRun | None) -> str:
        """The named model, by default that of the earlier run. Raises UsageError if there is neither."""
        if self.model is None and earlier is None:
            raise UsageError(
                "No model was named.", "", "Name one: --model mistral-7b (`disc-lite models` lists names)."
            )
        return self.model or (where_now(earlier.model) if earlier else "")

    def folder(self, model: str, earlier: EarlierRun | None) -> RunFolder:
        """The run folder: `output`, else the next one of the earlier run, else named after the documents and model."""
        first = self.document_paths[0].resolve()
        about = first.name if first.is_dir() else first.stem  # "docs.v2" is no file of the kind "v2"
        usual = Path("runs") / f"{about}-{Path(os.path.abspath(model)).name}"  # also of the model folder "."
        return RunFolder(Path(self.output) if self.output else earlier.next_folder if earlier else usual)


def paths_of(named: Documents) -> tuple[Path, ...]:
    """One or several paths as a tuple of Path. Raises UsageError if there is none."""
    paths = (named,) if isinstance(named, (str, os.PathLike)) else tuple(named)
    if not paths:
        raise UsageError("No documents were given.", "", "Give a folder or files: disc-lite adapt docs/")
    return tuple(map(Path, paths))


def require_usable(folder: Path, earlier: EarlierRun | None) -> None:
    """Raises UsageError if `folder` cannot be made, holds something else, or is the run that is updated.

    Raises EnvironmentNotReady if nothing can be written into it, unless the run in it is finished.
    """
    require_place(folder)
    if earlier and folder.resolve() == earlier.folder.path.resolve():
        raise UsageError(
            f"{folder} is the run that is updated.",
            "An update leaves it as it is.",
            "Choose another --output, or leave it out.",
        )
    if not RunFolder(folder).record.is_file() and folder.is_dir() and not is_untouched(folder):
        raise UsageError(f"{folder} is not empty and holds no run.", "", "Choose another --output.")
    if not RunFolder(folder).summary.is_file():
        require_writable(folder, "Change its permissions, or choose another --output.")


def gather(
    arguments: Arguments, tell: Listener = silent, before_download: Callable[[Inputs], object] = lambda inputs: None
) -> Inputs:
    """All inputs of `adapt`; downloads what is missing of the model.

    `before_download` is called before that, with the inputs so far. Raises what `read_inputs` raises, and UsageError if
    the output folder holds another run.
    """
    inputs = read_inputs(arguments, tell)
    if not inputs.model.fingerprint:
        before_download(inputs)
    opened = open_model(inputs.model.name, _begun_with(inputs.folder, inputs.earlier))
    resolved = _recipe_of(arguments, opened, inputs.earlier)
    inputs = replace(inputs, model=opened, resolved=resolved)
    check_same_run(inputs)
    check_context(inputs)
    check_pairs_belong(inputs)
    tell(Event("documents", _outcomes(inputs.ledger), len(inputs.ledger), len(inputs.ledger)))
    for reason in sorted({entry.reason for entry in inputs.ledger if entry.needs_package}):
        tell(Event("documents", f"not read: {reason}", is_remark=True))
    return inputs


def read_inputs(arguments: Arguments, tell: Listener, in_folder: bool = True) -> Inputs:
    """Read all inputs without downloading anything, the quick ones first, and raise the first error found.

    Model and recipe of an update are by default those of the earlier run. The run folder is checked only if
    `in_folder`.
    """
    earlier = read_earlier(Path(arguments.update)) if arguments.update else None
    name = arguments.model_name(earlier)
    folder = arguments.folder(name, earlier)
    model = local_model(name, _begun_with(folder, earlier))
    if earlier:
        check_place(earlier, model)
    resolved = _recipe_of(arguments, model, earlier)
    if arguments.pairs_only and not METHODS[method := resolved.recipe.method].needs_pairs:
        raise UsageError(
            f"The method `{method}` has no pairs.", "", "Leave --pairs-only out, or add --set method=prompt."
        )
    told: list[str] = []
    question_files = [Path(arguments.questions)] if arguments.questions else []
    questions = tuple(question for file in question_files for question in read_questions(file, told.append))
    pairs = pairs_of(arguments.pair_paths)
    if in_folder:
        require_usable(folder.path, earlier)
    documents, ledger = read_with_progress(arguments.document_paths, resolved.recipe, tell)
    known, pair_files = {document.name for document in documents}, list(filter(Path.is_file, arguments.pair_paths))
    questions = as_named(questions, known, "questions", question_files)
    pairs = pairs_as_named(pairs, known, pair_files)
    check_unasked(questions, pairs, resolved.recipe)
    return Inputs(folder, model, resolved, documents, ledger, questions, pairs, earlier, tuple(told))


def _begun_with(folder: RunFolder, earlier: EarlierRun | None) -> Callable[[Model], bool] | None:
    """Whether a model is the one of the run in the folder, or of the run that is updated; None if there is none."""
    known = {earlier.fingerprint} if earlier else set()
    with suppress(DiscLiteError, OSError):  # are reported later
        known |= {folder.fingerprint()} if folder.record.is_file() else set()
    return (lambda model: model.fingerprint in known) if known else None


def _recipe_of(arguments: Arguments, model: Model, earlier: EarlierRun | None) -> ResolvedRecipe:
    """The recipe, adjusted to a model on this machine. Raises UsageError if it does not fit the earlier run."""
    usual = str(earlier.folder.recipe) if earlier else model.probes.recipe
    resolved = load_recipe(arguments.recipe or usual, arguments.overrides, arguments.seed)
    if model.is_here:
        if shape := shape_of_folder(model.folder):
            resolved = at_width(resolved, shape.hidden)
        resolved = within_context(resolved, context_tokens(model.folder))
    if earlier:
        check_same(earlier, resolved.recipe, model if model.fingerprint else None)
    return resolved


def read_with_progress(
    paths: Sequence[Path], recipe: Recipe, listener: Listener
) -> tuple[tuple[Document, ...], tuple[LedgerEntry, ...]]:
    """Read the documents with the recipe's options; if that takes long, the listener is told of every file."""
    chosen = recipe.documents
    options = ReadingOptions(chosen.text_field, chosen.notebook_outputs, chosen.ocr_languages)
    tell = only_if_slow(listener)
    return read_documents(paths, options, lambda done, total, name: tell(Event("documents", name, done, total)))


def _outcomes(ledger: Sequence[LedgerEntry]) -> str:
    """The number of files by outcome, and of scanned pages, in words."""
    outcomes = Counter(entry.outcome for entry in ledger)
    scanned = sum(entry.ocr_pages for entry in ledger)
    by_ocr = [f"{counted(scanned, 'scanned page')} read by OCR"] if scanned else []
    return "; ".join([", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common()), *by_ocr])


def nothing_to_learn(method: MethodName) -> DocumentsError:
    """The error for documents from which a method gets no example."""
    lacking = "a sentence to ask about" if METHODS[method].needs_pairs else "a second sentence"
    return DocumentsError(
        f"There is nothing to learn with the method `{method}`.", f"No document has {lacking}.",
        "Add text to the documents, or choose another method (--set method=next_token).",
    )  # fmt: skip


def check_pairs_belong(inputs: Inputs) -> None:
    """Raises UsageError if none of the user's pairs is about these documents, or about what an update teaches.

    This comes before a model writes questions for hours. Without a `tokenizer.json` the pairs are checked only when
    they are taught.
    """
    recipe, tokenizer = inputs.resolved.recipe, tokenizer_of(inputs.model.folder)
    if not (inputs.pairs and METHODS[recipe.method].needs_pairs and tokenizer) or inputs.folder.pairs.is_file():
        return
    size, pairs = recipe.documents.passage_tokens, inputs.pairs
    if since := inputs.since:
        texts = [text_of(document, tokenizer, size) for document in inputs.documents]
        pairs = tuple(pairs_about_fresh(since, texts, pairs)[0])
    check_belong(pairs, inputs.documents, tokenizer, size)


def check_context(inputs: Inputs) -> None:
    """Raises UsageError if a passage leaves too little of the model's context for a question about it.

    Also if a pair or a question of the user's is too long for the context.
    """
    recipe = inputs.resolved.recipe
    writes = not inputs.questions or (METHODS[recipe.method].needs_pairs and not inputs.pairs)
    context = context_tokens(inputs.model.folder)
    overhead = overhead_of(inputs.model.folder)
    room = context - beside_passage(recipe, writes, overhead)
    longest = recipe.documents.passage_tokens
    if longest > room:
        tokenizer = tokenizer_of(inputs.model.folder) or estimated_tokens
        texts = (text_of(document, tokenizer, longest) for document in inputs.documents)
        longest = max((p.end - p.start for text in texts for p in text.passages), default=0)
    if longest <= room:
        taught = inputs.pairs if METHODS[recipe.method].needs_pairs else ()
        check_lengths(inputs.questions, taught, recipe, inputs.model, overhead, longest)
        return
    examples = beside_passage(recipe, writes, overhead) - beside_passage(recipe, False, overhead)
    raise UsageError(
        f"A passage of {longest:,} tokens and a question about it do not fit into the context of {inputs.model.name}.",
        f"The context has {context:,} tokens, of which {max(0, room):,} are left for a passage.",
        f"Cut shorter ones: --set documents.passage_tokens={room // 16 * 16}." if room >= SHORTEST_PASSAGE
        else "Leave the worked examples out: --set prompt.worked_examples=false." if room + examples >= SHORTEST_PASSAGE
        else "Choose a model with a longer context.",
    )  # fmt: skip
