// Reads a lib's index.ts: which names it exports, of what kind, and whether their declarations carry a doc comment.
// It follows re-exports from file to file by their text alone, so it needs no type checker and takes milliseconds.
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** Gives a file's text, or undefined when there is no such file. */
export type ReadFile = (path: string) => string | undefined;

/** A name in a lib's index. */
export interface ExportedName {
  readonly name: string;
  readonly kind: 'type' | 'value';
  readonly documented: boolean;
}

/** What a lib's index exports, and what is wrong with it in words. */
export interface ExportList {
  readonly names: readonly ExportedName[];
  readonly problems: readonly string[];
}

type Declaration = Omit<ExportedName, 'name'>;

/** The most names a lib may export. More means that it is two libs, or that it shows its insides. */
export const MOST_NAMES = 40;

/** Lists what `index` exports. */
export function readExportList(index: string, readFile: ReadFile): ExportList {
  const source = parse(index, readFile);
  if (!source) return { names: [], problems: [`${index} does not exist: every lib has an index of named exports.`] };
  const problems: string[] = [];
  const names: ExportedName[] = [];
  for (const statement of source.statements) {
    const wrong = wrongExport(statement);
    if (wrong) problems.push(`${index}: ${wrong}`);
    for (const name of exportedFrom(statement)) {
      const declaration = findDeclaration(name, index, readFile);
      if (declaration) names.push({ name, ...declaration });
      else problems.push(`${index}: the declaration of ${name} is not in this lib; export only what the lib declares.`);
    }
  }
  return { names, problems: [...problems, ...findProblems(index, names)] };
}

function findProblems(index: string, names: readonly ExportedName[]): string[] {
  const undocumented = names
    .filter(({ documented }) => !documented)
    .map(({ name }) => `${index}: ${name} has no doc comment (/** ... */) where it is declared.`);
  const tooMany = `${index} exports ${String(names.length)} names; at most ${String(MOST_NAMES)} keep a lib easy to learn.`;
  return names.length > MOST_NAMES ? [...undocumented, tooMany] : undocumented;
}

function wrongExport(statement: ts.Statement): string | undefined {
  if (ts.isExportAssignment(statement)) return 'no default export; name what you export.';
  if (!ts.isExportDeclaration(statement)) return undefined;
  if (!statement.exportClause || !ts.isNamedExports(statement.exportClause))
    return 'no `export *`; name what you export.';
  return undefined;
}

function exportedFrom(statement: ts.Statement): string[] {
  if (ts.isExportDeclaration(statement)) return exportSpecifiers(statement).map(({ name }) => name.text);
  const isExported = ts.canHaveModifiers(statement) && hasExportKeyword(statement);
  return isExported ? declaredNames(statement).map(({ name }) => name) : [];
}

function hasExportKeyword(node: ts.HasModifiers): boolean {
  return ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function exportSpecifiers(statement: ts.ExportDeclaration): readonly ts.ExportSpecifier[] {
  return statement.exportClause && ts.isNamedExports(statement.exportClause) ? statement.exportClause.elements : [];
}

/** Looks for `name` in `file`, or follows it to the file that it is re-exported from. */
function findDeclaration(name: string, file: string, readFile: ReadFile): Declaration | undefined {
  const source = parse(file, readFile);
  if (!source) return undefined;
  // A name may have several declarations: overloads, or a type and a value of one name.
  const here = source.statements
    .flatMap((statement) => declaredNames(statement))
    .filter((found) => found.name === name);
  if (here.length > 0) {
    return {
      kind: here.some(({ kind }) => kind === 'value') ? 'value' : 'type',
      documented: here.some(({ documented }) => documented),
    };
  }
  for (const { local, from, original } of source.statements.flatMap((statement) => namesFromElsewhere(statement))) {
    if (local === name) return findDeclaration(original, join(dirname(file), from.replace(/\.js$/, '.ts')), readFile);
  }
  return undefined;
}

interface FromElsewhere {
  readonly local: string;
  readonly original: string;
  readonly from: string;
}

function namesFromElsewhere(statement: ts.Statement): FromElsewhere[] {
  if (!ts.isExportDeclaration(statement) && !ts.isImportDeclaration(statement)) return [];
  const { moduleSpecifier } = statement;
  if (!moduleSpecifier || !ts.isStringLiteral(moduleSpecifier) || !moduleSpecifier.text.startsWith('.')) return [];
  const specifiers = ts.isExportDeclaration(statement) ? exportSpecifiers(statement) : importSpecifiers(statement);
  return specifiers.map(({ name, propertyName }) => ({
    local: name.text,
    original: (propertyName ?? name).text,
    from: moduleSpecifier.text,
  }));
}

function importSpecifiers(statement: ts.ImportDeclaration): readonly ts.ImportSpecifier[] {
  const bindings = statement.importClause?.namedBindings;
  return bindings && ts.isNamedImports(bindings) ? bindings.elements : [];
}

function declaredNames(statement: ts.Statement): ExportedName[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? [{ name: name.text, kind: 'value' as const, documented: hasDoc(statement) }] : [],
    );
  }
  if (!isNamedDeclaration(statement) || !statement.name) return [];
  const kind = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement) ? 'type' : 'value';
  return [{ name: statement.name.text, kind, documented: hasDoc(statement) }];
}

type NamedDeclaration =
  ts.FunctionDeclaration | ts.ClassDeclaration | ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.EnumDeclaration;

function isNamedDeclaration(node: ts.Node): node is NamedDeclaration {
  return [
    ts.isFunctionDeclaration,
    ts.isClassDeclaration,
    ts.isInterfaceDeclaration,
    ts.isTypeAliasDeclaration,
    ts.isEnumDeclaration,
  ].some((isOne) => isOne(node));
}

function hasDoc(node: ts.Node): boolean {
  return ts
    .getJSDocCommentsAndTags(node)
    .some((doc) => ts.isJSDoc(doc) && (ts.getTextOfJSDocComment(doc.comment) ?? '').trim() !== '');
}

function parse(file: string, readFile: ReadFile): ts.SourceFile | undefined {
  const text = readFile(file);
  return text === undefined ? undefined : ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
}
