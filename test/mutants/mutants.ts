// Mutants of shaders: an operator replaced by another one.

/** A shader's code with one operator replaced. */
export interface Mutant {
  /** Where in the code, in characters. */
  readonly at: number;
  readonly line: number;
  readonly from: string;
  readonly to: string;
  readonly code: string;
}

/** What stands for what. Comparisons become those that differ where both sides are equal, as off-by-one mistakes do. */
const REPLACEMENTS: Readonly<Record<string, string>> = {
  '+': '-',
  '-': '+',
  '*': '+',
  '/': '*',
  '%': '/',
  '+=': '-=',
  '-=': '+=',
  '*=': '+=',
  '/=': '*=',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '==': '!=',
  '!=': '==',
  '&&': '||',
  '||': '&&',
  '<<': '>>',
  '>>': '<<',
  '&': '|',
  '|': '&',
  '|=': '&=',
  'min(': 'max(',
  'max(': 'min(',
  'floor(': 'ceil(',
  'round(': 'floor(',
  'abs(': '-(',
};

/**
 * What is none of the operators: comments, types with parameters, attributes and declarations of bindings, arrows; and the heads of loops,
 * which would not end.
 */
const OTHERS = /\/\/.*|->|\b(?:var|array|atomic|ptr|bitcast|vec[234])<[^;()={]*?>+|@\w+(?:\([^)]*\))?|\bfor \(.*\{/g;

const OPERATORS = /[<>=!]=|&&|\|\||<<|>>|[-+*/|]=|(?<![\w.])(?:min|max|floor|round|abs)\(|[-+*/%<>&|]/g;

/**
 * Every mutant of some code.
 * @param repeated whether the code is printed by a program: of lines that differ in their digits alone the first one is changed
 */
export function mutantsOf(code: string, repeated: boolean): Mutant[] {
  // Of the same length, so that places stay.
  const plain = code.replace(OTHERS, text => ' '.repeat(text.length));
  const mutants: Mutant[] = [];
  const seen = new Set<string>();
  for (const match of plain.matchAll(OPERATORS)) {
    const { 0: from, index: at } = match;
    const to = REPLACEMENTS[from];
    // A sign belongs to a number.
    const isSign = from === '-' && !/[\w)\].]\s*$/.test(plain.slice(Math.max(0, at - 20), at));
    if (!to || isSign) continue;
    const start = code.lastIndexOf('\n', at) + 1;
    const end = code.indexOf('\n', at);
    const key = `${code.slice(start, end).replace(/\d+/g, '#')} ${code.slice(start, at).replace(/\d+/g, '#').length}`;
    if (repeated && seen.has(key)) continue;
    seen.add(key);
    const line = code.slice(0, at).split('\n').length;
    mutants.push({ at, line, from, to, code: code.slice(0, at) + to + code.slice(at + from.length) });
  }
  return mutants;
}
