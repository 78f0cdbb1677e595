// concord parked: events that consumer groups have set aside, and what an operator does about them.
import { Command } from 'commander';
import { loadSql } from '@concord/database';
import type { ParkedEvent } from '@concord/subscriptions';
import { runInTenant } from '@concord/tenancy';
import { carriedOut, CODE, CODES, Failure, group } from '../outcome.js';
import { withOutput } from '../output.js';
import { printJson, printTable } from '../print.js';
import { where, type Where, whole } from '../query-options.js';
import { type Opened, withStore } from '../with-store.js';

interface ListOptions extends Where {
  readonly limit: number;
}

interface ActOptions extends Where {
  readonly tenant: string;
  readonly all?: true;
  readonly yes?: true;
}

interface GroupRow {
  readonly group_name: string;
  readonly parked: bigint;
  readonly asked: bigint;
  readonly oldest: Date | null;
}

type Act = (opened: Opened, group: string, ids: readonly string[]) => Promise<number>;

const listGroups = loadSql(import.meta.url, '../sql/list-groups.sql');
const PAGE = 1000;

export function parkedCommand(): Command {
  return group(
    new Command('parked').description('Events that consumer groups have parked: list, replay, discard.'),
    listCommand(),
    actCommand('replay', 'has them handled once more', async ({ groups }, name, ids) => groups.replay(name, ids)),
    actCommand('discard', 'removes them for good', async ({ groups }, name, ids) => groups.discard(name, ids)),
  );
}

function listCommand(): Command {
  return where(new Command('list'), 'of one tenant only')
    .description('Lists the groups, or the parked events of one.')
    .argument('[group]', 'its name')
    .option('--limit <n>', 'events of each tenant at most', whole(1, 1_000_000), 100)
    .option('--json', 'a line a group: {"group", "parked", "asked", "oldest"}, or an event: see below')
    .addHelpText(
      'after',
      `
With --json an event is {"group", "tenant", "id", "type", "stream", "streamPosition", "globalPosition", "attempts", "reason",
"parkedAt", "replayAskedAt"}.

  concord parked list
  concord parked list mails --tenant acme --json | jq -r .id
${CODES}`,
    )
    .action(carriedOut(list));
}

function actCommand(name: 'replay' | 'discard', does: string, act: Act): Command {
  const isForGood = name === 'discard';
  const command = where(new Command(name), 'whose events', true)
    .description(`Parked events of a group: ${does}.`)
    .argument('<group>', 'its name')
    .argument('[ids...]', 'of the events')
    .option('--all', 'every parked event of the tenant, instead of ids')
    .option('--json', `{"group", "tenant", "${done(name)}"}: how many`);
  if (isForGood) command.option('--yes', 'with --all: yes, all of them');
  const about = isForGood
    ? 'Their streams go on without them. The events themselves stay in the store.'
    : 'By a member of the group, as soon as one runs: "asked" in the list until then. What fails again is parked again.';
  return command
    .addHelpText(
      'after',
      `
${about} If not every id is parked, the exit code is 1, and the others are done.

  concord parked ${name} mails 0197a1b2-0000-7000-8000-000000000000 --tenant acme
  concord parked ${name} mails --all ${isForGood ? '--yes ' : ''}--tenant acme
${CODES}`,
    )
    .action(
      carriedOut((which: string, ids: string[], options: ActOptions) => carryOut(name, act, { which, ids, options })),
    );
}

function list(which: string | undefined, options: ListOptions): Promise<void> {
  return withStore(options, (opened) =>
    which === undefined ? showGroups(opened, options) : showOne(opened, which, options),
  );
}

async function showGroups({ database }: Opened, { tenant, json }: ListOptions): Promise<void> {
  const rows = await database.query<GroupRow>(listGroups, [tenant ?? null]);
  const groups = rows.map((row) => ({
    group: row.group_name,
    parked: Number(row.parked),
    asked: Number(row.asked),
    oldest: row.oldest?.toISOString() ?? null,
  }));
  if (json) return printLines(groups);
  printTable(
    'Groups',
    ['group', 'parked', 'asked to replay', 'oldest'],
    groups.map((one) => [one.group, one.parked, one.asked, one.oldest ?? '']),
  );
}

async function showOne(opened: Opened, which: string, { tenant, limit, json }: ListOptions): Promise<void> {
  const events: ParkedEvent[] = [];
  for (const each of await tenantsWithParked(opened, which)) {
    if (tenant !== undefined && each !== tenant) continue;
    events.push(...(await runInTenant(each, () => opened.groups.parked(which, { limit }))));
  }
  if (json) return printLines(events.map(documentOf));
  printTable(
    `Parked by ${which}`,
    ['tenant', 'id', 'type', 'stream', 'attempts', 'parked', 'asked', 'reason'],
    events.map((one) => [
      ...[one.tenantId, one.eventId, one.type, `${one.stream}@${one.streamPosition}`, one.attempts],
      ...[one.parkedAt.toISOString(), one.replayAskedAt ? 'yes' : 'no', one.reason.replace(/\s+/g, ' ')],
    ]),
  );
}

/** Errors: InvalidArgument of the group, turned into a Failure: it is well-formed and not there. */
async function tenantsWithParked({ groups }: Opened, which: string): Promise<string[]> {
  const state = await groups.describe(which).catch((error: unknown) => {
    throw new Failure(error instanceof Error ? error.message : String(error));
  });
  return state.parked.map(({ tenantId }) => tenantId).sort();
}

function documentOf(one: ParkedEvent): object {
  return {
    group: one.group,
    tenant: one.tenantId,
    id: one.eventId,
    type: one.type,
    stream: one.stream,
    streamPosition: one.streamPosition.toString(),
    globalPosition: one.globalPosition.toString(),
    attempts: one.attempts,
    reason: one.reason,
    parkedAt: one.parkedAt.toISOString(),
    replayAskedAt: one.replayAskedAt?.toISOString() ?? null,
  };
}

async function carryOut(
  name: 'replay' | 'discard',
  act: Act,
  { which, ids, options }: { readonly which: string; readonly ids: readonly string[]; readonly options: ActOptions },
): Promise<void> {
  const { tenant, all, yes, json } = options;
  if (ids.length > 0 === (all ?? false)) throw new Failure('give ids of events, or --all', CODE.usage);
  if (name === 'discard' && all && !yes) throw new Failure('--all discards for good: add --yes', CODE.usage);
  await withStore(options, async (opened) => {
    await tenantsWithParked(opened, which);
    const count = await runInTenant(tenant, () => (all ? actOnAll(opened, which, act) : act(opened, which, ids)));
    if (json) printJson({ group: which, tenant, [done(name)]: count });
    else
      process.stdout.write(
        `${count} ${count === 1 ? 'event' : 'events'} of ${which} ${name === 'replay' ? 'asked to be replayed' : 'discarded'}\n`,
      );
    const missing = ids.length - count;
    if (!all && missing > 0)
      throw new Failure(`${missing} of ${ids.length} are not parked by ${which} for tenant ${tenant}`);
  });
}

async function actOnAll(opened: Opened, which: string, act: Act): Promise<number> {
  let count = 0;
  for (let after = -1n; ;) {
    const page = await opened.groups.parked(which, { after, limit: PAGE });
    const last = page.at(-1);
    if (!last) return count;
    count += await act(
      opened,
      which,
      page.map(({ eventId }) => eventId),
    );
    after = last.globalPosition;
  }
}

function done(name: 'replay' | 'discard'): string {
  return name === 'replay' ? 'askedToReplay' : 'discarded';
}

function printLines(documents: readonly object[]): Promise<void> {
  return withOutput((output) => output.write(documents.map((one) => `${JSON.stringify(one)}\n`).join('')));
}
