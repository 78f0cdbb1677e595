// concord projections: how far read models and other subscriptions have come, by their checkpoints, or those of their slices. Which projections an app has,
// and what they are made of, only the app knows: a projection shows here once it has run.
import { Command } from 'commander';
import { loadSql } from '@concord/database';
import { carriedOut, CODE, type Code, CODES, Failure, group } from '../outcome.js';
import { withOutput } from '../output.js';
import { printTable } from '../print.js';
import { where, type Where, whole } from '../query-options.js';
import { withStore } from '../with-store.js';

interface LagOptions extends Where {
  readonly above?: number;
}

interface Row {
  readonly subscription: string;
  readonly tenant_id: string;
  readonly slices: number;
  readonly position: bigint;
  readonly waiting_streams: number;
  readonly parked: number;
  readonly updated_at: Date;
  readonly head: bigint | null;
  readonly behind_since: Date | null;
}

/** A checkpoint, and what its name says. */
interface Checkpoint {
  readonly name: string;
  /** Of a projection. */
  readonly version: number | null;
  readonly kind: 'async' | 'inline' | 'subscription';
  readonly tenant: string;
  /** Null: one process at a time works on a tenant. */
  readonly slices: number | null;
  readonly position: bigint;
  readonly head: bigint;
  readonly lagMs: number;
  /** Streams that wait for another attempt, or for an operator. */
  readonly waiting: number;
  readonly parked: number;
  readonly updatedAt: Date;
}

const listCheckpoints = loadSql(import.meta.url, '../sql/list-checkpoints.sql');
const MOST_SECONDS = 999_999_999;
const NAME = /^(inline:)?projection:(.+):(\d+)$/;

export function projectionsCommand(): Command {
  return group(
    new Command('projections').description('Shows how far projections have come.'),
    listCommand(),
    statusCommand(),
    lagCommand(),
  );
}

function listCommand(): Command {
  return where(new Command('list'), 'of one tenant only')
    .description('Lists projections and other subscriptions that have a checkpoint.')
    .option('--json', 'a line each: {"name", "version", "kind", "tenants", "behind", "lagMs"}')
    .addHelpText(
      'after',
      `
Kind: async (behind the commands), inline (within them, and never behind; its tenant is "*"), subscription (another consumer).
Behind: how many tenants have settled events that it has not seen. A version that no longer runs stays listed, where it stopped.

  concord projections list
${CODES}`,
    )
    .action(carriedOut(list));
}

function statusCommand(): Command {
  return where(new Command('status'), 'of one tenant only')
    .description('Shows one projection, tenant by tenant.')
    .argument('<name>', 'such as ledger.totals')
    .option(
      '--json',
      'a line a tenant: {"name", "version", "kind", "tenant", "slices", "position", "head", "lagMs", "waiting", "parked", "updatedAt"}',
    )
    .addHelpText(
      'after',
      `
Position and head are global positions: what was seen, and the tenant's last settled event. In slices the position is up to where
all of them are done; waiting are streams of which an event has failed. Those that are parked are listed, replayed and discarded
by "concord parked", under the group "projection:<name>:<version>".

  concord projections status ledger.totals --tenant acme
${CODES}`,
    )
    .action(carriedOut(status));
}

function lagCommand(): Command {
  return where(new Command('lag'), 'of one tenant only')
    .description('Shows what is behind and for how long, the worst first.')
    .argument('[name]', 'one projection only')
    .option('--above <seconds>', 'only more than so much, and then exit with 1: for alarms', whole(0, MOST_SECONDS))
    .option('--json', 'as "status --json"')
    .addHelpText(
      'after',
      `
The lag is the age of the oldest event that was not seen yet.

  concord projections lag --above 60 || page-somebody
${CODES} With --above, 1 says that something is behind by more.`,
    )
    .action(carriedOut(lag));
}

async function list(options: Where): Promise<void> {
  const groups = Map.groupBy(await checkpoints(options), ({ kind, name, version }) => `${kind} ${name} ${version}`);
  const rows = [...groups.values()].flatMap((each) => {
    const [first] = each;
    if (!first) return [];
    const { name, version, kind } = first;
    const behind = each.filter((one) => one.head > one.position).length;
    return { name, version, kind, tenants: each.length, behind, lagMs: Math.max(...each.map(({ lagMs }) => lagMs)) };
  });
  if (options.json) return printLines(rows);
  printTable(
    'Projections',
    ['name', 'version', 'kind', 'tenants', 'behind', 'lag'],
    rows.map((row) => [row.name, row.version ?? '', row.kind, row.tenants, row.behind, secondsOf(row.lagMs)]),
  );
}

async function status(name: string, options: Where): Promise<void> {
  await show(name, await named(name, options), options);
}

async function lag(name: string | undefined, options: LagOptions): Promise<Code> {
  const all = name === undefined ? await checkpoints(options) : await named(name, options);
  const least = (options.above ?? 0) * 1000;
  const behind = all.filter((one) => one.head > one.position && one.lagMs > least).sort((a, b) => b.lagMs - a.lagMs);
  await show('Behind', behind, options);
  return options.above !== undefined && behind.length > 0 ? CODE.failed : CODE.done;
}

/** Errors: Failure, when there is none. */
async function named(name: string, options: Where): Promise<Checkpoint[]> {
  const found = (await checkpoints(options)).filter((one) => one.name === name);
  if (found.length > 0) return found;
  const whose = options.tenant === undefined ? '' : ` of tenant "${options.tenant}"`;
  throw new Failure(`no projection "${name}" has run${whose}: "concord projections list" shows those that have`);
}

function checkpoints(options: Where): Promise<Checkpoint[]> {
  return withStore(options, async ({ database, stored }) => {
    // The horizon first: heads are asked for up to there.
    const values = [await stored.horizon(), options.tenant ?? null];
    const rows = await database.query<Row>(listCheckpoints, values);
    const now = Date.now();
    return rows.map((row) => toCheckpoint(row, now));
  });
}

function toCheckpoint(row: Row, now: number): Checkpoint {
  const [, inline, name = row.subscription, version] = NAME.exec(row.subscription) ?? [];
  return {
    name,
    version: version === undefined ? null : Number(version),
    kind: version === undefined ? 'subscription' : inline ? 'inline' : 'async',
    tenant: row.tenant_id,
    slices: row.slices === 0 ? null : row.slices,
    position: row.position,
    head: row.head ?? row.position,
    lagMs: row.behind_since ? Math.max(0, now - row.behind_since.getTime()) : 0,
    waiting: row.waiting_streams,
    parked: row.parked,
    updatedAt: row.updated_at,
  };
}

async function show(title: string, all: readonly Checkpoint[], { json }: Where): Promise<void> {
  if (json) return printLines(all);
  printTable(
    title,
    ['name', 'version', 'kind', 'tenant', 'slices', 'position', 'head', 'lag', 'waiting', 'parked', 'moved'],
    all.map((one) => [
      ...[one.name, one.version ?? '', one.kind, one.tenant, one.slices ?? '', one.position, one.head],
      ...[secondsOf(one.lagMs), one.waiting, one.parked, one.updatedAt.toISOString()],
    ]),
  );
}

function secondsOf(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function printLines(documents: readonly object[]): Promise<void> {
  const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value);
  return withOutput((output) => output.write(documents.map((one) => `${JSON.stringify(one, text)}\n`).join('')));
}
