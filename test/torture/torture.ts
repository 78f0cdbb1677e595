// The torture test: writers and readers in processes of their own, kill -9 of writers and of PostgreSQL, and a judge.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '@concord/database';
import type { ChildProcess } from 'node:child_process';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import { BREAKAGES } from './breakages.js';
import { EmbeddedServer } from './embedded-server.js';
import { judge, type Row, type Verdict } from './judge.js';
import { Dice, type Reading, readNotes, TENANT, type WriterNote } from './model.js';

export interface TortureOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly writers: number;
  readonly readers: number;
  /** A name of BREAKAGES. */
  readonly breakage?: string | undefined;
  readonly onProgress?: (line: string) => void;
}

const BLOWS = ['writer', 'everything', 'backend', 'writer', 'server', 'writer', 'writer'] as const;
/** However slow the machine is. */
const LEAST_BLOWS = 3;
const LONGEST_PEACE_MS = 3_500;
const PATIENCE_MS = 60_000;

/** Errors: what keeps it from running. What the store did wrong is in the verdict. */
export async function torture(options: TortureOptions): Promise<Verdict> {
  const server = await EmbeddedServer.start();
  const run = new Run(server, options);
  try {
    const { database, close } = await openDatabase({ url: server.url });
    if (options.breakage) await database.query({ text: breakageOf(options.breakage) });
    await close();
    return await run.all();
  } finally {
    await run.clear();
    await server.remove();
  }
}

class Run {
  private readonly dice: Dice;
  private readonly folder = mkdtempSync(join(tmpdir(), 'concord-torture-'));
  private readonly files = { writer: [] as string[], reader: [] as string[] };
  private readonly children: ChildProcess[] = [];
  private readonly complaints = new Map<ChildProcess, () => string>();
  private readonly blows: Record<string, number> = {};

  constructor(
    private readonly server: EmbeddedServer,
    private readonly options: TortureOptions,
  ) {
    this.dice = new Dice(options.seed);
  }

  async all(): Promise<Verdict> {
    const { writers, readers, seconds, onProgress } = this.options;
    const reading = await Promise.all(Array.from({ length: readers }, () => this.start('reader')));
    const writing = await Promise.all(Array.from({ length: writers }, () => this.start('writer')));
    const deadline = Date.now() + seconds * 1000;
    for (let blow = 0; Date.now() < deadline || blow < LEAST_BLOWS; blow += 1) {
      await sleep(200 + this.dice.below(Math.min(LONGEST_PEACE_MS, (seconds * 1000) / LEAST_BLOWS)));
      await this.strike(BLOWS[blow % BLOWS.length] ?? 'writer', writing);
      onProgress?.(await this.progress(deadline));
    }
    // Some peace before the end: what was left in doubt is repeated.
    await sleep(500);
    await this.finish(writing, 'stop');
    const rows = await this.rows();
    await this.finish(reading, { end: (rows.at(-1)?.position ?? 0n).toString() });
    return this.verdict(rows);
  }

  async clear(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await Promise.all(this.children.map(ended));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async start(role: 'writer' | 'reader'): Promise<ChildProcess> {
    const file = join(this.folder, `${role}-${this.files[role].length}`);
    this.files[role].push(file);
    const seed = this.dice.below(2 ** 31).toString();
    const { process: child, complaint } = await startProcess(`../torture/${role}.ts`, this.server.url, file, seed);
    this.children.push(child);
    this.complaints.set(child, complaint);
    return child;
  }

  private async strike(blow: (typeof BLOWS)[number], writing: ChildProcess[]): Promise<void> {
    this.blows[`kills: ${blow}`] = (this.blows[`kills: ${blow}`] ?? 0) + 1;
    if (blow === 'backend') return this.server.killBackend((pids) => this.dice.of(pids));
    if (blow !== 'writer') return this.server.kill(blow === 'everything');
    const index = this.dice.below(writing.length);
    const victim = writing[index];
    victim?.kill('SIGKILL');
    if (victim) await ended(victim);
    writing[index] = await this.start('writer');
  }

  /** Tells processes to end, and waits until they have. */
  private async finish(children: readonly ChildProcess[], message: string | object): Promise<void> {
    for (const child of children) child.send(message);
    const late = sleep(PATIENCE_MS, 'late', { ref: false });
    for (const child of children) {
      if ((await Promise.race([ended(child), late])) === 'late') throw new Error('a process does not come to its end');
      if (child.exitCode === 0) continue;
      throw new Error(`a process ended with ${child.exitCode ?? child.signalCode}: ${this.complaints.get(child)?.()}`);
    }
  }

  private async rows(): Promise<Row[]> {
    const { rows } = await this.server.query<Record<string, string>>(
      `select global_position as position, event_id as id, stream_name as stream, stream_position, event_type as type,
              data ->> 'seen' as seen
       from concord.events where tenant_id = '${TENANT}' order by global_position`,
    );
    return rows.map(({ position, id, stream, stream_position: at, type, seen }) => ({
      position: BigInt(position ?? 0),
      id: id ?? '',
      stream: stream ?? '',
      streamPosition: BigInt(at ?? 0),
      type: type ?? '',
      seen: seen === null || seen === undefined ? null : Number(seen),
    }));
  }

  private verdict(rows: readonly Row[]): Verdict {
    const notes = this.files.writer.flatMap((file) => readNotes<WriterNote>(file));
    const readings = this.files.reader.flatMap((file) => readNotes<Reading>(file));
    const { violations, counts } = judge(rows, notes, readings);
    return { violations, counts: { ...counts, ...this.blows } };
  }

  private async progress(deadline: number): Promise<string> {
    const left = Math.max(0, Math.round((deadline - Date.now()) / 1000));
    const { rows } = await this.server.query<{ last: string }>('select concord.last_position() as last');
    const blows = Object.values(this.blows).reduce((sum, count) => sum + count, 0);
    return `${left} s left, position ${rows[0]?.last ?? '?'}, ${blows} kills`;
  }
}

function breakageOf(name: string): string {
  const text = BREAKAGES[name];
  if (text) return text;
  throw new Error(`there is no breakage "${name}": take one of ${Object.keys(BREAKAGES).join(', ')}`);
}
