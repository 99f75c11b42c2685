#!/usr/bin/env bash
# Makes an environment for bench/rivals, in bench/rivals/.venv: disc-lite, TRL and, with a GPU, Liger's kernels.
# $PYTHON names the interpreter; PyTorch for CUDA comes from the package index that pip is configured with.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

venv=bench/rivals/.venv
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -e . trl==1.16.0 datasets -c constraints.txt
if "$venv/bin/python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())'; then
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps liger-kernel==0.8.5
fi
