// "Did you mean": the known word that is most like one that is not known.

/** Letters that have to be changed, added, left out or swapped with their neighbour to make one word of another. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j]!, before[j - 2]! + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/** The word that was probably meant, or undefined where none is like it: a third of the letters may be wrong, or the end missing. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  // Nobody means so long a word, and comparing takes time.
  if (word.length > 60) return undefined;
  const started = word.length >= 3 ? known.filter(name => name.startsWith(word)) : [];
  if (started.length === 1) return started[0];
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3));
  for (const name of known) {
    const wrong = distance(word.toLowerCase(), name);
    if (wrong < least || (wrong === least && best === undefined)) [best, least] = [name, wrong];
  }
  return best;
}
