#!/usr/bin/env bash
# Measures the CUDA path from nothing but a checkout: checks, one adaptation, one training step at full shapes.
#
#   bench/gpu.sh [--wheels FOLDER] [arguments of python -m bench.gpu]
#
# Needs a Python with torch (CUDA) and transformers, and no network: missing packages (peft, bitsandbytes,
# ...) are installed for this run only from the wheels in FOLDER (default: .whl/).
# Ends within 8 minutes. The interpreter is $PYTHON, otherwise .venv's, otherwise python3.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
wheels="$root/.whl"
if [[ "${1:-}" == --wheels ]]; then
  wheels="${2:?--wheels needs a folder}"
  shift 2
fi

has_torch() { "$1" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)' 2>/dev/null; }
python=""
for candidate in "${PYTHON:-}" "$root/.venv/bin/python" python3 python; do
  if [[ -n "$candidate" ]] && has_torch "$candidate"; then python="$candidate"; break; fi
done
[[ -n "$python" ]] || { echo "Error: no Python with torch here; name one in \$PYTHON." >&2; exit 3; }

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
shopt -s nullglob
found=("$wheels"/*.whl)
if ((${#found[@]})); then
  "$python" -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --upgrade \
    --target "$scratch/site" "${found[@]}"
fi

export PYTHONPATH="$root:$scratch/site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
export HF_HUB_OFFLINE=1 DISC_LITE_OFFLINE=1 DISC_LITE_CACHE="$scratch/cache" TOKENIZERS_PARALLELISM=false
timeout --kill-after=10 $((475 - SECONDS)) "$python" -m bench.gpu --budget $((450 - SECONDS)) "$@"
