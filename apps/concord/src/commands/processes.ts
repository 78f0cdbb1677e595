// concord processes: instances of process managers, and an operator's word on those that are set aside.
import { userInfo } from 'node:os';
import { Command } from 'commander';
import { type ProcessDetails, Processes } from '@concord/coordination';
import { loadSql } from '@concord/database';
import { runInTenant } from '@concord/tenancy';
import { carriedOut, CODES, Failure, group } from '../outcome.js';
import { withOutput } from '../output.js';
import { ageOf, printJson, printTable } from '../print.js';
import { where, type Where, whole } from '../query-options.js';
import { type Opened, withStore } from '../with-store.js';

interface CountRow {
  readonly process: string;
  readonly running: number;
  readonly timer: number;
  readonly retrying: number;
  readonly compensating: number;
  readonly quarantined: number;
  readonly expected: number;
  readonly ended: number;
  readonly oldest: Date | null;
  readonly oldest_ms: number | null;
}

interface QuarantinedRow {
  readonly process: string;
  readonly tenant_id: string;
  readonly instance_id: string;
  readonly attempts: number;
  readonly reason: string | null;
  readonly changed_at: Date;
}

interface ActOptions extends Where {
  readonly by: string;
  readonly reason: string;
}

interface Found {
  readonly processes: Processes;
  readonly tenant: string;
}

const sql = {
  list: loadSql(import.meta.url, '../sql/list-processes.sql'),
  quarantined: loadSql(import.meta.url, '../sql/quarantined-processes.sql'),
  tenants: loadSql(import.meta.url, '../sql/tenants-of-process.sql'),
};

const ABOUT = `
running: something is to be done, or an event is waited for. timer: a timer is waited for. retrying: the next attempt is. compensating:
what was done is undone. quarantined: nothing happens until somebody releases it. expected: something came before what starts it.

With --json a line a process manager: {"process", "running", "timer", "retrying", "compensating", "quarantined", "expected", "ended",
"oldest"}: since when the oldest of those that have not ended is there.

  concord processes
  concord processes quarantined loanPayout
  concord processes show loanPayout l-4711 --tenant acme
  concord processes release loanPayout l-4711 --tenant acme --reason "the account is open again"
${CODES}`;

export function processesCommand(): Command {
  const list = where(new Command('processes'), 'of one tenant only')
    .description('Counts the instances of process managers; shows one; has those that are set aside go on.')
    .option('--json', 'a line a process manager: see below')
    .addHelpText('after', ABOUT)
    .action(carriedOut(showCounts));
  return group(list, quarantinedCommand(), showCommand(), actCommand('release'), actCommand('fail'));
}

function quarantinedCommand(): Command {
  return where(new Command('quarantined'), 'of one tenant only')
    .description('Lists instances that are set aside, with the reasons.')
    .argument('[manager]', 'the name of a process manager')
    .option('--limit <n>', 'instances at most', whole(1, 1_000_000), 100)
    .option('--json', 'a line an instance: {"process", "tenant", "instance", "attempts", "reason", "since"}')
    .addHelpText('after', CODES)
    .action(carriedOut(showQuarantined));
}

function showCommand(): Command {
  return where(new Command('show'), 'whose instance; may be left out where one tenant only has it')
    .description('Shows an instance: its state, what it owes, its timers, its last error and its history.')
    .argument('<manager>', 'the name of the process manager')
    .argument('<id>', 'of the instance')
    .option(
      '--json',
      '{"process", "tenant", "instance", "status", .., "state", "owed", "undoable", "timers", "history": [..]}',
    )
    .addHelpText('after', CODES)
    .action(carriedOut(show));
}

const DOES = {
  release: ['Has a quarantined instance go on where it failed.', 'why it may go on; it is kept in its history'],
  fail: ['Gives a quarantined instance up: what it did is undone.', 'why it fails; it is kept, and its code hears it'],
} as const;

function actCommand(name: keyof typeof DOES): Command {
  const [does, reason] = DOES[name];
  return where(new Command(name), 'whose instance; may be left out where one tenant only has it')
    .description(does)
    .argument('<manager>', 'the name of the process manager')
    .argument('<id>', 'of the instance')
    .requiredOption('--reason <text>', reason)
    .option('--by <name>', 'who says so; it is kept', userInfo().username)
    .option('--json', '{"process", "tenant", "instance", "status"}: as it is now')
    .addHelpText(
      'after',
      `
An app that runs the process manager goes on with it within a second. Refused (exit code 3, nothing was changed): an instance that
is not quarantined${name === 'fail' ? ', or that is being undone already: release it' : ''}.
${CODES}`,
    )
    .action(carriedOut((process: string, id: string, options: ActOptions) => act(name, { process, id, options })));
}

function showCounts({ json, ...options }: Where): Promise<void> {
  return withStore(options, async ({ database }) => {
    const rows = await database.query<CountRow>(sql.list, [options.tenant ?? null]);
    if (json) return printLines(rows.map(({ oldest_ms: _, ...row }) => row));
    printTable(
      'Process managers',
      [
        'process',
        'running',
        'timer',
        'retrying',
        'compensating',
        'quarantined',
        'expected',
        'ended',
        'oldest not ended',
      ],
      rows.map((row) => [
        ...[row.process, row.running, row.timer, row.retrying, row.compensating, row.quarantined],
        ...[row.expected, row.ended, row.oldest_ms === null ? '' : ageOf(row.oldest_ms)],
      ]),
    );
  });
}

function showQuarantined(which: string | undefined, options: Where & { readonly limit: number }): Promise<void> {
  const { tenant = null, limit, json } = options;
  return withStore(options, async ({ database }) => {
    const rows = await database.query<QuarantinedRow>(sql.quarantined, [which ?? null, tenant, limit]);
    const found = rows.map(({ process, attempts, reason, ...row }) => ({
      process,
      tenant: row.tenant_id,
      instance: row.instance_id,
      attempts,
      reason,
      since: row.changed_at.toISOString(),
    }));
    if (json) return printLines(found);
    printTable(
      'Quarantined',
      ['process', 'tenant', 'instance', 'attempts', 'since', 'reason'],
      found.map((one) => [one.process, one.tenant, one.instance, one.attempts, one.since, inOneLine(one.reason ?? '')]),
    );
  });
}

function show(process: string, id: string, { json, ...options }: Where): Promise<void> {
  return withStore(options, async (opened) => {
    const { processes, tenant } = await foundIn(opened, { process, id, tenant: options.tenant });
    const details = await runInTenant(tenant, () => processes.find(process, id));
    if (!details) throw new Failure(`${process} ${id} is gone`);
    if (json) printJson(documentOf(tenant, details));
    else print(tenant, details);
  });
}

function documentOf(tenant: string, { instanceId: instance, history, ...details }: ProcessDetails): object {
  return {
    ...details,
    tenant,
    instance,
    history: history.map(({ streamPosition, type, id, metadata, data }) => ({
      streamPosition,
      type,
      id,
      recordedAt: metadata.recordedAt,
      data,
    })),
  };
}

function print(tenant: string, details: ProcessDetails): void {
  const { process, instanceId, status, version, attempts, reason, createdAt, dueAt } = details;
  const lines = [
    `${process} ${instanceId} of ${tenant}: ${status}, version ${version ?? 'none yet'}, since ${createdAt.toISOString()}`,
    `Looked at next: ${dueAt?.toISOString() ?? 'when something comes'}`,
    `Last error: ${reason === null ? 'none' : `${inOneLine(reason)} (failed attempts in a row: ${attempts})`}`,
    `State: ${details.state === undefined ? 'none yet' : JSON.stringify(details.state)}`,
    `Owed: ${details.owed.join(', ') || 'nothing'}`,
    `To be undone, should it fail: ${details.undoable.join(', ') || 'nothing'}`,
    ...(details.timers.length === 0 ? ['Timers: none'] : []),
  ];
  globalThis.process.stdout.write(`${lines.join('\n')}\n`);
  if (details.timers.length > 0) {
    printTable(
      'Timers',
      ['timer', 'due'],
      details.timers.map((one) => [one.name, one.dueAt.toISOString()]),
    );
  }
  printTable(
    'History',
    ['position', 'recorded', 'event', 'data'],
    details.history.map(({ streamPosition, metadata, type, data }) => {
      return [streamPosition, metadata.recordedAt.toISOString(), type, JSON.stringify(data)];
    }),
  );
}

async function act(
  name: keyof typeof DOES,
  { process, id, options }: { readonly process: string; readonly id: string; readonly options: ActOptions },
): Promise<void> {
  const { by, reason, json } = options;
  await withStore(options, async (opened) => {
    const { processes, tenant } = await foundIn(opened, { process, id, tenant: options.tenant });
    const now = await runInTenant(tenant, async () => {
      if (name === 'release') await processes.release(process, id, { by, reason });
      else await processes.fail(process, id, reason, by);
      return processes.find(process, id);
    });
    const status = now?.status ?? 'running';
    if (json) printJson({ process, tenant, instance: id, status });
    else globalThis.process.stdout.write(`${process} ${id} of ${tenant} goes on: it is ${status}\n`);
  });
}

/** Errors: Failure, when it is nobody's, or that of several and none was named. */
async function foundIn(
  { store, database }: Opened,
  { process, id, tenant }: { readonly process: string; readonly id: string; readonly tenant: string | undefined },
): Promise<Found> {
  const rows = await database.query<{ tenant: string }>(sql.tenants, [process, id, tenant ?? null]);
  const [first, second] = rows.map((row) => row.tenant);
  if (first === undefined) {
    throw new Failure(
      `no instance "${id}" of "${process}": "concord processes" shows which process managers there are`,
    );
  }
  if (second !== undefined) throw new Failure(`several tenants have ${process} ${id}: add --tenant`);
  return { processes: new Processes(store, database), tenant: first };
}

const inOneLine = (text: string): string => text.replace(/\s+/g, ' ');

function printLines(documents: readonly object[]): Promise<void> {
  return withOutput((output) => output.write(documents.map((one) => `${JSON.stringify(one)}\n`).join('')));
}
