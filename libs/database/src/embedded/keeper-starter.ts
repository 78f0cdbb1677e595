// Starts a data folder's keeper: a process that belongs to no terminal, so that it outlives who started it.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBinaries } from './binaries.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { keeperLogPath } from './keeper-files.js';
import { isAlive } from './processes.js';

const LOG_LIMIT_BYTES = 1_000_000;
const TURN_LIMIT_MS = 3_000;

/** One user's attempts to get a keeper started. */
export class KeeperStarter {
  private keeper: ChildProcess | undefined;

  constructor(private readonly folder: string) {}

  /** Does nothing while the one it started may still come up, or while another user is starting one. */
  async startIfNeeded(): Promise<void> {
    const code = this.keeper?.exitCode;
    if (code) throw keeperFailed(this.folder, `ended with code ${code}`);
    const running = this.keeper !== undefined && code === null;
    // It ends with 0 when it finds another keeper, which may be about to leave: hence again.
    if (!running && takeTurn(this.folder)) this.keeper = await startKeeper(this.folder);
  }

  /** Whether a keeper that it started has left again. */
  get ended(): boolean {
    return this.keeper !== undefined && this.keeper.exitCode !== null;
  }

  yieldTurn(): void {
    if (this.keeper) rmSync(turnPath(this.folder), { force: true });
  }
}

const turnPath = (folder: string): string => join(folder, 'keeper.starting');

// Only spares machines twenty keepers at once; the keeper's lock is what excludes. Hence staleness may be guessed.
function takeTurn(folder: string): boolean {
  try {
    writeFileSync(turnPath(folder), String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const age = Date.now() - (statSync(turnPath(folder), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > TURN_LIMIT_MS || !isAlive(starterOf(folder))) rmSync(turnPath(folder), { force: true });
    return false;
  }
}

function starterOf(folder: string): number {
  try {
    return Number(readFileSync(turnPath(folder), 'utf8')) || process.pid;
  } catch {
    return process.pid;
  }
}

// From source, Node strips the types, but does not find the .ts behind our .js imports.
const FIND_SOURCE = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from 'node:module';
   const source = (name) => name.startsWith('.') ? name.replace(/\\.js$/, '.ts') : name;
   registerHooks({ resolve: (name, context, next) => next(source(name), context) });`,
)}`;

async function startKeeper(folder: string): Promise<ChildProcess> {
  const extension = extname(import.meta.url);
  const program = fileURLToPath(new URL(`./keeper${extension}`, import.meta.url));
  const request = JSON.stringify({ dataFolder: folder, binaries: await findBinaries() });
  const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  const grown = (statSync(keeperLogPath(folder), { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES;
  const log = openSync(keeperLogPath(folder), grown ? 'w' : 'a', 0o600);
  const keeper = spawn(
    process.execPath,
    [...(extension === '.ts' ? ['--import', FIND_SOURCE] : []), program, request],
    {
      cwd: parse(folder).root,
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
      env,
    },
  );
  closeSync(log);
  keeper.on('error', () => undefined);
  keeper.unref();
  return keeper;
}

export function keeperFailed(folder: string, what: string): EmbeddedPostgresError {
  let log = '';
  try {
    log = readFileSync(keeperLogPath(folder), 'utf8').trim().slice(-1_000);
  } catch {
    // There is none yet.
  }
  return new EmbeddedPostgresError(
    `The keeper of the PostgreSQL in ${folder} ${what}. Its log is ${keeperLogPath(folder)}:\n${log}\n` +
      'Set CONCORD_DATA to another folder, or DATABASE_URL to a server of your own.',
  );
}
