// concord events: what happens, while it happens.
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { EVENT_FIELDS, lineOfStored, recordedAt, type TenantEvent } from '../event-line.js';
import { carriedOut, CODES, group, tell } from '../outcome.js';
import { type Output, withOutput } from '../output.js';
import { categoryOption, position, typeOption, where, type Where } from '../query-options.js';
import { feedOf, filterOf, type Wanted } from '../stored-feed.js';
import { type Opened, tenantsOf, withStore } from '../with-store.js';

interface TailOptions extends Where, Wanted {
  readonly from?: bigint;
}

// Appends are told of; this is for one that was told of before it was settled, and for a hint that was lost.
const LOOK_AGAIN_MS = 1000;

export function eventsCommand(): Command {
  return group(new Command('events').description('Follows the events of the store.'), tailCommand());
}

function tailCommand(): Command {
  return where(new Command('tail'), 'of one tenant only')
    .description('Shows events as they come, until it is stopped (Ctrl-C) or nobody reads any more.')
    .addOption(categoryOption('of this category only; may be repeated'))
    .addOption(typeOption())
    .option(
      '--from <position>',
      'begin with what is there from this global position on; else with what is new',
      position,
    )
    .option('--json', `a line an event: ${EVENT_FIELDS}`)
    .addHelpText(
      'after',
      `
In the order of the feed. An event shows once it is settled, which is milliseconds after its commit, unless an older append is
still under way. Whoever stops it gets exit code 0, and on standard error the position to go on from.

  concord events tail --tenant acme --category account
  concord events tail --from 1042 --json | jq -c '[.type, .data]'
${CODES}`,
    )
    .action(carriedOut(tail));
}

function tail(options: TailOptions): Promise<void> {
  return withStore(options, (opened) =>
    withOutput(async (output) => {
      const { stored } = opened;
      let next = options.from ?? (await stored.horizon()) + 1n;
      const news = new News(opened, output.stop);
      while (!output.stopped()) {
        const to = await stored.horizon();
        const part = { tenants: await known(opened, options.tenant), from: next, to, filter: filterOf(options) };
        next = await show(opened, part, options.json ? lineOfStored : textOf, output);
        await news.wait();
      }
      tell(`stopped; go on with --from ${next}`);
    }),
  );
}

/** A tenant that is named need not have events yet. */
async function known(opened: Opened, tenant: string | undefined): Promise<readonly string[]> {
  return tenant === undefined ? tenantsOf(opened, undefined) : [tenant];
}

/** Answers where to go on. */
async function show(
  { stored }: Opened,
  part: Parameters<typeof feedOf>[1],
  lineOf: (event: TenantEvent) => string,
  output: Output,
): Promise<bigint> {
  let next = part.from;
  for await (const { events, through } of feedOf(stored, part)) {
    for (const event of events) {
      if (output.stopped()) return next;
      await output.write(`${lineOf(event)}\n`);
      next = event.global_position + 1n;
    }
    next = through + 1n;
  }
  return next;
}

function textOf(event: TenantEvent): string {
  const at = new Date(recordedAt(event)).toISOString();
  const {
    global_position: global,
    tenant,
    stream_name: stream,
    stream_position: place,
    event_type: type,
    data,
  } = event;
  return `${global}  ${at}  ${tenant}  ${stream}@${place}  ${type}  ${data.replace(/[\r\n]+/g, ' ')}`;
}

/** Appends of any process. */
class News {
  private isNew = false;
  private wake: (() => void) | undefined;

  constructor(
    { store }: Opened,
    private readonly stop: AbortSignal,
  ) {
    const stopListening = store.onAppended(() => {
      this.isNew = true;
      this.wake?.();
    });
    stop.addEventListener('abort', () => {
      stopListening();
      this.wake?.();
    });
  }

  async wait(): Promise<void> {
    const controller = new AbortController();
    this.wake = () => controller.abort();
    if (!this.isNew && !this.stop.aborted) {
      await sleep(LOOK_AGAIN_MS, undefined, { signal: controller.signal }).catch(() => undefined);
    }
    this.isNew = false;
  }
}
