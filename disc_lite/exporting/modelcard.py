"""The model card of an export: what was taught, recall, licence of the base, use.

It is meant to be published: it has no text of the documents, and their names only on request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from disc_lite.evaluation.card import ROWS
from disc_lite.evaluation.sentences import choice_of_questions, interval
from disc_lite.exporting.usage import FORMS, asking, code_of
from disc_lite.hub.aliases import ALIASES, Alias
from disc_lite.hub.source import Model
from disc_lite.run.finished import FinishedRun
from disc_lite.run.since import adapter_steps, versions_before
from disc_lite.run.wording import counted
from disc_lite.storage import JsonObject, read_jsonl

# What the card says about a file of an earlier run that was removed (BEFORE) or has a later version (VERSION).
BEFORE = {
    "rehearse": "earlier, then rehearsed", "unlearn": "earlier, then unlearned",
    "drop": "earlier, neither rehearsed nor unlearned",
}  # fmt: skip
EARLIER = "earlier, unchanged since"
TAUGHT = ("by this run", EARLIER, BEFORE["rehearse"])
VERSION = {
    "rehearse": "an earlier version; what was removed from it is rehearsed",
    "unlearn": "an earlier version; what was removed from it was unlearned",
    "drop": "an earlier version; what it said differently may still be known",
}
# Licence -> its name on the hub, which shows a name and a link for licences that it does not know.
HUB_LICENCES = {
    "Apache-2.0": "apache-2.0", "MIT": "mit", "Gemma": "gemma", "Llama 3 Community": "llama3",
    "Llama 3.1 Community": "llama3.1", "Llama 3.2 Community": "llama3.2",
}  # fmt: skip
# What these licences require a derived model to display.
DISPLAYED = {
    "Llama 3 Community": " Built with Meta Llama 3.", "Llama 3.1 Community": " Built with Llama.",
    "Llama 3.2 Community": " Built with Llama.",
}  # fmt: skip


def model_card(run: FinishedRun, document_names: bool, to: str = "adapter", about: JsonObject | None = None) -> str:
    """Return the card of one form of an export, as Markdown with front matter for the hub.

    `about` is the export's record: for an adapter trained on NF4, what was measured on the stored base
    (`on_stored_base`), and what `usage` says it has.
    """
    form = FORMS[to]
    in_nf4 = run.recipe.memory.quantize == "nf4"
    about = about or {}
    alias, public = _alias(run.model), public_name(run.model)
    licence = alias.licence if alias else "see the base model"
    on_hub = not Path(run.model.reference).is_dir()
    load = json.dumps(public if on_hub else f"path/to/{public}", ensure_ascii=False)  # JSON strings are Python strings
    distilled = ["self-distillation"] if run.method.has_teacher else []
    front: JsonObject = {
        "library_name": form.library,
        "pipeline_tag": "text-generation",
        "tags": [*form.tags, *distilled, "disc-lite"],
    }
    if on_hub:
        front["base_model"] = public
    if alias:
        front |= _hub_licence(alias)
    taught = _taught(run)
    count = sum(row["when"] in TAUGHT for row in taught)
    recipe = run.recipe
    what = form.what.format(rank=recipe.lora.rank, alpha=recipe.lora.alpha, public=public)
    lines = [
        "---", *(f"{key}: {json.dumps(value)}" for key, value in front.items()), "---",
        f"# {public.split('/')[-1]}, taught {count} document{'s' if count != 1 else ''}", "",
        f"{what} (licence of the base: {licence}).{DISPLAYED.get(licence, '')} {_training(run)}", "",
        "## Use", "", f"```{form.language}", code_of(to, load, in_nf4, about), "```", "",
        *asking(to, about),
        *(_beside_nf4(to, about.get("on_stored_base")) if in_nf4 else ()),
        "## What it knows", "", *_card(run.summary["card"]), "",
        "## What it retained", "", *_retained(run.summary["card"]), "",
        "## Documents", "", *_documents(taught, document_names), "",
        "## Settings", "", "```json", json.dumps(recipe.model_dump(), indent=1), "```", "",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in run.summary["versions"].items()) + ".", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _hub_licence(alias: Alias) -> JsonObject:
    if alias.licence in HUB_LICENCES:
        return {"license": HUB_LICENCES[alias.licence]}
    name = alias.licence.lower().replace(" ", "-")
    return {"license": "other", "license_name": name,
            "license_link": f"https://huggingface.co/{alias.hub_id}/blob/main/LICENSE"}  # fmt: skip


def _beside_nf4(to: str, measured: JsonObject | None) -> Iterable[str]:
    """Describe what an adapter that was trained on NF4 does on other weights of its base."""
    if to == "adapter":
        found = ""
        if measured and measured["kl"] is not None:
            found = (
                f" (measured: {measured['equal']} of {measured['of']} answers equal, KL {measured['kl']:.2g} nats per "
                f"token, that of the base alone {measured['kl_of_base']:.2g})"
            )
        yield (
            "The adapter was trained and verified on the base in NF4. On the base as it is stored (without "
            "`quantization_config`, and in vLLM, SGLang and TGI) it may give other answers"
            f"{found}. For these use the form `merged` (`disc-lite export RUN --to merged`)."
        )
    elif to == "gguf-lora":
        yield (
            "The adapter was trained on the base in NF4. A GGUF of the base has other weights, with which it may give "
            "other answers. The form `gguf` is written from the weights that come closest."
        )
    else:
        return
    yield ""


def _training(run: FinishedRun) -> str:
    """Describe in a sentence how the adapter was made; counts the steps up to the saved one."""
    recipe, method = run.recipe, run.method
    if method.has_teacher:
        how = "by self-distillation: the base with the documents in its context taught the base without them"
    elif method.needs_pairs:
        how = "by fine-tuning on answers to questions about the documents"
    else:
        how = "by next-token prediction on the documents"
    steps, before = adapter_steps(run.summary), run.folder.read_update().get("steps_before")
    after = f" after {sum(before)} of {counted(len(before), 'earlier run')}" if before else ""
    return (
        f"It was trained with disc-lite {how} (method `{recipe.method}`, recipe `{recipe.name}`, {steps} steps{after}, "
        f"base in {'NF4' if recipe.memory.quantize == 'nf4' else 'its own precision'})."
    )


def named_base(model: Model) -> str:
    """Return `public_name` for `base_model_name_or_path`; a folder named like a model of disc-lite gets a "./"."""
    name = public_name(model)
    return f"./{name}" if _alias(model) is None and name.lower() in ALIASES else name


def public_name(model: Model) -> str:
    """Return hub id, alias or folder name of a base, without its path on this machine."""
    alias = _alias(model)
    if alias:
        return alias.hub_id or alias.name
    return Path(model.reference).name if Path(model.reference).is_dir() else model.reference


def _alias(model: Model) -> Alias | None:
    return next((a for a in ALIASES.values() if a.hub_id == model.reference or a.name == model.name.lower()), None)


def _taught(run: FinishedRun) -> list[JsonObject]:
    """Return the documents of the run and of the runs that it updates: name, SHA-256 and when each was taught."""
    now = [row for row in read_jsonl(run.folder.ledger) if row["outcome"] == "read"]
    old = _taken_over(run)
    return [
        *({**row, "when": EARLIER if row["name"] in old else "by this run"} for row in now),
        *({**row, "when": (VERSION if row.get("replaced") else BEFORE)[row["removed"]]}
          for row in versions_before(run.folder)),
    ]  # fmt: skip


def _taken_over(run: FinishedRun) -> set[str]:
    """Return the documents without new or changed passages, for an update that continues its run's adapter."""
    if not run.folder.update.is_file() or run.recipe.update.start == "new":
        return set()
    states = zip(run.folder.read_passages(), run.folder.read_states(), strict=True)
    every = [(document, state) for (document, _), state in states]
    return {document for document, _ in every} - {document for document, state in every if state != "unchanged"}


def _documents(taught: Sequence[JsonObject], names: bool) -> Iterable[str]:
    yield "| document | SHA-256 of the file | taught |"
    yield "|---|---|---|"
    for number, row in enumerate(taught, 1):
        yield f"| {cell(row['name']) if names else number} | `{row['sha256']}` | {row['when']} |"


def _card(card: JsonObject) -> Iterable[str]:
    yield "| questions answered by | right | of | share | 95% interval |"
    yield "|---|---|---|---|---|"
    for key, name in ROWS.items():
        yield _row(f"**{name}**" if key == "adapted" else name, card["rows"].get(key))
    if sentence := choice_of_questions(card):
        yield from ("", sentence)


def _retained(card: JsonObject) -> Iterable[str]:
    yield "| probe | before | after | lost |"
    yield "|---|---|---|---|"
    for name, row in card["retained"].items():
        lost, probe = f"{row['lost']} of {row['before']['right']}", cell(name.replace("_", " "))
        yield f"| {probe} | {_share(row['before'])} | {_share(row['after'])} | {lost} |"


def _row(name: str, row: JsonObject | None) -> str:
    if not row or not row["of"]:
        return f"| {name} | | 0 | | |"
    return f"| {name} | {row['right']} | {row['of']} | {row['share']:.1%} | {interval(row)} |"


def _share(row: JsonObject) -> str:
    return f"{row['right']} of {row['of']}"


def cell(text: str) -> str:
    """Return untrusted text for a cell of a Markdown table: one line, all markup escaped."""
    flat = " ".join(text.split())
    return "".join(f"\\{c}" if c in "\\|`*_[]<>#" else c for c in flat)
