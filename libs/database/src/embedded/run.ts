// Runs one of PostgreSQL's programs to its end, as the account that owns the server.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';

/** The user a server runs as; undefined is the user we are. */
export type Account = { readonly name: string; readonly uid: number; readonly gid: number } | undefined;

export interface RunResult {
  readonly code: number;
  readonly output: string;
}

export function run(file: string, args: readonly string[], account: Account, input = ''): Promise<RunResult> {
  return new Promise((resolve) => {
    // Not our own working folder, which the account may be unable to read.
    const child = spawn(file, args, {
      cwd: dirname(file),
      env: environment(),
      windowsHide: true,
      ...identity(account),
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 128, output }));
  });
}

export function identity(account: Account): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {};
}

/** Our environment without what would redirect PostgreSQL (PGDATA, PGPORT, ...) or translate its messages. */
export function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', ...extra };
}
