// concord streams: which streams there are, what is in one, and an event more.
import { Command, Option } from 'commander';
import { loadSql } from '@concord/database';
import { type RecordedEvent, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { EVENT_FIELDS, lineOfRecorded } from '../event-line.js';
import { carriedOut, CODES, Failure, group, tell } from '../outcome.js';
import { type Output, withOutput } from '../output.js';
import { printTable } from '../print.js';
import { checkedCategory, position, reading, where, type Where, whole } from '../query-options.js';
import { type Opened, tenantOfStream, tenantsOf, withStore } from '../with-store.js';
import { appendCommand } from './streams-append.js';

interface ListOptions extends Where {
  readonly category?: string;
  readonly prefix?: string;
  readonly after?: string;
  readonly limit: number;
}

interface ReadOptions extends Where {
  readonly from?: bigint;
  readonly limit: number;
  readonly backwards?: true;
}

interface StreamRow {
  readonly tenant: string;
  readonly stream: string;
  readonly stream_position: bigint;
  readonly global_position: bigint;
  readonly event_type: string;
  readonly recorded_at: Date;
  readonly state: string;
}

const listStreams = loadSql(import.meta.url, '../sql/list-streams.sql');
const MOST = 999_999_999;

export function streamsCommand(): Command {
  return group(
    new Command('streams').description('Lists, reads and appends to streams.'),
    listCommand(),
    readCommand(),
    appendCommand(),
  );
}

function listCommand(): Command {
  return where(new Command('list'), 'of one tenant only')
    .description('Lists streams by name, each with its last event.')
    .option('--category <name>', 'of one category only', reading(checkedCategory))
    .addOption(new Option('--prefix <text>', 'whose names begin so').conflicts('category'))
    .option('--after <stream>', 'those behind this name: the next page')
    .option('--limit <n>', 'at most so many of each tenant', whole(1, MOST), 100)
    .option(
      '--json',
      'a line a stream: {"tenant", "stream", "lastPosition", "globalPosition", "lastType", "lastAt", "state"}',
    )
    .addHelpText(
      'after',
      `
State: active; deleted (softly, an append brings it back); tombstoned (for good). Streams of the system ("$$account-1", the
metadata of account-1) are shown when --prefix begins with "$".

  concord streams list --tenant acme --category account --limit 20
  concord streams list --tenant acme --prefix account-47 --json | jq -r .stream
${CODES}`,
    )
    .action(carriedOut(list));
}

function readCommand(): Command {
  return where(new Command('read'), 'whose stream; needed when several tenants have one of this name')
    .description('Shows the events of a stream.')
    .argument('<stream>', 'its name, such as account-4711')
    .option('--from <position>', 'from this position in the stream on', position)
    .option('--limit <n>', 'at most so many', whole(1, MOST), 100)
    .option('--backwards', 'the last event first')
    .option('--json', `a line an event: ${EVENT_FIELDS}`)
    .addHelpText(
      'after',
      `
As an app would see it: what its metadata hide is not shown. Personal fields stay sealed, and old forms of events as they are.

  concord streams read account-4711 --tenant acme
  concord streams read account-4711 --backwards --limit 1 --json
${CODES}`,
    )
    .action(carriedOut(read));
}

function list(options: ListOptions): Promise<void> {
  const { category, prefix = category === undefined ? '' : `${category}-`, after = '', limit } = options;
  return withStore(options, async (opened) => {
    const rows: StreamRow[] = [];
    for (const tenant of await tenantsOf(opened, options.tenant)) {
      const values = [tenant, after, prefix, limit, prefix.startsWith('$')];
      rows.push(...(await opened.database.query<StreamRow>(listStreams, values)));
    }
    if (options.json) return withOutput((output) => output.write(rows.map((row) => `${streamLine(row)}\n`).join('')));
    printTable(
      'Streams',
      ['tenant', 'stream', 'last', 'global', 'type', 'at', 'state'],
      rows.map((row) => {
        const at = row.recorded_at.toISOString();
        return [row.tenant, row.stream, row.stream_position, row.global_position, row.event_type, at, row.state];
      }),
    );
  });
}

function streamLine(row: StreamRow): string {
  return JSON.stringify({
    tenant: row.tenant,
    stream: row.stream,
    lastPosition: row.stream_position.toString(),
    globalPosition: row.global_position.toString(),
    lastType: row.event_type,
    lastAt: row.recorded_at.toISOString(),
    state: row.state,
  });
}

function read(name: string, options: ReadOptions): Promise<void> {
  return withStore(options, async (opened) => {
    const stream = name as StreamName;
    const tenant = await tenantOfStream(opened, stream, options.tenant);
    await runInTenant(tenant, () => withOutput((output) => show(opened, stream, options, output)));
  });
}

async function show({ store }: Opened, stream: StreamName, options: ReadOptions, output: Output): Promise<void> {
  const { from, limit, backwards, json } = options;
  const events = store.readStream(stream, {
    limit,
    ...(from !== undefined && { from }),
    ...(backwards && { direction: 'backwards' }),
  });
  const rows: RecordedEvent[] = [];
  for await (const event of events) {
    if (output.stopped()) return;
    if (json) await output.write(`${lineOfRecorded(event)}\n`);
    else rows.push(event);
  }
  if (!json) printEvents(stream, rows);
  const { state } = await store.readStreamMetadata(stream);
  if (state === 'tombstoned') throw new Failure(`stream "${stream}" was deleted for good`);
  if (state === 'deleted')
    tell(`stream "${stream}" is deleted: what is in it is shown no more, an append brings it back`);
}

function printEvents(stream: StreamName, events: readonly RecordedEvent[]): void {
  printTable(
    stream,
    ['position', 'global', 'at', 'type', 'id', 'data'],
    events.map((event) => {
      const at = event.metadata.recordedAt.toISOString();
      return [event.streamPosition, event.globalPosition, at, event.type, event.id, JSON.stringify(event.data)];
    }),
  );
}
