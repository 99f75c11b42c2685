"""What an operation of the pretended card reads, writes and creates, and whether the host waits for it."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from tests.pretended_card import COPIES, OnCard, aten

MADE_LIKE = re.compile(r"aten::(new_.*|.*_like)")  # these read only a shape
READ_BY_HOST = {aten._local_scalar_dense.default, aten.nonzero.default, aten.equal.default}


def storage_of(tensor: Any) -> torch.UntypedStorage:
    storage: torch.UntypedStorage = (tensor.there if isinstance(tensor, OnCard) else tensor).untyped_storage()
    return storage


def arguments_of(func: Any, args: Any, kwargs: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Pairs of an argument in the operation's schema and its value, for the arguments that are given."""
    every = func._schema.arguments
    return [*zip(every, args, strict=False), *((each, kwargs[each.name]) for each in every if each.name in kwargs)]


def made_by(args: Any, kwargs: dict[str, Any], out: Any) -> list[OnCard]:
    """The tensors in an operation's result whose memory is not that of an argument."""
    given = {storage_of(x)._cdata for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
    return [x for x in tree_leaves(out) if isinstance(x, OnCard) and storage_of(x)._cdata not in given]


def accesses(func: Any, args: Any, kwargs: dict[str, Any], out: Any) -> tuple[list[Any], list[Any]]:
    """(tensors that the operation reads, tensors that it writes or creates)."""
    reads, writes = list[Any](), list[Any]()
    for argument, value in arguments_of(func, args, kwargs):
        alias = argument.alias_info  # a view has alias information without a write: it reads nothing either
        tensors = [x for x in tree_leaves(value) if isinstance(x, torch.Tensor)]
        if alias and alias.is_write:
            writes += tensors
        elif not alias and not MADE_LIKE.match(func._schema.name):
            reads += tensors
    return reads, [*writes, *made_by(args, kwargs, out)]


def is_awaited(func: Any, args: Any, kwargs: dict[str, Any], out: Any) -> bool:
    """Whether the host reads a result of the card, or makes a blocking copy between host and card."""
    if func in READ_BY_HOST:
        return isinstance(args[0], OnCard)
    if func not in COPIES or kwargs.get("non_blocking") or args[2:] == (True,):
        return False
    ends = args[:2] if func is aten.copy_.default else (out, args[0])
    return isinstance(ends[0], OnCard) != isinstance(ends[1], OnCard)
