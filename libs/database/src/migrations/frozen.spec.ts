import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkFrozen, freeze } from './frozen.js';

describe('frozen.sha256', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'concord-frozen-'))));
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (file: string, sql: string): void => writeFileSync(join(folder, file), sql);

  it('gets new migrations, in the format of sha256sum', () => {
    write('0001_a.sql', 'SELECT 1;\n');
    expect(checkFrozen(folder)).toEqual({ broken: [], unlisted: ['0001_a.sql'] });
    freeze(folder);
    write('0002_b.sql', '');
    expect(freeze(folder)).toEqual(['0002_b.sql']);
    expect(checkFrozen(folder)).toEqual({ broken: [], unlisted: [] });
    expect(readFileSync(join(folder, 'frozen.sha256'), 'utf8').split('\n')[0]).toBe(
      'b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd  0001_a.sql',
    );
  });

  it('notices a listed migration that was changed, deleted or renamed, and is not rewritten then', () => {
    write('0001_a.sql', 'SELECT 1;');
    freeze(folder);
    write('0001_a.sql', 'SELECT 2;');
    expect(checkFrozen(folder).broken).toEqual(['0001_a.sql']);
    expect(() => freeze(folder)).toThrow(/0001_a\.sql.*write a new migration/s);
    rmSync(join(folder, '0001_a.sql'));
    write('0001_b.sql', 'SELECT 1;');
    expect(checkFrozen(folder)).toEqual({ broken: ['0001_a.sql'], unlisted: ['0001_b.sql'] });
  });
});
