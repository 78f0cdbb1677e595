// What each lib shows to the others. Adding or removing a name is a decision: it shows up in exports.snapshot.txt.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './cruise.js';
import { type ExportList, MOST_NAMES, readExportList } from './export-lists.js';

const SNAPSHOT = join(ROOT, 'test/architecture/exports.snapshot.txt');
const HOW_TO_UPDATE = 'If the change is meant, run: UPDATE_SNAPSHOT=1 npm test -- test/architecture';

const readFromDisk = (path: string) =>
  existsSync(join(ROOT, path)) ? readFileSync(join(ROOT, path), 'utf8') : undefined;

/** Reads an index that exists only in this test. */
const readPlanted = (files: Readonly<Record<string, string>>) => readExportList('index.ts', (path) => files[path]);

function listing(libs: readonly (readonly [string, ExportList])[]): string {
  const lines = libs.flatMap(([lib, { names }]) => [
    `@concord/${lib}`,
    ...names.map(({ name, kind }) => `  ${kind === 'type' ? 'type ' : ''}${name}`).sort(),
    '',
  ]);
  return lines.join('\n');
}

describe('the export lists of the libs', () => {
  const libs = readdirSync(join(ROOT, 'libs'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, 'libs', entry.name, 'src')))
    .map(({ name }) => [name, readExportList(`libs/${name}/src/index.ts`, readFromDisk)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));

  it.each(libs)('%s exports few names, each of them documented', (_lib, { problems }) => {
    expect(problems).toEqual([]);
  });

  it('are those of exports.snapshot.txt', () => {
    const now = listing(libs);
    if (process.env['UPDATE_SNAPSHOT'] === '1') writeFileSync(SNAPSHOT, now);
    const before = existsSync(SNAPSHOT) ? readFileSync(SNAPSHOT, 'utf8') : '';
    expect({ howToUpdate: HOW_TO_UPDATE, exports: now.split('\n') }).toEqual({
      howToUpdate: HOW_TO_UPDATE,
      exports: before.split('\n'),
    });
  });
});

describe('the check of an export list', () => {
  it('finds names where they are declared, however they get to the index', () => {
    const list = readPlanted({
      'index.ts': `
        export { Account, open as openAccount } from './account.js';
        export type { Rule } from './rules.js';
        import { limit } from './account.js';
        export { limit };
        /** Here. */
        export const here = 1;`,
      'account.ts': `
        /** An account. */
        export class Account {}
        /** Opens one. */
        export function open(): void;
        export function open(_id?: string): void {}
        /** The limit. */
        export const limit = 3;`,
      'rules.ts': `export { type Rule } from './rule.js';`,
      'rule.ts': `/** A rule. */ export interface Rule { holds: boolean }`,
    });
    expect(list.problems).toEqual([]);
    expect(list.names.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'value Account',
      'value openAccount',
      'type Rule',
      'value limit',
      'value here',
    ]);
  });

  it.each([
    ['export * from a file', { 'index.ts': `export * from './a.js';`, 'a.ts': '' }, 'no `export *`'],
    ['export * as a name', { 'index.ts': `export * as a from './a.js';`, 'a.ts': '' }, 'no `export *`'],
    ['a default export', { 'index.ts': 'export default 1;' }, 'no default export'],
    ['another package', { 'index.ts': `export { of } from 'rxjs';` }, 'of is not in this lib'],
    ['a name that is not there', { 'index.ts': `export { b } from './a.js';`, 'a.ts': '' }, 'b is not in this lib'],
    ['no comment', { 'index.ts': 'export class Bare {}' }, 'Bare has no doc comment'],
    ['a line comment', { 'index.ts': '// Bare.\nexport class Bare {}' }, 'Bare has no doc comment'],
    ['an empty doc comment', { 'index.ts': '/** */\nexport type Bare = 1;' }, 'Bare has no doc comment'],
    ['tags alone', { 'index.ts': '/** @internal */\nexport type Bare = 1;' }, 'Bare has no doc comment'],
    [
      'no comment, elsewhere',
      { 'index.ts': `export { a } from './a.js';`, 'a.ts': 'export const a = 1;' },
      'a has no doc',
    ],
    ['no index at all', {}, 'index.ts does not exist'],
  ])('reports %s', (_what, files, problem) => {
    expect(readPlanted(files as Record<string, string>).problems).toEqual([expect.stringContaining(problem)]);
  });

  it('reports a lib with too many names', () => {
    const names = Array.from(
      { length: MOST_NAMES + 1 },
      (_, i) => `/** One more. */ export const name${String(i)} = 1;`,
    );
    expect(readPlanted({ 'index.ts': names.join('\n') }).problems).toEqual([
      expect.stringContaining('exports 41 names'),
    ]);
    expect(readPlanted({ 'index.ts': names.slice(1).join('\n') }).problems).toEqual([]);
  });
});
