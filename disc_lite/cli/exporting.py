"""The command export."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any

import click

from disc_lite.cli.options import AS_JSON, DEVICE, PATH, QUIET
from disc_lite.cli.terminal import escape_controls, print_json
from disc_lite.run.wording import counted

NEXT = {
    "gguf": ("llama-cli -m", "model.gguf"),
    "gguf-lora": ("llama-cli -m BASE.gguf --lora", "adapter.gguf"),
    "ollama": ("ollama create NAME -f", "Modelfile"),
}


@click.command(short_help="Export a run as an adapter, merged model or GGUF, or for Ollama.")
@click.argument("run", type=PATH)
@click.option("--to", metavar="FORM", required=True, help="Form of the export, see above.")
@click.option("--output", "-o", type=PATH, help="New folder; by default RUN/exports/FORM.")
@click.option("--base-gguf", type=PATH, help="GGUF file of the model that was adapted.")
@click.option(
    "--onto", metavar="auto|original|nf4", default="auto", show_default=True,
    help="Weights to merge onto; auto: those that come closer to the trained model.",
)  # fmt: skip
@click.option(
    "--type", "kind", metavar="TYPE", default="",
    help="GGUF type of the adapted tensors, such as Q4_K or Q8_0; by default that of the base.",
)  # fmt: skip
@click.option("--legacy-adapter", is_flag=True, help="For Ollama before 0.34: base and adapter as two files.")
@click.option("--template", type=PATH, help="File with the output of `ollama show --modelfile BASE`.")
@click.option("--document-names", is_flag=True, help="Name the documents in the model card, next to their SHA-256.")
@click.option("--force", is_flag=True, help="Replace an earlier export, unless its folder has files of yours.")
@DEVICE
@QUIET
@AS_JSON
def export(run: Path, to: str, quiet: bool, as_json: bool, **options: Any) -> None:
    """Export a RUN for other programs, and verify that its outputs are those of the trained model.

    \b
    adapter    a PEFT folder
    merged     base and adapter as one model folder (safetensors)
    gguf-lora  the adapter for llama.cpp, which adds it to a GGUF of the base
    gguf       a whole model for llama.cpp, from --base-gguf or by llama.cpp's converter
    ollama     the same with a Modelfile

    The folder is written only if the proof passes; otherwise the exit code is 5.
    """
    from disc_lite.exporting import export as run_export
    from disc_lite.exporting.usage import options_of

    tell = None if quiet else lambda event: click.echo(escape_controls(f"Exporting: {event.text}"), err=True)
    made = run_export(run, to, listener=tell, **options)
    if as_json:
        print_json(made)
        return
    size = sum(file["bytes"] for file in made["files"].values())
    onto = f", onto the {made['onto']} weights" if "onto" in made else ""
    types = f", adapted tensors in {' and '.join(made['adapted_types'])}" if "adapted_types" in made else ""
    click.echo(f"{made['output']}: {counted(len(made['files']), 'file')}, {size / 1e6:,.1f} MB{onto}{types}")
    for line in made["proof"]:
        click.echo(escape_controls(f"  {line['what']:<9} {line['text']}  ({line['how']})"))
    if to in NEXT:
        command, file = NEXT[to]
        click.echo(f"{command} {quote(str(Path(made['output'], file)))} {options_of(to, made)}".rstrip())
