// Events to a URL, a batch a request and one request at a time, each repeated until it is answered well. A receiver may get a
// batch twice, when an answer was lost or a replay goes on: it tells by the ids of the events.
import { setTimeout as sleep } from 'node:timers/promises';
import { derivedId } from '@concord/kernel';
import { delayOf } from '@concord/subscriptions';
import { lineOfStored, type TenantEvent } from '../event-line.js';
import { Failure, messageOf, tell } from '../outcome.js';
import { Sink } from './sink.js';

export interface UrlOptions {
  readonly url: URL;
  readonly headers: readonly (readonly [string, string])[];
  readonly batch: number;
  readonly retries: number;
  readonly timeoutMs: number;
  readonly stop: AbortSignal;
}

/** Why a request is to be repeated, and what the receiver said of when. */
interface Trouble {
  readonly reason: string;
  readonly afterMs?: number;
}

const BACKOFF = { firstMs: 200, mostMs: 30_000 };
const MOST_PATIENCE_MS = 3_600_000;
const TIMEOUT = 408;
const TOO_MANY = 429;
const SHOWN = 200;

export class UrlSink extends Sink {
  private batch: TenantEvent[] = [];

  constructor(private readonly options: UrlOptions) {
    super();
  }

  override take(event: TenantEvent): Promise<void> | undefined {
    this.batch.push(event);
    return this.batch.length >= this.options.batch ? this.flush() : undefined;
  }

  override async flush(): Promise<void> {
    const { batch } = this;
    const last = batch.at(-1);
    if (!last) return;
    this.batch = [];
    const isSent = await this.send(requestOf(batch, this.options), last.global_position);
    if (isSent) this.hand(batch.length, last.global_position);
  }

  /** False: it was stopped. Errors: Failure, when the receiver refuses, or does not come back. */
  private async send(request: RequestInit, last: bigint): Promise<boolean> {
    const { url, retries, timeoutMs, stop } = this.options;
    for (let attempt = 1; !stop.aborted; attempt += 1) {
      const trouble = await post(url, { ...request, signal: AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]) });
      if (!trouble) return true;
      if (isAborted(stop)) return false;
      if (attempt > retries) throw new Failure(`${url.origin} gave up on after ${attempt} attempts: ${trouble.reason}`);
      const waitMs = trouble.afterMs ?? delayOf(BACKOFF, attempt);
      tell(
        `batch up to ${last}: ${trouble.reason}; again in ${(waitMs / 1000).toFixed(1)} s (${attempt} of ${retries})`,
      );
      await sleep(waitMs, undefined, { signal: stop }).catch(() => undefined);
    }
    return false;
  }
}

// Time has passed since it was last asked.
function isAborted(stop: AbortSignal): boolean {
  return stop.aborted;
}

function requestOf(batch: readonly TenantEvent[], { headers }: UrlOptions): RequestInit {
  const [first, ...more] = batch.map(({ event_id: id }) => id);
  return {
    method: 'POST',
    // A redirect would have the events fetched, not posted.
    redirect: 'manual',
    headers: [
      ['content-type', 'application/json'],
      ['idempotency-key', more.length === 0 ? (first ?? '') : derivedId(first ?? '', ...more)],
      ...headers.map(([name, value]): [string, string] => [name, value]),
    ],
    body: `{"events":[${batch.map(lineOfStored).join(',')}]}`,
  };
}

/** Errors: Failure, when a repeat would be of no use. */
async function post(url: URL, request: RequestInit): Promise<Trouble | undefined> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, request);
    body = await response.text();
  } catch (error) {
    return { reason: reasonOf(error) };
  }
  if (response.ok) return undefined;
  const reason = `it answered ${response.status} ${body.slice(0, SHOWN)}`.trim();
  const isPassing = response.status >= 500 || response.status === TIMEOUT || response.status === TOO_MANY;
  if (!isPassing) throw new Failure(`${url.origin} refused a batch: ${reason}`);
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return { reason, ...(seconds >= 0 && { afterMs: Math.min(seconds * 1000, MOST_PATIENCE_MS) }) };
}

/** fetch() hides what happened beneath. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return messageOf(cause instanceof Error ? cause : error);
}
