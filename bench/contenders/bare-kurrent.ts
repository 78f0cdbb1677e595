// The official client without the adapter, on the same server and with the same names: what it can do at best.
import { EventStoreDBClient, jsonEvent, type JSONEventType } from '@eventstore/db-client';
import { newId } from '@concord/kernel';
import { type Deposit, depositInto } from '../account.js';
import { TENANT } from '../concord/tenant.js';
import { type Contender, present, type Seed, type Settings } from '../contender.js';
import { settingOf, vacuumed, WIRE_BATCH } from './on-the-wire.js';

type DepositedEvent = JSONEventType<'Deposited', Deposit>;

// As the adapter calls them.
const streamOf = (id: string): string => `${TENANT}~account-${id}`;
const deposited = (id: string): ReturnType<typeof jsonEvent<DepositedEvent>> =>
  jsonEvent<DepositedEvent>({ id: newId(), type: 'Deposited', data: depositInto(id) });

export class BareKurrentContender implements Contender {
  private client!: EventStoreDBClient;
  private settings!: Settings;

  open(settings: Settings): Promise<void> {
    this.settings = settings;
    this.client = EventStoreDBClient.connectionString(present(settings.eventStoreUrl, 'an EventStoreDB'));
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.client.dispose();
  }

  async append(id: string): Promise<void> {
    await this.client.appendToStream(streamOf(id), deposited(id), { expectedRevision: 'no_stream' });
  }

  async read(id: string): Promise<number> {
    let count = 0;
    for await (const { event } of this.client.readStream(streamOf(id))) if (event?.data) count += 1;
    return count;
  }

  async seed(seeds: readonly Seed[]): Promise<void> {
    for (const { id, events } of seeds) {
      for (let done = 0; done < events; done += WIRE_BATCH) {
        const length = Math.min(WIRE_BATCH, events - done);
        await this.client.appendToStream(
          streamOf(id),
          Array.from({ length }, () => deposited(id)),
        );
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
