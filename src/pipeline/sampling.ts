// Random numbers from a seed, the same on every platform, and codes drawn with them.

/** A generator of numbers in [0, 1): SplitMix32 over a hash of the seed and the number of a stream. */
export function randomNumbers(seed: number, stream: number): () => number {
  let state = mix(mix(seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) + 0x9e3779b9) ^ mix(stream + 0x85ebca6b));
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return mix(state) / 2 ** 32;
  };
}

/** A permutation of the 32-bit numbers in which every bit of the input reaches all of the output. */
function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** A seed for a call that came without one. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}

/**
 * Draws a code for each token from softmax(logits / temperature).
 * @param logits one row of `codebook` values for each token
 * @param temperature above 0
 */
export function sampleCodes(
  logits: Float32Array,
  codebook: number,
  temperature: number,
  random: () => number,
): Int32Array {
  const codes = new Int32Array(logits.length / codebook);
  const weights = new Float64Array(codebook);
  for (let token = 0; token < codes.length; token++) {
    const row = logits.subarray(token * codebook, (token + 1) * codebook);
    const highest = row.reduce((a, b) => Math.max(a, b));
    let total = 0;
    for (let k = 0; k < codebook; k++) total += weights[k] = Math.exp((row[k]! - highest) / temperature);
    let left = random() * total;
    let code = 0;
    // What rounding leaves over at the end belongs to the last code that has any weight.
    for (let k = 0; k < codebook && left >= 0; k++) {
      if (weights[k]! > 0) code = k;
      left -= weights[k]!;
    }
    codes[token] = code;
  }
  return codes;
}
