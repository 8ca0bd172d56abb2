#!/usr/bin/env bash
# Everything that is to be known of a GPU machine, in under nine minutes: `bash bench/gpu-machine.sh [OUT.json]` in a checkout with its
# node_modules, on Linux with the GPU's driver. Measures the first starts, runs the self-test, PyTorch on the same GPU where it is installed,
# the tuner and the benches in f32, in f16 and by matrices of subgroups, the kernels' tests, and those against recorded outputs where there are
# some. A step that fails, or finds nothing to do, says so in the JSON and stops no other; the exit code is 1 where one has failed.
#
# ADAPTER (gpu), SUITE (files of tests), BENCH (flags of `codeformer bench`), TUNE (for what the tuner runs: embedded, official) and LIMIT
# (seconds of all) in the environment make it small.
set -uo pipefail
out=$(realpath -m "${1:-gpu-machine.json}")
cd "$(dirname "$0")/.."

ADAPTER=${ADAPTER:-gpu}
SUITE=${SUITE-test/kernels.test.ts test/oracle}
BENCH=${BENCH---official}
TUNE=${TUNE-embedded official}
LIMIT=${LIMIT:-530}
PYTHON=${CODEFORMER_PYTHON:-python3}
# Before anything is measured that could not be kept.
: >"$out.part" || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work" "$out.part"' EXIT
# Nothing is known of the adapter from before.
export CODEFORMER_CACHE=$work/cache

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

codeformer() {
  local name=$1 most=$2 command=$3
  shift 3
  step "$name" "$most" node bin/codeformer.mjs "$command" --json --adapter "$ADAPTER" "$@"
}

# has NAME VARIANT: whether the self-test of a mode has found a variant to be right.
has() {
  node -e '
    const { selfTest } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"));
    process.exit(selfTest.variants?.includes(process.argv[2]) ? 0 : 1);
  ' "$work/self-test-$1.out" "$2" 2>"$work/has"
}

# check NAME FLAGS...: a mode has a cache of its own, so that none begins with what another has found.
check() {
  local name=$1
  shift
  CODEFORMER_CACHE=$work/cache-$name codeformer "self-test-$name" 60 doctor --self-test "$@"
}

# mode NAME VARIANT TUNE FLAGS...: tuner and bench in a mode, where it has the variant or needs none.
mode() {
  local name=$1 variant=$2 networks=$3 which
  shift 3
  if [ -n "$variant" ] && ! has "$name" "$variant"; then
    skip "bench-$name" "the self-test has not found $variant"
    return
  fi
  export CODEFORMER_CACHE=$work/cache-$name
  for which in $networks; do
    if [ "$which" = official ]; then
      codeformer "tune-$name-official" 90 tune --official "$@"
    else
      codeformer "tune-$name" 90 tune "$@"
    fi
  done
  # shellcheck disable=SC2086
  codeformer "bench-$name" 120 bench "$@" $BENCH
}

node bin/codeformer.mjs --version >"$work/version" || exit 1
codeformer start-first 60 bench --only start
codeformer start-again 60 bench --only start
check f32 --precision f32
check f16 --precision f16
check f16-matrices --precision f16 --subgroup-matrices
if "$PYTHON" -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
  mkdir "$work/layers"
  step layers 60 node scripts/run.mjs bench/gpu-layers.ts "$work/layers"
  step pytorch 90 "$PYTHON" bench/pytorch.py "$work/layers" cuda
else
  skip pytorch "$PYTHON has no PyTorch that sees a GPU"
fi
mode f32 '' "$TUNE" --precision f32
mode f16-matrices subgroup-matrices "$TUNE" --precision f16 --subgroup-matrices
mode f16 f16 '' --precision f16
export CODEFORMER_TEST_ADAPTER=$ADAPTER
if [ -n "$SUITE" ]; then
  for file in $SUITE; do
    name=$(basename "$file" .test.ts)
    # What runs on WebAssembly is no matter of the GPU.
    step "suite-$name" 240 node node_modules/vitest/vitest.mjs run --reporter=json --outputFile="$work/suite-$name.json" \
      --testNamePattern '^(?!.*WebAssembly)' "$file"
  done
else
  skip suite 'it was not asked for'
fi

node - "$work" "$out" "$SECONDS" <<'IN'
const { readFileSync, readdirSync, renameSync, writeFileSync } = require('node:fs');
const { cpus } = require('node:os');
const [work, out, seconds] = process.argv.slice(2);
const read = name => readFileSync(`${work}/${name}`, 'utf8');
const isSuite = name => name.startsWith('suite-');
const steps = {};
for (const file of readdirSync(work).filter(name => name.endsWith('.end'))) {
  const name = file.slice(0, -'.end'.length);
  const [code, ...rest] = read(file).trim().split(' ');
  if (code === 'skip') {
    steps[name] = { skipped: rest.join(' ') };
    continue;
  }
  const step = { code: Number(code), seconds: Number(rest[0]) };
  try {
    // Tests print what they like.
    step.result = JSON.parse(read(isSuite(name) ? `${name}.json` : `${name}.out`));
  } catch {
    step.said = `${read(`${name}.out`)}${read(`${name}.err`)}`.slice(-4000);
  }
  // There is no f16 everywhere.
  const missing = /^Expected an adapter with (?:shader-)?f16/.test(step.result?.selfTest?.error) && step.result.selfTest.error;
  if (missing) {
    steps[name] = { skipped: missing };
    continue;
  }
  // Of the tests, what failed is enough.
  if (isSuite(name) && step.result) {
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
const toPyTorch = {
  f32: ratio(whole('bench-f32'), torch['f32 eager']),
  f16: ratio(whole('bench-f16'), torch['f16 channels_last']),
  'f16 subgroup matrices': ratio(whole('bench-f16-matrices'), torch['f16 channels_last']),
};
const firstPicture = name => steps[name]?.result?.figures?.find(figure => figure.name === 'first picture')?.ms ?? null;
const start = { first: firstPicture('start-first'), again: firstPicture('start-again') };
const report = { report: 'codeformer gpu machine', version: read('version').trim(), processors: cpus().length, seconds: Number(seconds), start, toPyTorch, steps };
writeFileSync(`${out}.part`, `${JSON.stringify(report, null, 2)}\n`);
renameSync(`${out}.part`, out);
const failed = Object.entries(steps).filter(([, step]) => step.code);
console.log(`${out}: ${Object.keys(steps).length} steps in ${seconds} s${failed.length > 0 ? `, failed: ${failed.map(([name]) => name).join(', ')}` : ''}`);
process.exitCode = failed.length > 0 ? 1 : 0;
IN
