"""The frozen base in 4 bits and the LoRA adapter on it: one model in memory, used as teacher and as student.

The **teacher** is the model with the adapter off, the **student** the same model with it on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from disc_lite.errors import EnvironmentNotReady
from disc_lite.losses import log_probabilities
from disc_lite.models.adapter import (
    add_saved,
    config_of,
    misfit,
    new_adapter,
    parameters_of,
    save_weights,
    take_over,
)
from disc_lite.models.apart import hidden_apart
from disc_lite.models.autocast import keep_half
from disc_lite.models.device import dtype_on, free_memory, has_own_memory, to_device
from disc_lite.models.embedding import HostEmbedding
from disc_lite.models.faults import changes_nothing, not_finite
from disc_lite.models.generation.known import KnownContinuations
from disc_lite.models.head import head_of
from disc_lite.models.lora import Projection, projections
from disc_lite.models.masks import attention_masks, has_state
from disc_lite.models.mlp import gated_mlps
from disc_lite.models.offload import HostCheckpoints
from disc_lite.models.positions import original_length
from disc_lite.models.tokens import Tokens
from disc_lite.packing import Packed, Place, Tree, longest_path, pack
from disc_lite.storage import Journal, JsonObject


class Base:
    """A loaded model; `attach` or `load_adapter` gives it an adapter that can be switched off."""

    def __init__(self, model: PreTrainedModel, tokens: Tokens, folder: Path, quantize: str) -> None:
        self.model: PreTrainedModel | PeftModel = model
        self.tokens = tokens
        self.folder = folder
        self.quantize = quantize
        self.device = torch.device(model.device)
        self.state_dtype = dtype_on(self.device, model.config)
        if self.device.type == "cuda":
            # On Hopper, cuDNN's attention makes a new plan for every new width, which takes 0.1 s: for each generated
            # token and each packed batch. Switched off for the whole process, since recomputed layers need it too.
            torch.backends.cuda.enable_cudnn_sdp(False)
            keep_half(model.get_decoder())
        self._adapters: list[BaseTunerLayer] = []
        self._projections: list[Projection] = []
        self.set_modes()
        self._layers = layers_of(model)
        self.packs = not has_state(model.get_decoder().config)  # several sequences in a row, and trees
        self.warnings: list[str] = []  # from the check at loading
        self.journal: Journal | None = None  # results that an interrupted run need not compute again
        self.head = head_of(model)

    def close(self) -> None:
        """Free the weights. They and their layers form reference cycles, which Python would free much later."""
        for parameter in self.model.parameters():
            parameter.data = parameter.data.new_empty(0)
        if has_own_memory(self.device):
            free_memory()

    # -- the adapter -------------------------------------------------------------------------------

    def attach(
        self, rank: int, alpha: int, seed: int, recomputed: int | None = None, host_checkpoints: bool = False
    ) -> None:
        """Add a new LoRA adapter to all linear layers of the decoder; A is drawn from `seed` alone, B is 0.

        The first `recomputed` layers have gradient checkpointing (None: all of them). Their backward pass comes last,
        when what the other layers stored is freed. With `host_checkpoints` their inputs are kept in host memory, except
        those of the last one.
        """
        self.model = new_adapter(self.causal, rank, alpha, seed)
        self._found_adapter()
        first, host = self._layers[:recomputed], HostCheckpoints(self.device)
        # Every dropout is 0, so there is no random state to preserve.
        again = partial(checkpoint, use_reentrant=False, preserve_rng_state=False)
        for n, layer in enumerate(first):
            layer.gradient_checkpointing = True
            on_host = host_checkpoints and n < len(first) - 1
            layer._gradient_checkpointing_func = partial(host.run, n) if on_host else again

    def start_from(self, folder: Path) -> None:
        """Copy the weights of a saved adapter of the same shape into the attached one, to continue its training."""
        take_over(cast(PeftModel, self.model), folder)

    def save_adapter(self, folder: Path) -> None:
        """Write the weights of the adapter into a folder, under PEFT's names."""
        save_weights(cast(PeftModel, self.model), folder)

    def load_adapter(self, folder: Path, name: str = "default") -> None:
        """Load a saved adapter, for inference only. Several adapters need different names; the first one is used.

        Raises EnvironmentNotReady if it does not fit.
        """
        self.model = add_saved(self.model, folder, name)
        loaded = {n: p for n, p in self.adapter_parameters().items() if f".{name}." in n}
        if (where := not_finite(loaded.items())) is not None:
            raise misfit(folder, f"{where} holds NaN or infinity.")
        if changes_nothing(loaded):
            self.warnings.append("This adapter changes nothing: the B of every module is zero.")
        for parameter in self.adapter_parameters().values():  # otherwise autocast casts them for every token
            parameter.data = parameter.data.to(self.state_dtype)
        self._found_adapter()

    def _found_adapter(self) -> None:
        self.set_modes()  # before `gated_mlps` runs the MLPs
        self._adapters = [m for m in self.model.modules() if isinstance(m, BaseTunerLayer)]
        self._projections = projections(self.model)
        gated_mlps(self.model, self._projections)

    def compute_by_peft(self) -> None:
        """Compute layers with an adapter by PEFT's own forward pass from now on, not by `models.lora`."""
        for projection in self._projections:
            projection.layer.__dict__.pop("forward", None)
        self._projections = []

    def use_adapter(self, name: str) -> None:
        """Select which of several loaded adapters `frozen` switches on from now on."""
        cast(PeftModel, self.model).set_adapter(name, inference_mode=True)
        self.set_modes()

    def adapter_config(self) -> JsonObject:
        """Return the adapter's configuration, as in PEFT's adapter folders."""
        return config_of(cast(PeftModel, self.model))

    def adapter_parameters(self) -> dict[str, nn.Parameter]:
        """Return name -> parameter for all trained parameters, in a fixed order."""
        return parameters_of(self.model)

    def known(self, adapter: bool) -> KnownContinuations | None:
        """Return the journal's continuations by the base, or by the adapter as it is now; None without a journal."""
        if self.journal is None:
            return None
        return KnownContinuations(self.journal, self._adapter_digest() if adapter else "")

    def _adapter_digest(self) -> str:
        digest = sha256()
        for parameter in self.adapter_parameters().values():
            digest.update(parameter.detach().to(self.state_dtype).float().cpu().numpy().tobytes())
        return digest.hexdigest()

    def set_modes(self) -> None:
        """Set training mode, also for inference; PEFT and transformers change it.

        Never eval(): a no-grad forward pass on CPU then repacks 4-bit weights in place, and the gradient through them
        is silently lost (bitsandbytes, AVX512-BF16). With every dropout 0, train() computes the same. But state-space
        layers (with `A_log`) in training mode use a fused kernel that reads the weight of `out_proj`, not its adapter.
        """
        self.model.train()
        for module in self.model.modules():
            if hasattr(module, "A_log"):
                module.training = False

    # -- forward passes -----------------------------------------------------------------------------------

    def before_each_forward(self, callback: Callable[[], None]) -> None:
        """Call `callback` before every forward pass of the base or the student; an exception in it aborts the pass.

        The hook is on the decoder, which `hidden` and generation both call. An adapter added later wraps layers inside
        it, and gradient checkpointing recomputes layers, not the decoder.
        """
        self.causal.get_decoder().register_forward_pre_hook(lambda module, inputs: callback())

    @contextmanager
    def frozen(self, adapter: bool) -> Iterator[PreTrainedModel]:
        """Context manager that yields the causal model without gradient, with the adapter on or off.

        Outside of it, where `backward` runs, the adapter is on; at its end a nested block restores the outer one's
        state. PEFT's own `disable_adapter` would change `requires_grad` when it ends (peft #3447).
        """
        checkpointed = [getattr(layer, "gradient_checkpointing", False) for layer in self._layers]
        was_off = any(module._disable_adapters for module in self._adapters)
        try:
            self._switch(not adapter, [False] * len(self._layers))
            for projection in self._projections:
                projection.keep(adapter)
            with torch.no_grad(), self.autocast():
                yield self.causal
        finally:
            self._switch(was_off, checkpointed)
            for projection in self._projections:
                projection.keep(False)

    def _switch(self, off: bool, checkpointed: list[bool]) -> None:
        for module in self._adapters:
            module._disable_adapters = off
        for layer, value in zip(self._layers, checkpointed, strict=True):
            layer.gradient_checkpointing = value

    @property
    def causal(self) -> PreTrainedModel:
        """The transformers model, in which PEFT has wrapped the linear layers."""
        return cast(PreTrainedModel, self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model)

    def autocast(self) -> torch.autocast:
        """Autocast to bf16 if the model is bf16; LoRA weights too, which are fp32 in training."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.state_dtype == torch.bfloat16)

    def hidden(self, packed: Packed) -> Tensor:
        """Return the last hidden states (after the final norm) of a packed batch, [R*L, H]."""
        decoder, longest = self.causal.get_decoder(), int(packed.position_ids.max()) + 1
        ids, packed = packed.input_ids, packed.moved(partial(to_device, device=self.device))
        if not isinstance(self.causal.get_input_embeddings(), HostEmbedding):
            ids = packed.input_ids
        masks = attention_masks(decoder.config, packed.visible(), packed.position_ids, longest, self.state_dtype)
        out = decoder(input_ids=ids, position_ids=packed.position_ids, use_cache=False, attention_mask=masks)
        states: Tensor = out.last_hidden_state
        return states.flatten(0, 1)

    def hidden_at(self, sequences: Sequence[Tree], places: Sequence[Place]) -> Tensor:
        """Return the last hidden states at some positions of sequences, [N, H]; one forward pass if the model packs."""
        limit = original_length(self.causal.get_decoder().config)
        if not self.packs or (limit is not None and any(longest_path(sequence) > limit for sequence in sequences)):
            return hidden_apart(self.hidden, sequences, places, limit)
        packed = pack(sequences)
        at = [packed.starts[sequence][segment] + position for sequence, segment, position in places]
        return self.hidden(packed)[to_device(torch.tensor(at), self.device)]

    def log_probabilities(
        self, sequences: Sequence[Tree], places: Sequence[Place], targets: Sequence[Sequence[int]],
        adapter: bool = False,
    ) -> list[Tensor]:  # fmt: skip
        """Return log p of every token in each run of targets; `places` lists the position before each, for all runs."""
        ids = torch.tensor([t for run in targets for t in run], device=self.device)
        with self.frozen(adapter=adapter):
            values = log_probabilities(self.hidden_at(sequences, places), ids, self.head)
        return list(values.cpu().split([len(run) for run in targets]))


def layers_of(model: PreTrainedModel) -> list[Any]:
    """Return the layers of the decoder in order. Raises EnvironmentNotReady if it has no list of them."""
    decoder = model.get_decoder()
    layers = getattr(decoder, "layers", None) or getattr(decoder, "h", None)
    if layers is None:
        raise EnvironmentNotReady(
            f"Models of the type {model.config.model_type} are not supported.", "Their decoder has no list of layers.",
            "`disc-lite models` lists names of models that work.",
        )  # fmt: skip
    return list(layers)
