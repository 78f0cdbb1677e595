// concord verify: whether a store is in order. It reads everything and changes nothing.
import { Command } from 'commander';
import { type Database, loadSql } from '@concord/database';
import { FeedHorizon } from '@concord/event-store';
import { carriedOut, CODE, type Code, CODES, strict } from '../outcome.js';
import { printJson, printTable } from '../print.js';
import { where, type Where, whole } from '../query-options.js';
import { type Opened, tenantsOf, withStore } from '../with-store.js';

interface VerifyOptions extends Where {
  readonly limit: number;
  readonly heldFor: number;
}

/** Something that is not as it should be. */
interface Finding {
  readonly check: 'stream-gap' | 'feed-order' | 'lost-start' | 'ahead' | 'feed-held';
  readonly where: string;
  readonly problem: string;
}

interface GapRow {
  readonly tenant_id: string;
  readonly stream_name: string;
  readonly stream_position: bigint;
  readonly global_position: bigint;
  readonly before: bigint;
  readonly before_global: bigint;
}

interface StartRow {
  readonly tenant_id: string;
  readonly stream_name: string;
  readonly stream_position: bigint;
}

interface AheadRow {
  readonly what: string;
  readonly name: string;
  readonly position: bigint;
  readonly last: bigint;
}

const sql = {
  gaps: loadSql(import.meta.url, '../sql/find-gaps.sql'),
  starts: loadSql(import.meta.url, '../sql/find-lost-starts.sql'),
  ahead: loadSql(import.meta.url, '../sql/find-ahead.sql'),
  count: loadSql(import.meta.url, '../sql/count-events.sql'),
};

export function verifyCommand(): Command {
  return strict(where(new Command('verify'), 'of one tenant only'))
    .description('Checks that the store is in order; changes nothing.')
    .option('--limit <n>', 'findings of each kind at most', whole(1, 100_000), 100)
    .option(
      '--held-for <seconds>',
      'report the feed when committed events have been hidden for longer',
      whole(1, 86_400),
      60,
    )
    .option('--json', '{"events", "tenants", "findings": [{"check", "where", "problem"}]}')
    .addHelpText(
      'after',
      `
What is checked:
  stream-gap   the events of each stream in the table follow each other without a gap
  feed-order   the feed has them in the order of their stream
  lost-start   a stream begins at its first event, or there is an archive or metadata that say where the others went
  ahead        no event and no checkpoint is beyond the last position that was given: the feed would hide the one, and the
               reader of the other would miss what comes
  feed-held    no open transaction hides committed events from readers for long

It reads every event of the table, by index, and no archive. Payloads are not looked into.

  concord verify
  concord verify --tenant acme --json | jq '.findings[]'
${CODES} Here 1 also says that there are findings.`,
    )
    .action(carriedOut(verify));
}

function verify(options: VerifyOptions): Promise<Code> {
  return withStore(options, async (opened) => {
    if (options.tenant !== undefined) await tenantsOf(opened, options.tenant);
    const findings = await findingsOf(opened, options);
    const [count] = await opened.database.query<{ events: bigint; tenants: bigint }>(sql.count, [
      options.tenant ?? null,
    ]);
    const { events = 0n, tenants = 0n } = count ?? {};
    if (options.json) printJson({ events, tenants, findings });
    else print(`${events} events of ${tenants} tenants looked at`, findings);
    return findings.length > 0 ? CODE.failed : CODE.done;
  });
}

async function findingsOf({ database }: Opened, { tenant, limit, heldFor }: VerifyOptions): Promise<Finding[]> {
  const values = [tenant ?? null, limit];
  const gaps = await database.query<GapRow>(sql.gaps, values);
  const starts = await database.query<StartRow>(sql.starts, values);
  const ahead = await database.query<AheadRow>(sql.ahead, values);
  return [...gaps.map(ofGap), ...starts.map(ofStart), ...ahead.map(ofAhead), ...(await heldFeed(database, heldFor))];
}

function ofGap(row: GapRow): Finding {
  const place = `${row.tenant_id}/${row.stream_name}@${row.stream_position}`;
  if (row.before_global >= row.global_position) {
    const problem = `global position ${row.global_position} is not behind ${row.before_global}, that of the event before it`;
    return { check: 'feed-order', where: place, problem };
  }
  return { check: 'stream-gap', where: place, problem: `the event before it in its stream is at ${row.before}` };
}

function ofStart({ tenant_id: tenant, stream_name: stream, stream_position: first }: StartRow): Finding {
  const problem = `begins at ${first}, and neither metadata nor an archive say why`;
  return { check: 'lost-start', where: `${tenant}/${stream}`, problem };
}

function ofAhead({ what, name, position, last }: AheadRow): Finding {
  const problem = `${what} at ${position}, beyond ${last}, the last position given`;
  return { check: 'ahead', where: name, problem };
}

async function heldFeed(database: Database, heldFor: number): Promise<Finding[]> {
  const { milliseconds, holders, horizon } = await new FeedHorizon(database).diagnose();
  if (milliseconds <= heldFor * 1000) return [];
  const by = holders.map(({ pid, prepared, application }) => prepared ?? `${application ?? 'a session'} (pid ${pid})`);
  const seconds = Math.round(milliseconds / 1000);
  return [{ check: 'feed-held', where: `above ${horizon}`, problem: `hidden for ${seconds} s by ${by.join(', ')}` }];
}

function print(looked: string, findings: readonly Finding[]): void {
  printTable(
    'Findings',
    ['check', 'where', 'problem'],
    findings.map((finding) => [finding.check, finding.where, finding.problem]),
  );
  process.stdout.write(`${looked}\n`);
}
