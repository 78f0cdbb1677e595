// SQLSTATE becomes an error of ours in one place, libs/database; a second place would drift from it.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './cruise.js';
import { findSqlstates } from './sqlstate-literals.js';

describe('SQLSTATE codes', () => {
  it('are written in libs/database only', () => {
    const elsewhere = globSync('{apps,libs}/**/*.ts', { cwd: ROOT }).filter(
      (file) => !file.startsWith('libs/database/') && !file.endsWith('.spec.ts'),
    );
    const found = elsewhere.flatMap((file) =>
      findSqlstates(readFileSync(join(ROOT, file), 'utf8')).map((code) => `${file}:${code}`),
    );
    expect(elsewhere.length).toBeGreaterThan(10);
    expect(found).toEqual([]);
  });

  it.each([
    ["if (error.code === '23505') return;", '1: 23505'],
    ['\nconst ours = "CN001";', '2: CN001'],
    ['raise(`40P01`);', '1: 40P01'],
    ['const kinds = { 40001: retry };', '1: 40001'],
    ['const kinds = { CN002: refuse };', '1: CN002'],
  ])('are found in %s', (text, found) => {
    expect(findSqlstates(text)).toEqual([found]);
  });

  it.each([
    "// '23505' is a unique violation",
    "const word = 'WORDS';",
    'const amount = 23505;',
    "const id = '235050';",
  ])('are not seen in %s', (text) => {
    expect(findSqlstates(text)).toEqual([]);
  });
});
