// What the code says of itself: exported classes and their methods are documented; what users can call names its arguments and errors.

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, 'src');

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
const program = ts.createProgram(
  ts.sys.readDirectory(src, ['.ts']).filter(file => !file.endsWith('.cases.ts')),
  options,
);
const checker = program.getTypeChecker();

/** What a module exports, by the names that it gives it. */
const exportsOf = (file: ts.SourceFile): ts.Symbol[] => {
  const module = checker.getSymbolAtLocation(file);
  return module ? checker.getExportsOfModule(module).map(resolved) : [];
};

const resolved = (symbol: ts.Symbol): ts.Symbol =>
  symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

type Callable = ts.MethodDeclaration | ts.MethodSignature | ts.FunctionDeclaration;

/** A function or method with all of its declarations; what an interface or a base class says of a method counts as said of it. */
interface Documented {
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declarations: readonly Callable[];
}

const documentation = (symbol: ts.Symbol): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();

const tagsOf = ({ symbol }: Documented, name: string): ts.JSDocTagInfo[] =>
  symbol.getJsDocTags(checker).filter(tag => tag.name === name);

/** Public methods of a class or an interface, static ones too; not those of its bases. */
function methodsOf(type: ts.Symbol): Documented[] {
  const members = [...(type.members?.values() ?? []), ...(type.exports?.values() ?? [])];
  return members.flatMap(symbol => {
    const declarations = (symbol.declarations ?? []).filter(
      (node): node is ts.MethodDeclaration | ts.MethodSignature =>
        (ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) &&
        !(ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)),
    );
    return declarations.length > 0 ? [{ name: `${type.name}.${symbol.name}`, symbol, declarations }] : [];
  });
}

const isClass = (symbol: ts.Symbol) => (symbol.flags & ts.SymbolFlags.Class) !== 0;

test('exported classes and their methods with parameters have a doc comment', () => {
  const files = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(`${src}/`));
  const classes = new Set(files.flatMap(exportsOf).filter(isClass));
  expect(classes.size).toBeGreaterThan(20);
  const missing: string[] = [];
  for (const type of classes) {
    if (!documentation(type)) missing.push(type.name);
    for (const { name, symbol, declarations } of methodsOf(type))
      if (declarations.some(({ parameters }) => parameters.length > 0) && !documentation(symbol)) missing.push(name);
  }
  expect(missing).toEqual([]);
});

/** Frees memory, and is not to fail. */
const ENDS = /\.(destroy|__@(asyncDispose|dispose)@\d+)$/;

/** What callers can call: functions and methods that the entry points export. */
function callable(): Documented[] {
  const entries = ['node/index.ts', 'web/index.ts', 'web/client.ts', 'server/index.ts'].map(
    file => program.getSourceFile(join(src, file))!,
  );
  const found = new Map<ts.Symbol, Documented[]>();
  const visit = (symbol: ts.Symbol): void => {
    if (found.has(symbol)) return;
    found.set(symbol, []);
    const functions = (symbol.declarations ?? []).filter(ts.isFunctionDeclaration);
    if (functions.length > 0) found.set(symbol, [{ name: symbol.name, symbol, declarations: functions }]);
    else if (symbol.flags & ts.SymbolFlags.ValueModule) checker.getExportsOfModule(symbol).map(resolved).forEach(visit);
    else if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) {
      found.set(symbol, methodsOf(symbol));
      for (const base of checker.getDeclaredTypeOfSymbol(symbol).getBaseTypes?.() ?? [])
        if (base.symbol?.declarations?.[0]?.getSourceFile().fileName.startsWith(`${src}/`)) visit(base.symbol);
    }
  };
  entries.flatMap(exportsOf).forEach(visit);
  return [...found.values()].flat().filter(each => tagsOf(each, 'internal').length === 0);
}

test('functions and methods for users name their arguments', () => {
  const missing: string[] = [];
  const all = callable();
  expect(all.length).toBeGreaterThan(50);
  for (const each of all) {
    const named = tagsOf(each, 'param').map(({ text }) => text?.[0]?.text);
    const { parameters } = each.declarations[0]!;
    for (const { name } of parameters) {
      // The fields of options are documented where they are declared.
      const said = !ts.isIdentifier(name) || name.text === 'options' || named.includes(name.text);
      if (!said) missing.push(`${each.name}: ${name.getText()}`);
    }
  }
  expect(missing).toEqual([]);
});

test('functions and methods for users name the errors that they end with', () => {
  const throws = (node: ts.Node): boolean => ts.isThrowStatement(node) || !!ts.forEachChild(node, throws);
  const missing: string[] = [];
  for (const each of callable()) {
    if (ENDS.test(each.name)) continue;
    const fails = each.declarations.some(
      node => /^(Promise|AsyncGenerator)</.test(node.type?.getText() ?? '') || throws(node),
    );
    if (fails && tagsOf(each, 'throws').length === 0) missing.push(each.name);
  }
  expect(missing).toEqual([]);
});
