// What nobody catches fails the test in which it happens, in every spec of a worker and not only in the first.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const config = {
  rootDir: ROOT,
  roots: ['<rootDir>/test/native/fixtures'],
  testMatch: ['**/*.fixture.ts'],
  testEnvironment: '<rootDir>/test/native/environment.js',
  runtime: '<rootDir>/test/native/runtime.js',
  transform: {},
};

it('what nobody catches fails its test, also in the second spec of a worker', () => {
  const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
  const args = [jest, '--config', JSON.stringify(config), '--runInBand', '--verbose'];
  const { stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  // Two files in one worker, whichever comes first.
  expect(stderr.match(/✕ an exception/g)).toHaveLength(2);
  expect(stderr.match(/✕ a rejection/g)).toHaveLength(2);
  expect(stderr).toMatch(/Tests: +4 failed, 2 passed, 6 total/);
});
