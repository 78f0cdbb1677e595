// The adapter for KurrentDB, over the wire.
import { type EventStore, openKurrentEventStore } from '@concord/event-store';
import { newId, streamName, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { depositInto } from '../account.js';
import { TENANT } from '../concord/tenant.js';
import { type Contender, present, type Seed, type Settings } from '../contender.js';
import { settingOf, vacuumed, WIRE_BATCH } from './on-the-wire.js';

const streamOf = (id: string): StreamName => streamName('account', id);

export class KurrentContender implements Contender {
  private store!: EventStore;
  private settings!: Settings;

  async open(settings: Settings): Promise<void> {
    this.settings = settings;
    this.store = await openKurrentEventStore(present(settings.eventStoreUrl, 'an EventStoreDB'));
  }

  close(): Promise<void> {
    return this.store.close();
  }

  async append(id: string): Promise<void> {
    const event = { id: newId(), type: 'Deposited', data: depositInto(id) };
    await runInTenant(TENANT, () =>
      this.store.append({ stream: streamOf(id), expected: 'no-stream', events: [event] }),
    );
  }

  async read(id: string): Promise<number> {
    return runInTenant(TENANT, async () => {
      let count = 0;
      for await (const event of this.store.readStream(streamOf(id))) if (event.data) count += 1;
      return count;
    });
  }

  async seed(seeds: readonly Seed[]): Promise<void> {
    for (const { id, events } of seeds) {
      for (let done = 0; done < events; done += WIRE_BATCH) {
        const length = Math.min(WIRE_BATCH, events - done);
        const batch = Array.from({ length }, () => ({ id: newId(), type: 'Deposited', data: depositInto(id) }));
        await runInTenant(TENANT, () => this.store.append({ stream: streamOf(id), expected: 'any', events: batch }));
      }
    }
  }

  show(setting: string): Promise<string | undefined> {
    return settingOf(this.settings, setting);
  }

  vacuum(): Promise<void> {
    return vacuumed(this.settings);
  }
}
