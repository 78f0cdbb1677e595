// npm run replay -- --projection <name> [--tenant <id>] [--dry-run [--json]]
// Rebuilds a read model from the streams and says whether it comes out as it was. The old rows are seen until the end. With
// --dry-run it changes no row, and says what a rebuild would change.
import type { INestApplicationContext } from '@nestjs/common';
import { Command } from 'commander';
import { EventStore, type TenantHead } from '@concord/event-store';
import { Projections, type RebuildProgress } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { comparisonLine, comparisonText } from './replay/comparison-text.js';
import { lookingAtBank, withBank } from './terminal/bank-process.js';
import { catchUp } from './terminal/catch-up.js';
import { EXIT, type ExitCode, numberOption, runCommand, tenantOption, UsageError } from './terminal/command-line.js';
import { Progress } from './terminal/progress.js';

interface Options {
  readonly projection?: string;
  readonly tenant?: string;
  readonly dryRun?: true;
  readonly json?: true;
  readonly show?: number;
}

const MOST_SHOWN = 10_000;

const command = new Command('replay')
  .description('Rebuilds a read model from the streams, and compares it with what was there.')
  .option('--projection <name>', 'which one; without it, their names are listed')
  .option('--tenant <id>', 'whose rows; without it, those of all tenants', tenantOption)
  .option('--dry-run', 'change nothing: say what would change, by the projectors of this code; 1 when anything would')
  .option(
    '--show <rows>',
    'with --dry-run: rows of each table that are shown; 20 unless told otherwise',
    numberOption(0, MOST_SHOWN),
  )
  .option('--json', 'with --dry-run: a line of JSON for each tenant');

await runCommand(command, async (options: Options) => {
  const { projection, tenant, dryRun } = options;
  if (!dryRun && (options.json || options.show !== undefined))
    throw new UsageError('--json and --show go with --dry-run');
  if (dryRun && projection === undefined) throw new UsageError('--dry-run of what? say --projection <name>');
  if (projection === undefined) return withBank(list);
  return dryRun
    ? lookingAtBank((app) => tryOut(app, projection, options))
    : withBank((app) => replay(app, projection, tenant));
});

async function tryOut(app: INestApplicationContext, name: string, { tenant, json, show }: Options): Promise<ExitCode> {
  const projections = app.get(Projections, { strict: false });
  checkName(projections, name);
  let equal = true;
  for (const { tenantId, head } of await headsOf(app, tenant)) {
    const compared = await withProgress({ tenantId, head }, (onProgress) =>
      projections.compare(name, { tenantId, onProgress, ...(show !== undefined && { show }) }),
    );
    for (const one of compared) {
      console.log(json ? comparisonLine(one) : comparisonText(one));
      equal &&= one.equal;
    }
  }
  return equal ? EXIT.done : EXIT.failed;
}

function list(app: INestApplicationContext): Promise<ExitCode> {
  const { all } = app.get(Projections, { strict: false });
  console.log('Projections, for --projection:');
  for (const { name, version, consistency } of all) console.log(`  ${name}  (version ${version}, ${consistency})`);
  return Promise.resolve(EXIT.done);
}

async function replay(app: INestApplicationContext, name: string, tenant: string | undefined): Promise<ExitCode> {
  const projections = app.get(Projections, { strict: false });
  checkName(projections, name);
  const heads = await headsOf(app, tenant);
  // What an asynchronous projection has not seen yet would look like a difference.
  for (const { tenantId, head } of heads) await runInTenant(tenantId, () => catchUp(app, { from: 0n, to: head }));

  const before = await projections.digest(name, tenant);
  const events = await rebuild(projections, name, heads);
  const after = await projections.digest(name, tenant);

  console.log(`${name}: ${events} events replayed`);
  console.log(`before  ${before}\nafter   ${after}`);
  if (before === after) console.log('equal');
  else if (await hasMoved(app, heads)) console.log('different: events were appended meanwhile, so run it again');
  else console.log('different: the rows were not what the streams say; they are now');
  return before === after ? EXIT.done : EXIT.failed;
}

async function rebuild(projections: Projections, name: string, heads: readonly TenantHead[]): Promise<number> {
  let events = 0;
  for (const head of heads) {
    const { tenantId } = head;
    events += await withProgress(head, (onProgress) => projections.rebuild(name, { tenantId, onProgress }));
  }
  return events;
}

async function withProgress<T>(
  { tenantId, head }: TenantHead,
  work: (onProgress: (done: RebuildProgress) => void) => Promise<T>,
): Promise<T> {
  const progress = new Progress(`replay of ${tenantId}`, 'events');
  try {
    return await work((done) => progress.update(done.events, Math.min(Number(done.position) / Number(head), 1)));
  } finally {
    progress.stop();
  }
}

async function headsOf(app: INestApplicationContext, tenant: string | undefined): Promise<TenantHead[]> {
  const heads = await app.get(EventStore, { strict: false }).tenantHeads();
  if (tenant === undefined) return heads;
  const head = heads.find(({ tenantId }) => tenantId === tenant);
  if (head) return [head];
  const known = heads.map(({ tenantId }) => tenantId).join(', ');
  throw new UsageError(`tenant ${tenant} has no events: there are events of ${known || 'no tenant'}`);
}

async function hasMoved(app: INestApplicationContext, heads: readonly TenantHead[]): Promise<boolean> {
  const now = await app.get(EventStore, { strict: false }).tenantHeads();
  return heads.some(({ tenantId, head }) => now.find((each) => each.tenantId === tenantId)?.head !== head);
}

function checkName(projections: Projections, name: string): void {
  if (projections.all.some((projection) => projection.name === name)) return;
  throw new UsageError(`no projection "${name}": there are ${projections.all.map((each) => each.name).join(', ')}`);
}
