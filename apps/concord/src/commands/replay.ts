// concord replay: events again, to standard output or to a URL.
import { Command, InvalidArgumentError } from 'commander';
import { EVENT_FIELDS } from '../event-line.js';
import { carriedOut, CODE, type Code, CODES, strict, tell } from '../outcome.js';
import { type Output, withOutput } from '../output.js';
import { categoryOption, place, type Place, several, typeOption, where, type Where, whole } from '../query-options.js';
import { Pace, speed, type Speed } from '../replay/pace.js';
import { ReplayProgress } from '../replay/progress.js';
import { rangeOf, type ReplayRange } from '../replay/range.js';
import { LineSink, type Sink } from '../replay/sink.js';
import { UrlSink } from '../replay/url-sink.js';
import { type FeedBatch, feedOf, filterOf, type Wanted } from '../stored-feed.js';
import { tenantsOf, withStore } from '../with-store.js';

interface ReplayOptions extends Where, Wanted {
  readonly from?: Place;
  readonly to?: Place;
  readonly speed: Speed;
  readonly toUrl?: URL;
  readonly header?: readonly (readonly [string, string])[];
  readonly batch: number;
  readonly retries: number;
  readonly timeout: number;
  readonly quiet?: true;
}

export function replayCommand(): Command {
  return strict(where(new Command('replay'), 'of one tenant only'))
    .description('Gives stored events again, as lines of JSON or to a URL, in the order of the feed.')
    .option('--from <position|time>', 'from here on, this included; else from the start', place)
    .option('--to <position|time>', 'up to here, this included; else up to what is settled when it begins', place)
    .addOption(categoryOption('of this category only; may be repeated'))
    .addOption(typeOption())
    .option(
      '--speed <factor|max>',
      'times the original pace; max: as fast as it is taken',
      speed,
      Number.POSITIVE_INFINITY,
    )
    .option('--to-url <url>', 'POST to this URL instead of standard output', httpUrl)
    .option('--header <name: value>', 'for the URL, such as one that authorizes; may be repeated', several(header))
    .option('--batch <n>', 'events a request at most', whole(1, 10_000), 100)
    .option('--retries <n>', 'repeats of a request before giving up', whole(0, 1000), 10)
    .option('--timeout <seconds>', 'for an answer of the URL', whole(1, 3600), 30)
    .option('--quiet', 'no progress; what it came to is said at the end all the same')
    .addHelpText(
      'after',
      `
A line: ${EVENT_FIELDS}

A request: {"events": [..]}, with such events, and Idempotency-Key: the id of the event, or for several a UUID that the same ones
always have. It may come twice: tell by the events' ids. 5xx, 408, 429 and lost connections are tried again, later and later, or
when Retry-After says; any other answer but 2xx ends the replay with 1.

At the end, whatever it was, standard error says how far it came, and with which --from to go on. Stopped by a signal: 130.

  concord replay --tenant acme --category account --from 2025-01-01 --to 2025-02-01 > january.jsonl
  concord replay --from 1042 --speed 60 | my-projector-under-test
  concord replay --type FundsDeposited --to-url https://audit.example/events --header "authorization: Bearer .."
${CODES}`,
    )
    .action(carriedOut(replay));
}

function replay(options: ReplayOptions): Promise<Code> {
  return withStore(options, (opened) =>
    withOutput(async (output) => {
      const tenants = await tenantsOf(opened, options.tenant);
      const range = await rangeOf(opened, tenants, options);
      const { from, to } = range;
      const feed = feedOf(opened.stored, { tenants, from, to, filter: filterOf(options) });
      const sink = options.toUrl ? urlSink(options.toUrl, options, output) : new LineSink(output);
      const progress = new ReplayProgress(from, to, options.quiet ?? false);
      const run = new Replay(range, sink, new Pace(options.speed, output.stop), progress);
      try {
        await run.through(feed, output);
      } finally {
        progress.stop();
        tell(run.summary);
      }
      return output.stopped() === 'signal' ? CODE.stopped : CODE.done;
    }),
  );
}

/** One replay, and how far it has come. */
class Replay {
  private isWhole = false;

  constructor(
    private readonly range: ReplayRange,
    private readonly sink: Sink,
    private readonly pace: Pace,
    private readonly progress: ReplayProgress,
  ) {}

  async through(feed: AsyncIterable<FeedBatch>, output: Output): Promise<void> {
    for await (const { events, through } of feed) {
      for (const event of events) {
        if (output.stopped()) return this.end();
        if (!this.range.isWanted(event)) continue;
        if (this.pace.until(event) > 0) await this.rest(event);
        if (output.stopped()) return this.end();
        const full = this.sink.take(event);
        if (full) await full;
      }
      this.progress.update(through, this.sink.events);
    }
    await this.sink.flush();
    this.isWhole = !output.stopped();
  }

  get summary(): string {
    const { events, handedOn } = this.sink;
    const { from, to } = this.range;
    const count = `${events} ${events === 1 ? 'event' : 'events'} replayed`;
    if (to < from) return `${count}: there is nothing in between; go on with --from ${from}`;
    const upTo = handedOn === undefined ? '' : `, the last at ${handedOn}`;
    if (this.isWhole) return `${count}${upTo}; everything up to ${to} is through; go on with --from ${to + 1n}`;
    return `${count}${upTo}; broken off; go on with --from ${handedOn === undefined ? from : handedOn + 1n}`;
  }

  /** Whoever waits for events is not to wait for those that are due already. */
  private async rest(event: Parameters<Pace['wait']>[0]): Promise<void> {
    await this.sink.flush();
    this.progress.update(this.sink.handedOn ?? this.range.from, this.sink.events);
    await this.pace.wait(event);
  }

  private end(): Promise<void> {
    return this.sink.flush();
  }
}

function urlSink(url: URL, { header: headers = [], batch, retries, timeout }: ReplayOptions, output: Output): UrlSink {
  return new UrlSink({ url, headers, batch, retries, timeoutMs: timeout * 1000, stop: output.stop });
}

function httpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError('give an http or https URL.');
  if (url.username || url.password) throw new InvalidArgumentError('give credentials by --header, not in the URL.');
  return url;
}

function header(text: string): readonly [string, string] {
  const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (!name) throw new Error('write it as "name: value".');
  new Headers().append(name, value);
  return [name, value];
}
