"""The input embedding in host memory: a batch needs only a few rows of a large vocabulary.

Only those rows are copied to the device: 8 KiB per token instead of 1 GiB, for an 8B model. Decoding steps cannot be
CUDA graphs with it, so it is for training, not for generation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from disc_lite.models.device import to_device
from disc_lite.models.halving import unless_full


class HostEmbedding(nn.Module):
    """Looks up rows on the host. They are not a parameter, so that the model's device stays what it is."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self.device = embedding.weight.device
        self.rows = embedding.weight.detach().to("cpu")  # [V, H]

    def forward(self, ids: Tensor) -> Tensor:
        """ids: [..., L] -> [..., L, H] on the model's device; ids on a GPU make the host wait."""
        return to_device(functional.embedding(ids.cpu(), self.rows), self.device)


@contextmanager
def embedding_on_host(model: PreTrainedModel, wanted: bool = True) -> Iterator[None]:
    """Move the model's input embedding to the host, if it is a matrix of its own: a tied head needs it on the card."""
    embedding = model.get_input_embeddings()
    if not (wanted and type(embedding) is nn.Embedding and not _is_head(model, embedding)):
        yield
        return
    there = HostEmbedding(embedding)
    model.set_input_embeddings(there)
    embedding.weight.data = embedding.weight.data.new_empty(0)  # freed
    try:
        yield
    except BaseException:
        # After an out-of-memory error there may be no room, which must not hide that error; the model works as it is.
        unless_full(partial(_put_back, model, embedding, there))
        raise
    _put_back(model, embedding, there)


def _put_back(model: PreTrainedModel, embedding: nn.Embedding, there: HostEmbedding) -> None:
    embedding.weight.data = there.rows.to(there.device)
    model.set_input_embeddings(embedding)


def _is_head(model: PreTrainedModel, embedding: nn.Embedding) -> bool:
    head = model.get_output_embeddings()
    return isinstance(head, nn.Linear) and head.weight.data_ptr() == embedding.weight.data_ptr()
