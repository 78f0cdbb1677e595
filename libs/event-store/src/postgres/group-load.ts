// Loads that are asked for at the same time travel in one call. There is no delay: whoever comes while calls are under way is
// in the next. Two are, and a few more where some take long: nobody waits for another's heavy stream while there is room, and
// who is in one call with it is asked for again.
import { DatabaseUnavailable } from '@concord/database';
import type { StreamName, StreamPosition } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import type { LoadedStream } from '../requests.js';
import { Fifo } from './fifo.js';

/** Loads streams of the running tenant, with snapshots of a version if it is given. */
export type LoadStreams = (
  streams: readonly StreamName[],
  version: number | null,
) => Promise<ReadonlyMap<StreamName, LoadedStream>>;

/** Where streams of the running tenant end. */
export type FindEnds = (streams: readonly StreamName[]) => Promise<ReadonlyMap<StreamName, StreamPosition>>;

interface Loading {
  readonly loadStreams: LoadStreams;
  readonly findEnds: FindEnds;
  readonly poolSize: number;
}

interface Waiting {
  readonly stream: StreamName;
  readonly resolve: (loaded: LoadedStream) => void;
  readonly reject: (error: unknown) => void;
}

/** Loads of one tenant and snapshot version go together. */
interface Kind {
  readonly key: string;
  readonly tenant: TenantId;
  readonly version: number | null;
  readonly waiting: Fifo<Waiting>;
}

type Batch = readonly (readonly [StreamName, readonly Waiting[]])[];

const MAX_UNDER_WAY = 2;
const MAX_STREAMS = 64;
/** A call that takes longer loads something heavy, or reads files. */
const SHORT_MS = 50;
const PART_OF_POOL = 4;
/** A stream that ends before this is not what makes a call long. */
const LIGHT = 500n;

export class GroupLoad {
  private readonly kinds = new Map<string, Kind>();
  /** Those that somebody waits for, in turn. */
  private readonly turns = new Fifo<Kind>();
  private readonly mostCalls: number;
  private readonly loadStreams: LoadStreams;
  private readonly findEnds: FindEnds;
  private waiting = 0;
  private calls = 0;
  /** Of the calls, those that have been under way for a short time only. */
  private shortCalls = 0;
  private isGathering = false;

  constructor({ loadStreams, findEnds, poolSize }: Loading) {
    this.loadStreams = loadStreams;
    this.findEnds = findEnds;
    this.mostCalls = Math.max(MAX_UNDER_WAY, Math.floor(poolSize / PART_OF_POOL));
  }

  /** What is committed now, without a lock. Errors: StreamDeleted, and what the database refuses. */
  load(tenant: TenantId, stream: StreamName, version: number | null = null): Promise<LoadedStream> {
    return new Promise((resolve, reject) => {
      this.kindOf(tenant, version).waiting.add({ stream, resolve, reject });
      this.waiting += 1;
      this.gather();
    });
  }

  private kindOf(tenant: TenantId, version: number | null): Kind {
    const key = `${tenant}/${version}`;
    let kind = this.kinds.get(key);
    if (!kind) {
      kind = { key, tenant, version, waiting: new Fifo() };
      this.kinds.set(key, kind);
      this.turns.add(kind);
    }
    return kind;
  }

  /** How many calls may begin. */
  private get free(): number {
    return Math.min(MAX_UNDER_WAY - this.shortCalls, this.mostCalls - this.calls);
  }

  private gather(): void {
    if (this.isGathering || this.free <= 0 || this.waiting === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.sendNext();
    });
  }

  /** As many streams of one kind as go together. */
  private sendNext(): void {
    const most = Math.min(Math.ceil(this.waiting / this.free), MAX_STREAMS);
    const kind = this.turns.take();
    if (!kind) return;
    const loads = kind.waiting.takeWhile((_, before) => before < most);
    this.waiting -= loads.length;
    if (kind.waiting.size > 0) this.turns.add(kind);
    else this.kinds.delete(kind.key);
    void this.call(kind, [...Map.groupBy(loads, ({ stream }) => stream)]);
    this.gather();
  }

  private async call(kind: Kind, batch: Batch): Promise<void> {
    let isShort = true;
    const noLongerShort = (): void => {
      if (isShort) this.shortCalls -= 1;
      isShort = false;
      this.gather();
    };
    this.calls += 1;
    this.shortCalls += 1;
    const timer = setTimeout(() => {
      noLongerShort();
      void this.overtake(kind, batch);
    }, SHORT_MS);
    await this.send(kind, batch);
    clearTimeout(timer);
    this.calls -= 1;
    noLongerShort();
  }

  /**
   * Asks again for the light streams of a call that takes long, unless all of them are: then it is the database that is slow.
   * Never rejects; what fails here, the call itself still answers.
   */
  private async overtake(kind: Kind, batch: Batch): Promise<void> {
    if (batch.length === 1 || this.calls >= this.mostCalls) return;
    this.calls += 1;
    try {
      await runInTenant(kind.tenant, async () => {
        const ends = await this.findEnds(batch.map(([stream]) => stream));
        const light = batch.filter(([stream]) => (ends.get(stream) ?? 0n) < LIGHT);
        if (light.length === 0 || light.length === batch.length) return;
        const loaded = await this.loadStreams(
          light.map(([stream]) => stream),
          kind.version,
        );
        for (const [stream, loads] of light) answer(loads, loaded.get(stream));
      });
    } catch {
      // Said above.
    } finally {
      this.calls -= 1;
      this.gather();
    }
  }

  /** Never rejects. */
  private async send(kind: Kind, batch: Batch): Promise<void> {
    const streams = batch.map(([stream]) => stream);
    try {
      const loaded = await runInTenant(kind.tenant, () => this.loadStreams(streams, kind.version));
      for (const [stream, loads] of batch) answer(loads, loaded.get(stream));
    } catch (error) {
      if (batch.length === 1 || error instanceof DatabaseUnavailable) {
        refuse(batch, error);
        return;
      }
      // One of them may have spoiled it for all: it is found by halves, all within this call.
      const half = batch.length >> 1;
      await this.send(kind, batch.slice(0, half));
      await this.send(kind, batch.slice(half));
    }
  }
}

function answer(loads: readonly Waiting[], loaded: LoadedStream | undefined): void {
  for (const { resolve, reject } of loads) {
    if (loaded) resolve(loaded);
    else reject(new Error('unreachable: every stream is answered'));
  }
}

function refuse(batch: Batch, error: unknown): void {
  for (const [, loads] of batch) for (const { reject } of loads) reject(error);
}
