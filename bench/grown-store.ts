// A store of a certain size, and what it takes to append to it and to read from it. It is filled by appends, 200 streams
// a call: what is in the table, in its indexes and in what order is what an application would have left there.
import { randomUUID } from 'node:crypto';
import { type OpenDatabase, openDatabase } from '@concord/database';
import { PostgresEventStore } from '@concord/event-store';
import { newId, streamName, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { depositInto } from './account.js';
import { TENANT } from './concord/tenant.js';
import { present } from './contender.js';
import { shuffled } from './shuffled.js';

export interface Size {
  readonly name: string;
  readonly events: number;
  /** How many events most of the streams have. */
  readonly perStream: number;
}

export interface Footprint {
  readonly events: number;
  readonly streams: number;
  readonly databaseBytes: number;
  readonly tableBytes: number;
  readonly indexBytes: Readonly<Record<string, number>>;
}

type Request = Parameters<PostgresEventStore['append']>[0];

const CALL = 200;
const CALLS_IN_FLIGHT = 4;
/** One event in ten is in a stream of this length: those are read. */
export const READ_LENGTH = 100;
const READ_SHARE = 10;
const NOTED_EVERY = 100_000;

const FOOTPRINT = `
  select count(*)::float as events, count(*) filter (where stream_position = 0)::float as streams,
    pg_database_size(current_database())::float as "databaseBytes",
    pg_table_size('concord.events')::float as "tableBytes",
    (select json_object_agg(i.indexrelid::regclass, pg_relation_size(i.indexrelid))
     from pg_index i where i.indrelid = 'concord.events'::regclass) as "indexBytes"
  from concord.events`;

export class GrownStore {
  private readonly store: PostgresEventStore;
  private readonly streams: StreamName[];
  private readonly readStreams: StreamName[];

  private constructor(
    readonly size: Size,
    private readonly opened: OpenDatabase,
  ) {
    const { events, perStream } = size;
    this.store = new PostgresEventStore(opened.database);
    const read = events / READ_SHARE / READ_LENGTH;
    this.readStreams = namesOf(read);
    this.streams = namesOf((events - read * READ_LENGTH) / perStream);
  }

  static async open(size: Size, url: string): Promise<GrownStore> {
    return new GrownStore(size, await openDatabase({ url, poolSize: CALLS_IN_FLIGHT * 2 }));
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  /** Round robin: the events of a stream lie apart, as those of accounts that live at the same time. */
  async fill(note: (events: number) => void): Promise<void> {
    const { events, perStream } = this.size;
    let appended = 0;
    for (let pass = 0; pass < perStream; pass += 1) {
      const requests = this.streams.map((stream) => request(stream, pass, 1));
      const length = READ_LENGTH / perStream;
      requests.push(...this.readStreams.map((stream) => request(stream, pass * length, length)));
      await this.send(shuffled(requests), (more) => {
        const before = appended;
        appended += more;
        if (Math.floor(before / NOTED_EVERY) < Math.floor(appended / NOTED_EVERY)) note(appended);
      });
    }
    const found = await this.footprint();
    if (found.events !== events) throw new Error(`filled with ${found.events} events of ${events}`);
  }

  /** So that plans fit, and no old business is done while measuring. */
  async settle(): Promise<void> {
    await this.opened.database.query({ text: 'vacuum analyze' });
    // The account of a server of yours may not be allowed to.
    await this.opened.database.query({ text: 'checkpoint' }).catch(() => undefined);
  }

  async footprint(): Promise<Footprint> {
    const [row] = await this.opened.database.query<Footprint>({ text: FOOTPRINT });
    return present(row, 'the footprint');
  }

  /** Appends a second. Every second one is to a stream that is there already. */
  async appendsPerSecond(inFlight: number, count: number): Promise<number> {
    let left = count;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await this.appendOne(left % 2 === 0);
      }
    };
    return rate(count, () => Promise.all(Array.from({ length: inFlight }, lane)));
  }

  /** Streams of 100 events a second. */
  async readsPerSecond(count: number): Promise<number> {
    return rate(count, async () => {
      for (let done = 0; done < count; done += 1) {
        const events = await runInTenant(TENANT, () => Array.fromAsync(this.store.readStream(oneOf(this.readStreams))));
        if (events.length !== READ_LENGTH) throw new Error(`read ${events.length} events of ${READ_LENGTH}`);
      }
    });
  }

  private async appendOne(toNew: boolean): Promise<void> {
    const stream = toNew ? streamName('account', randomUUID()) : oneOf(this.streams);
    const expected = toNew ? 'no-stream' : 'stream-exists';
    await runInTenant(TENANT, () => this.store.append({ stream, expected, events: eventsOf(stream, 1) }));
  }

  private async send(requests: readonly Request[], onAppended: (events: number) => void): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < requests.length) {
        const call = requests.slice(next, (next += CALL));
        await runInTenant(TENANT, () => this.store.append(...call));
        onAppended(call.reduce((sum, { events }) => sum + events.length, 0));
      }
    };
    await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, lane));
  }
}

/** Operations a second. */
async function rate(count: number, work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (count * 1000) / (performance.now() - begun);
}

function namesOf(count: number): StreamName[] {
  return Array.from({ length: count }, () => streamName('account', randomUUID()));
}

function request(stream: StreamName, position: number, length: number): Request {
  return { stream, expected: position === 0 ? 'no-stream' : BigInt(position - 1), events: eventsOf(stream, length) };
}

function eventsOf(stream: StreamName, length: number): Request['events'] {
  return Array.from({ length }, () => ({ id: newId(), type: 'Deposited', data: depositInto(stream) }));
}

function oneOf<T>(items: readonly T[]): T {
  return present(items[Math.floor(Math.random() * items.length)], 'a stream');
}
