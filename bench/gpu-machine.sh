#!/usr/bin/env bash
# Everything that is to be known of a GPU machine, in under nine minutes: `bash bench/gpu-machine.sh [OUT.json]` in a checkout with its
# node_modules, on Linux with the GPU's driver. Runs the self-test, the tuner, the benches in both precisions, PyTorch on the same GPU where it
# is installed, the kernels' tests, and those against recorded outputs where there are some. A step that fails, or finds nothing to do, says so
# in the JSON and stops no other; the exit code is 1 where one has failed.
#
# ADAPTER (gpu), SUITE (files of tests), BENCH (flags of `codeformer bench`) and LIMIT (seconds of all) in the environment make it small.
set -uo pipefail
out=$(realpath -m "${1:-gpu-machine.json}")
cd "$(dirname "$0")/.."

ADAPTER=${ADAPTER:-gpu}
SUITE=${SUITE-test/kernels.test.ts test/oracle}
BENCH=${BENCH---official}
LIMIT=${LIMIT:-530}
PYTHON=${CODEFORMER_PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Where containers have NVIDIA's driver for Vulkan, the loader does not look.
driver=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -e "$driver" ]; then export VK_DRIVER_FILES=${VK_DRIVER_FILES:-$driver}; fi

# step NAME SECONDS COMMAND...: what it prints is kept in NAME.out, and how it ended in NAME.end.
step() {
  local name=$1 most=$2 start=$SECONDS
  shift 2
  local left=$((LIMIT - SECONDS))
  if [ "$left" -lt "$most" ]; then most=$left; fi
  echo "== $name (after $SECONDS s)" >&2
  if [ "$most" -lt 5 ]; then
    skip "$name" 'no time is left'
    return
  fi
  timeout --kill-after=5 "$most" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null
  echo "$? $((SECONDS - start))" >"$work/$name.end"
}

skip() {
  echo "skip $2" >"$work/$1.end"
}

node bin/codeformer.mjs --version >"$work/version" || exit 1
step self-test 120 node bin/codeformer.mjs doctor --self-test --json --adapter "$ADAPTER"
step tune 90 node bin/codeformer.mjs tune --json --adapter "$ADAPTER"
# shellcheck disable=SC2086
for precision in f32 f16; do
  step "bench-$precision" 120 node bin/codeformer.mjs bench --json --adapter "$ADAPTER" --precision "$precision" $BENCH
done
if "$PYTHON" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  mkdir "$work/layers"
  step layers 60 node scripts/run.mjs bench/gpu-layers.ts "$work/layers"
  step pytorch 90 "$PYTHON" bench/pytorch.py "$work/layers" cuda
else
  skip pytorch "$PYTHON has no PyTorch that sees a GPU"
fi
if [ -n "$SUITE" ]; then
  export CODEFORMER_TEST_ADAPTER=$ADAPTER
  # shellcheck disable=SC2086
  step suite 240 npx --no-install vitest run --reporter=json --outputFile="$work/suite.json" $SUITE
else
  skip suite 'it was not asked for'
fi

node - "$work" "$out" "$SECONDS" <<'IN'
const { readFileSync, readdirSync, writeFileSync } = require('node:fs');
const { cpus } = require('node:os');
const [work, out, seconds] = process.argv.slice(2);
const read = name => readFileSync(`${work}/${name}`, 'utf8');
const steps = {};
for (const file of readdirSync(work).filter(name => name.endsWith('.end'))) {
  const name = file.slice(0, -'.end'.length);
  const [code, ...rest] = read(file).trim().split(' ');
  if (code === 'skip') {
    steps[name] = { skipped: rest.join(' ') };
    continue;
  }
  const step = { code: Number(code), seconds: Number(rest[0]) };
  // There is no f16 everywhere.
  if (name === 'bench-f16' && code === '3') {
    steps[name] = { skipped: read(`${name}.err`).trim() };
    continue;
  }
  try {
    // Tests print what they like.
    step.result = JSON.parse(read(name === 'suite' ? 'suite.json' : `${name}.out`));
  } catch {
    step.said = `${read(`${name}.out`)}${read(`${name}.err`)}`.slice(-4000);
  }
  // Of the tests, what failed is enough.
  if (name === 'suite' && step.result) {
    const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, testResults } = step.result;
    const faults = testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName));
    step.result = { passed, failed, skipped, faults };
  }
  steps[name] = step;
}
const whole = name => steps[name]?.result?.figures?.find(figure => figure.name === 'official: whole, w = 0.5')?.ms;
const ratio = (ours, theirs) => (ours && theirs ? ours / theirs : null);
const torch = steps.pytorch?.result ?? {};
const toPyTorch = { f32: ratio(whole('bench-f32'), torch['f32 eager']), f16: ratio(whole('bench-f16'), torch['f16 channels_last']) };
const report = { report: 'codeformer gpu machine', version: read('version').trim(), processors: cpus().length, seconds: Number(seconds), toPyTorch, steps };
writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
const failed = Object.entries(steps).filter(([, step]) => step.code);
console.log(`${out}: ${Object.keys(steps).length} steps in ${seconds} s${failed.length > 0 ? `, failed: ${failed.map(([name]) => name).join(', ')}` : ''}`);
process.exitCode = failed.length > 0 ? 1 : 0;
IN
