// Which tenants have new events: asked once for all slices of a member, when an append wakes it, and now and then.
import { setTimeout as sleep } from 'node:timers/promises';
import type { TenantHead } from '@concord/event-store';
import type { GlobalPosition } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { Lookout } from '../lookout.js';
import type { GroupWork } from './group-work.js';

// The question costs more the more tenants there are. Asking takes a quarter of the time at most.
const REST = 3;
const CHEAP_MS = 5;
const MAX_REST_MS = 1000;

export class NewsOfTenants {
  private readonly known = new Map<TenantId, GlobalPosition>();
  private lookout: Lookout | undefined;
  private running: Promise<void> | undefined;
  private readonly stopping = new AbortController();

  constructor(
    private readonly work: GroupWork,
    private readonly hear: (heads: readonly TenantHead[]) => void,
  ) {}

  /** All that was heard so far. */
  get heads(): readonly TenantHead[] {
    return [...this.known].map(([tenantId, head]) => ({ tenantId, head }));
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.lookout?.close();
    await this.running;
  }

  private async run(): Promise<void> {
    const lookout = (this.lookout = new Lookout(this.work.store));
    while (!this.stopping.signal.aborted) {
      const { seen } = lookout;
      const began = performance.now();
      try {
        await this.ask();
      } catch (error) {
        this.work.report({ error, outcome: 'interrupted' });
      }
      const took = performance.now() - began;
      await lookout.rest(seen);
      if (took > CHEAP_MS) await this.rest(Math.min(took * REST, MAX_REST_MS));
    }
  }

  private async rest(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  private async ask(): Promise<void> {
    const heads = await this.work.store.tenantHeads();
    const news = heads.filter(({ tenantId, head }) => this.known.get(tenantId) !== head);
    for (const { tenantId, head } of news) this.known.set(tenantId, head);
    if (news.length > 0) this.hear(news);
  }
}
