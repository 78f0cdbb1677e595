// Loads that are asked for at the same time travel in one call. There is no delay: whoever comes while calls are under way is
// in the next.
import type { StreamName } from '@concord/kernel';
import { runInTenant, type TenantId } from '@concord/tenancy';
import type { LoadedStream } from '../requests.js';

/** Loads streams of the running tenant, with snapshots of a version if it is given. */
export type LoadStreams = (
  streams: readonly StreamName[],
  version: number | null,
) => Promise<ReadonlyMap<StreamName, LoadedStream>>;

/** Loads of one tenant and snapshot version go together. */
interface Kind {
  readonly tenant: TenantId;
  readonly version: number | null;
}

interface Waiting extends Kind {
  readonly stream: StreamName;
  readonly resolve: (loaded: LoadedStream) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_UNDER_WAY = 2;
const MAX_STREAMS = 64;

export class GroupLoad {
  private queue: Waiting[] = [];
  private underWay = 0;
  private isGathering = false;

  constructor(private readonly loadStreams: LoadStreams) {}

  /** What is committed now, without a lock. Errors: StreamDeleted, and what the database refuses. */
  load(tenant: TenantId, stream: StreamName, version: number | null = null): Promise<LoadedStream> {
    return new Promise((resolve, reject) => {
      this.queue.push({ tenant, stream, version, resolve, reject });
      this.gather();
    });
  }

  private gather(): void {
    if (this.isGathering || this.underWay >= MAX_UNDER_WAY || this.queue.length === 0) return;
    this.isGathering = true;
    process.nextTick(() => {
      this.isGathering = false;
      this.sendNext();
    });
  }

  /** As many streams of one kind as go together. */
  private sendNext(): void {
    const [kind] = this.queue;
    if (!kind) return;
    const most = Math.min(Math.ceil(this.queue.length / (MAX_UNDER_WAY - this.underWay)), MAX_STREAMS);
    const batch: Waiting[] = [];
    const rest: Waiting[] = [];
    for (const waiting of this.queue) (isOf(kind, waiting) && batch.length < most ? batch : rest).push(waiting);
    this.queue = rest;
    this.underWay += 1;
    void this.send(kind, batch).finally(() => {
      this.underWay -= 1;
      this.gather();
    });
    this.gather();
  }

  /** Never rejects. */
  private async send(kind: Kind, batch: readonly Waiting[]): Promise<void> {
    const streams = [...new Set(batch.map(({ stream }) => stream))];
    try {
      const loaded = await runInTenant(kind.tenant, () => this.loadStreams(streams, kind.version));
      for (const { stream, resolve, reject } of batch) {
        const own = loaded.get(stream);
        if (own) resolve(own);
        else reject(new Error('unreachable: every stream is answered'));
      }
    } catch (error) {
      // One of them may have spoiled it for all: each finds out for itself.
      if (batch.length === 1) batch[0]?.reject(error);
      else for (const waiting of batch) void this.send(kind, [waiting]);
    }
  }
}

function isOf(kind: Kind, waiting: Waiting): boolean {
  return waiting.tenant === kind.tenant && waiting.version === kind.version;
}
