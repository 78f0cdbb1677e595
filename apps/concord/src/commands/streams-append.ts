// concord streams append: one event, by hand. It goes past the commands, and so past what they check.
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { Command, InvalidArgumentError } from 'commander';
import { type ExpectedVersion, isId, newId, parseStreamName, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { carriedOut, CODE, CODES, Failure, messageOf } from '../outcome.js';
import { printJson } from '../print.js';
import { position, where, type Where } from '../query-options.js';
import { withStore } from '../with-store.js';

interface AppendOptions extends Where {
  readonly tenant: string;
  readonly type: string;
  readonly data: string;
  readonly metadata?: string;
  readonly expected: ExpectedVersion;
  readonly id?: string;
}

const WORDS = ['any', 'no-stream', 'stream-exists'] as const;

export function appendCommand(): Command {
  return where(new Command('append'), 'whose stream', true)
    .description('Appends one event to a stream, past the commands.')
    .argument('<stream>', 'its name, such as account-4711')
    .requiredOption('--type <name>', 'of the event')
    .requiredOption('--data <json|@file|->', 'its payload: as JSON, from a file, or from standard input')
    .option('--metadata <json|@file|->', 'a JSON object to keep beside it')
    .option('--expected <version>', `${WORDS.join(', ')}, or the position of the last event`, expected, 'any')
    .option('--id <uuid>', 'of the event: the same again adds nothing', eventId)
    .option('--json', '{"tenant", "stream", "streamPosition", "globalPosition", "id", "repeated"}')
    .addHelpText(
      'after',
      `
No command runs: nothing is checked but the form, the payload and the expected version. Inline projections are not told of it,
and personal fields are NOT sealed. Refused with 3: another version than expected, a tombstone, an id that is in use.

  concord streams append account-4711 --tenant acme --type NoteAdded --data '{"text":"called back"}' --expected 12
  jq -c .data event.json | concord streams append account-4711 --tenant acme --type NoteAdded --data -
${CODES}`,
    )
    .action(carriedOut(append));
}

async function append(name: string, options: AppendOptions): Promise<void> {
  const stream = checkedName(name);
  const { type, tenant, id = newId() } = options;
  const data = await jsonOf('--data', options.data);
  const metadata = options.metadata === undefined ? {} : await jsonOf('--metadata', options.metadata);
  if (!isObject(metadata)) throw new Failure('--metadata is no JSON object: write {"key": ..}', CODE.usage);
  await withStore(options, async ({ store }) => {
    const request = { stream, expected: options.expected, events: [{ id, type, data, metadata }] };
    const [result] = await runInTenant(tenant, () => store.append(request));
    if (!result) throw new Error('unreachable: one result a request');
    const repeated = result.events.length === 0;
    const { revision: streamPosition, globalPosition } = result;
    if (options.json) printJson({ tenant, stream, streamPosition, globalPosition, id, repeated });
    else {
      const what = repeated ? `${id} was there already` : `appended ${type} ${id}`;
      process.stdout.write(`${what}: ${stream} is at ${streamPosition}, global position ${globalPosition}\n`);
    }
  });
}

function checkedName(name: string): StreamName {
  parseStreamName(name);
  return name as StreamName;
}

/** Errors: Failure that says what is wrong with it. */
async function jsonOf(option: string, given: string): Promise<unknown> {
  const source = given === '-' ? await text(process.stdin) : given.startsWith('@') ? fileText(option, given) : given;
  try {
    return JSON.parse(source, exactNumber) as unknown;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${option} is no JSON: ${messageOf(error)}`, CODE.usage);
  }
}

function fileText(option: string, given: string): string {
  try {
    return readFileSync(given.slice(1), 'utf8');
  } catch (error) {
    throw new Failure(`${option} cannot be read: ${messageOf(error)}`, CODE.usage);
  }
}

/** A reviver that refuses what JavaScript would round. */
function exactNumber(key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const { source = '' } = context ?? {};
  if (typeof value === 'number' && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)) {
    throw new Failure(`the number ${source} of "${key}" would be rounded: write it as a text`, CODE.usage);
  }
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function expected(given: string): ExpectedVersion {
  const word = WORDS.find((each) => each === given);
  return word ?? position(given);
}

function eventId(given: string): string {
  if (isId(given)) return given;
  throw new InvalidArgumentError('give a UUID.');
}
