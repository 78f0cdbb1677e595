// npm run replay -- --projection <name> [--tenant <id>]
// Rebuilds a read model from the streams and says whether it comes out as it was. The old rows are seen until the end.
import type { INestApplicationContext } from '@nestjs/common';
import { Command } from 'commander';
import { EventStore, type TenantHead } from '@concord/event-store';
import { Projections, type RebuildProgress } from '@concord/projections';
import { runInTenant } from '@concord/tenancy';
import { withBank } from './terminal/bank-process.js';
import { catchUp } from './terminal/catch-up.js';
import { EXIT, type ExitCode, runCommand, tenantOption, UsageError } from './terminal/command-line.js';
import { Progress } from './terminal/progress.js';

interface Options {
  readonly projection?: string;
  readonly tenant?: string;
}

const command = new Command('replay')
  .description('Rebuilds a read model from the streams, and compares it with what was there.')
  .option('--projection <name>', 'which one; without it, their names are listed')
  .option('--tenant <id>', 'whose rows; without it, those of all tenants', tenantOption);

await runCommand(command, (options: Options) =>
  withBank((app) => (options.projection === undefined ? list(app) : replay(app, options.projection, options.tenant))),
);

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
  for (const { tenantId, head } of heads) {
    const progress = new Progress(`replay of ${tenantId}`, 'events');
    const onProgress = (done: RebuildProgress): void =>
      progress.update(done.events, Math.min(Number(done.position) / Number(head), 1));
    try {
      events += await projections.rebuild(name, { tenantId, onProgress });
    } finally {
      progress.stop();
    }
  }
  return events;
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
