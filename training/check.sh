#!/usr/bin/env bash
# Checks the training with the Python that PYTHON names (default python3), which needs torch, numpy, opencv-python-headless and safetensors;
# and, where the package is built, that the library reads what came out.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMP_NUM_THREADS=1

"$python" check.py --keep "$folder"
"$python" upscaler.py --example "$folder/upscaler.json"
node -e 'JSON.parse(require("fs").readFileSync(process.argv[1]))' "$folder/upscaler.json"
echo 'ok   the upscaler makes its example'
if [ -e ../dist/cli.js ]; then
  node ../bin/codeformer.mjs restore "$folder/faces/0.png" --aligned --weights "$folder/run/stage3.safetensors" -o "$folder/out.png" --quiet
  node ../bin/codeformer.mjs restore "$folder/large/0.png" --aligned --weights "$folder/grown/stage5.safetensors" -o "$folder/large.png" --quiet
  echo 'ok   the library restores with the weights, small and grown'
fi
