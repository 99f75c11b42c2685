"""The plan of a run: what does not fit and what to change, the cards that are known, and what the command prints."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from disc_lite.cli.plan import show_plan
from disc_lite.errors import EnvironmentNotReady, UsageError, WillNotFit
from disc_lite.planning.cards import CARDS, OF_SIZE, card_named, card_of_device
from disc_lite.planning.estimate import as_json
from disc_lite.planning.shapes import shape_of_folder
from disc_lite.planning.sizes import GIB
from disc_lite.run.budget import bytes_of, require_room
from disc_lite.run.plan import plan

HANDBOOK = Path(__file__).resolve().parents[2] / "examples" / "handbook"


def test_what_does_not_fit_on_a_cpu_is_not_sent_to_one() -> None:
    made = plan(HANDBOOK, "pocket", device="cpu", host_ram="0.3GB")
    with pytest.raises(WillNotFit) as caught:
        require_room(made)
    assert "a machine with more memory" in caught.value.remedy and "cpu" not in caught.value.remedy


@pytest.mark.parametrize(
    ("model", "vram", "overrides", "remedy"),
    [
        ("mistral-7b", "8GB", {"lora.rank": "256"}, "lora.rank=32"),
        ("mistral-7b", "16GB", {"memory.quantize": "none"}, "memory.quantize=nf4"),
        ("mistral-7b", "8GB", {"execution.optimizer_bits": "32", "lora.rank": "96"}, "execution.optimizer_bits=8"),
        ("qwen2.5-14b", "8GB", {}, "--model "),
        ("pocket", "0.8GB", {}, "--device cpu"),
    ],
)
def test_what_does_not_fit_says_the_cheapest_change_that_fits(
    model: str, vram: str, overrides: dict[str, str], remedy: str
) -> None:
    made = plan(HANDBOOK, model, overrides=overrides, max_vram=vram, recipe="default")
    assert made.choice is None
    with pytest.raises(WillNotFit) as caught:
        require_room(made)
    assert remedy in caught.value.remedy
    assert len(caught.value.lines()) == 3


def test_host_memory_and_disk_are_checked_too() -> None:
    with pytest.raises(WillNotFit, match="memory of this machine") as full:
        require_room(plan(HANDBOOK, "mistral-7b", max_vram="24GB", host_ram="2GB"))
    assert "documents" not in full.value.remedy  # the process itself needs it, whatever it is taught
    made = plan(HANDBOOK, "pocket", device="cpu", host_ram="1GB")
    assert made.choice is not None
    assert made.host_bytes > made.choice.peak
    with pytest.raises(WillNotFit, match=r"needs about [1-9]\d* MiB of disk") as error:
        require_room(replace(made, budget=replace(made.budget, host_bytes=None, disk_bytes=3 * 2**20)))
    assert "3 MiB are available." in str(error.value.lines())
    assert plan(HANDBOOK, "smollm2-360m", device="cpu", host_ram="1GB").choice is None


def test_what_the_host_has_no_room_for_does_not_fit() -> None:
    assert as_json(plan(HANDBOOK, "mistral-7b", max_vram="24GB", host_ram="2GB"))["fits"] is False
    made = plan(HANDBOOK, "llama-3.1-8b", host_ram="3.01GB")  # on 8 GB it needs 2.9 GiB in addition to the process
    assert (made.budget.assumed_gib, made.fits) == (10, True)
    eight, *larger = as_json(made)["by_size"].values()
    assert (eight["fits"], eight["minutes"]) == (False, None) and all(row["fits"] for row in larger)
    show_plan(made, console := Console(record=True, width=120))
    assert "8 GB   does not fit" in console.export_text()


def test_what_does_not_fit_has_no_time() -> None:
    told = as_json(plan(HANDBOOK, "mistral-7b", max_vram="4GB", card="rtx-4060"))
    assert told["fits"] is False and told["minutes"] is None
    assert all((row["minutes"] is None) != row["fits"] for row in told["by_size"].values())
    with pytest.raises(UsageError, match="--cpu plans without a GPU"):
        plan(HANDBOOK, "pocket", device="cpu", card="rtx-4060")


def test_cards_and_sizes_by_their_names() -> None:
    assert card_named("NVIDIA GeForce RTX 4090".replace("GeForce ", "")).name == "rtx-4090"
    with pytest.raises(UsageError, match="rtx-4090"):
        card_named("rtx-4091")
    assert {CARDS[name].memory_gib for name in OF_SIZE.values()} == set(OF_SIZE)
    assert bytes_of("8GB", "--x") == bytes_of(" 8 gib", "--x") == 8 * GIB
    for wrong in ("8MB", "eight", "0", "-1GB", ""):
        with pytest.raises(UsageError, match="--max-vram"):
            bytes_of(wrong, "--max-vram")


@pytest.mark.parametrize(("device", "card"), [
    ("NVIDIA GeForce RTX 4090", "rtx-4090"), ("NVIDIA GeForce RTX 4060 Ti", "rtx-4060-ti"),
    ("NVIDIA GeForce RTX 4070 Ti SUPER", "rtx-4070-ti-super"), ("NVIDIA L40S", "l40s"), ("NVIDIA L4", "l4"),
    ("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA A100-SXM4-80GB", "a100"), ("NVIDIA RTX A6000", "rtx-a6000"),
    ("NVIDIA H200", "h200"), ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada-generation"),
    # These begin like other names, but are other and slower devices.
    ("NVIDIA GeForce RTX 4090 Laptop GPU", None), ("NVIDIA GeForce RTX 4090 D", None), ("NVIDIA H100 PCIe", None),
    ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None), ("AMD Instinct MI300X", None), ("", None),
])  # fmt: skip
def test_a_device_is_the_card_whose_whole_name_it_has(device: str, card: str | None) -> None:
    assert getattr(card_of_device(device), "name", None) == card


def test_a_model_whose_sizes_are_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentNotReady, match="is not known"):
        plan(HANDBOOK, "nobody/nothing")
    for text in ('{"hidden_size": "large"}', "[]", "{", '{"n_embd": 64}'):
        (tmp_path / "config.json").write_text(text)
        assert shape_of_folder(tmp_path) is None


def test_the_command_loads_no_torch_and_prints_json() -> None:
    code = "import sys\nfrom disc_lite.cli import main\n"
    arguments = [
        "disc-lite",
        "plan",
        str(HANDBOOK),
        "--model",
        "mistral-7b",
        "--max-vram",
        "8GB",
        "--card",
        "rtx-4060",
        "--json",
    ]
    code += f"sys.argv = {arguments!r}\ntry:\n    main()\nexcept SystemExit as leaving:\n"
    code += "    print('torch' in sys.modules, leaving.code, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "False 0"
    found = json.loads(done.stdout)
    assert found["chosen"]["optimizer_bits"] == 32
    assert found["chosen"]["host_embedding"]
    assert set(found["by_size"]) == {"8 GB", "12 GB", "16 GB", "24 GB"}
    assert found["stages"]["training"]["peak"] <= found["card_bytes"]
    assert set(found["minutes"]) == {"generation", "teacher", "training"}
    assert found == json.loads(json.dumps(as_json(plan(HANDBOOK, "mistral-7b", max_vram="8GB", card="rtx-4060"))))


def test_the_plan_says_what_the_teacher_reads_again() -> None:
    whole = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides={"prompt.questions_per_sentence": "400"})
    assert whole.state_bytes > 16 * GIB  # more than three shards
    assert (whole.read_again, whole.cache_bytes) == (0, pytest.approx(whole.state_bytes, abs=99))
    overrides = {"prompt.questions_per_sentence": "400", "execution.teacher_cache_gib": "13"}
    part = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides=overrides)
    assert 0 < part.read_again < 1
    assert part.cache_bytes <= 13 * GIB
    once = 2.0 * part.shape.linear_parameters * part.workload.teacher_tokens * part.read_again
    # Ten epochs instead of one pass that fills the cache; with DiSC, the teachability is one more pass.
    assert part.operations["teacher"] == pytest.approx(whole.operations["teacher"] + 9 * once)
    disc = replace(part, recipe=part.recipe.model_copy(update={"method": "disc"}))
    assert disc.operations["teacher"] == pytest.approx(whole.operations["teacher"] + 10 * once)
    little = replace(part, budget=replace(part.budget, disk_bytes=part._saved_bytes))
    assert little.read_again == 1
    with pytest.raises(WillNotFit, match="of disk"):
        require_room(little)
    require_room(replace(part, budget=replace(part.budget, disk_bytes=9 * GIB + part._saved_bytes)))


def test_a_teacher_that_reads_in_later_epochs_has_the_state_of_adamw_beside_it() -> None:
    for gib, again in (("99", False), ("13", True)):
        overrides = {"prompt.questions_per_sentence": "400", "execution.teacher_cache_gib": gib}
        made = plan(HANDBOOK, "mistral-7b", card="rtx-4090", overrides=overrides)
        assert made.choice and (made.read_again > 0) == again
        stages = {stage.name: stage.parts for stage in made.choice.stages}
        assert stages["teacher"].get("optimizer", 0) == stages["training"]["optimizer"] * again
