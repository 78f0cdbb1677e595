// What it costs to wake readers, in CPU time an append (of the writer and of PostgreSQL together), and how long an event
// takes from before its append to a handler in another process.
// node --import ./test/load-typescript.js test/measure/waking.ts [--rounds 5] [--appends 10000]
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { ended, startProcess } from '../fixtures/process-under-test.js';
import { EmbeddedServer } from '../torture/embedded-server.js';

const { values } = parseArgs({ options: { rounds: { type: 'string' }, appends: { type: 'string' } } });
const ROUNDS = Number(values.rounds ?? 5);
const APPENDS = Number(values.appends ?? 10_000);
const IN_FLIGHT = 32;
const CLOCK_TICK_MS = 10;

/** Says nothing to anybody: what there was before. */
class SilentStore extends PostgresEventStore {
  protected override announceAppend(): void {
    // Nothing.
  }
}

interface Told {
  readonly latencies: number[];
  readonly hints: number;
  readonly cpuMs: number;
}

const server = await EmbeddedServer.start();
const opened = await openDatabase({ url: server.url, poolSize: 8 });
const silent = new SilentStore(opened.database);
const store = new PostgresEventStore(opened.database);

function serverCpuMs(): number {
  return server.processes.reduce((sum, pid) => sum + ticksOf(pid) * CLOCK_TICK_MS, 0);
}

/** User and system time; a process that has just ended has used none. */
function ticksOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}

const append = (through: PostgresEventStore, more: object = {}): Promise<unknown> =>
  runInTenant('measured', () =>
    through.append({
      stream: `s-${newId()}`,
      expected: 'no-stream',
      events: [{ id: newId(), type: 'X', data: { text: 'x'.repeat(250), ...more } }],
    }),
  );

/** Microseconds of CPU an append. */
async function cost(through: PostgresEventStore): Promise<number> {
  const [own, its] = [process.cpuUsage(), serverCpuMs()];
  let left = APPENDS;
  const lane = async (): Promise<void> => {
    while ((left -= 1) >= 0) await append(through);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  const { user, system } = process.cpuUsage(own);
  return (user + system + (serverCpuMs() - its) * 1000) / APPENDS;
}

/** Microseconds of CPU a hint, with nothing else to do. */
async function hintCost(hints: number): Promise<number> {
  const [own, its] = [process.cpuUsage(), serverCpuMs()];
  for (let sent = 0; sent < hints; sent += 1) {
    opened.database.notifications.notify('concord_appended');
    await sleep(4);
  }
  const { user, system } = process.cpuUsage(own);
  return (user + system + (serverCpuMs() - its) * 1000) / hints;
}

async function follower(what: 'consume' | 'listen'): Promise<() => Promise<Told>> {
  const { process: child } = await startProcess('../measure/following-process.ts', server.url, what);
  return async () => {
    const told = once(child, 'message') as Promise<[Told]>;
    child.send('stop');
    const [answer] = await told;
    await ended(child);
    return answer;
  };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;
const say = (line: string): boolean => process.stdout.write(`${line}\n`);

await cost(silent);
await cost(store);
const kinds = ['silent', 'alone', 'heard'] as const;
const costs = { silent: [] as number[], alone: [] as number[], heard: [] as number[] };
for (let round = 0; round < ROUNDS; round += 1) {
  // In turn, so that no kind always comes first.
  for (const kind of kinds.map((_, n) => kinds[(n + round) % kinds.length] ?? 'silent')) {
    const stop = kind === 'heard' ? await follower('listen') : undefined;
    costs[kind].push(await cost(kind === 'silent' ? silent : store));
    const told = await stop?.();
    if (told) say(`round ${round + 1}: the other process heard ${told.hints} hints of ${APPENDS} appends`);
  }
}
const ratio = (of: number[]): string => (median(of) / median(costs.silent)).toFixed(3);
say(`CPU an append, ${IN_FLIGHT} in flight: silent ${median(costs.silent).toFixed(1)} us`);
say(`  telling, nobody listens elsewhere: ${ratio(costs.alone)} of it`);
say(`  telling, another process listens:  ${ratio(costs.heard)} of it`);
const unheard = await hintCost(1_000);
const stopListening = await follower('listen');
say(`CPU a hint: ${unheard.toFixed(0)} us unheard, ${(await hintCost(1_000)).toFixed(0)} us heard by another process`);
await stopListening();

const stop = await follower('consume');
await sleep(1_000);
const began = performance.now();
const pending: Promise<unknown>[] = [];
for (let sent = 0; sent < 5_000;) {
  for (; sent < performance.now() - began && sent < 5_000; sent += 1)
    pending.push(append(store, { at: process.hrtime.bigint().toString() }));
  await sleep(1);
}
await Promise.all(pending);
await sleep(1_000);
const { latencies } = await stop();
const sorted = latencies.toSorted((a, b) => a - b);
const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1);
say(`append to handler at 1,000 appends/s, ${sorted.length} events: median ${at(0.5)} ms, p99 ${at(0.99)} ms`);
await opened.close();
await server.remove();
