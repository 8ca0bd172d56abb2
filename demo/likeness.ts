// In words, how alike a face looks before and after. Where the figures come from is said in docs/likeness.md.

/** From which likeness on it is said, and what: the first that is reached. */
const GRADES = [
  [0.996, 'looks like the photo'],
  [0.985, 'somewhat changed'],
] as const;

/** Below it more fidelity makes faces more alike; above it no longer. */
const FAITHFUL = 0.1;

/** What the row of a face says. */
export function likenessWords(likeness: number, fidelity: number): string {
  const grade = GRADES.find(([least]) => likeness >= least);
  if (grade?.[0] === GRADES[0][0]) return grade[1];
  const words = grade?.[1] ?? 'changed';
  if (fidelity < FAITHFUL) return `${words}: move Fidelity towards “Closer to the photo”`;
  return grade ? words : `${words}: the photo shows little of this face`;
}

/** How that was measured. */
export const LIKENESS =
  'Compares light and dark of the face before and after. Tried with damaged photos of 70 people: a program that recognises faces was unsure ' +
  'of 1 in 100 faces that “look like the photo”, of 19 in 100 “somewhat changed” and of 40 in 100 “changed” ones. It does not know who somebody is.';
