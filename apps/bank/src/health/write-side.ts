// Whether something can be written: the database answers, and so does an event store that is elsewhere, a KurrentDB.
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Database } from '@concord/database';
import { EventStore, StoreUnavailable } from '@concord/event-store';

type StoreState = 'answers' | 'no-answer' | 'refused';

@Injectable()
export class WriteSide {
  private asking: Promise<StoreState> | undefined;

  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly database: Database,
    private readonly store: EventStore,
  ) {}

  databaseAnswers(patienceMs: number) {
    // The app starts to listen only after its migrations are done: that the store answers shows both.
    return this.indicator
      .check('database')
      .attempt(async () => {
        await this.database.queryOutside({ text: 'select concord.last_position()' });
      })
      .withTimeout(patienceMs);
  }

  /** Where the events are in the database, that it answers is all there is to know. */
  get hasEventsElsewhere(): boolean {
    return !this.store.capabilities.sameTransactionAsReadModels;
  }

  async eventStoreAnswers(patienceMs: number) {
    const late = sleep<StoreState>(patienceMs, 'no-answer', { ref: false });
    const state = await Promise.race([this.askStore(), late]);
    const eventStore = this.indicator.check('eventStore');
    return state === 'answers' ? eventStore.up({ state }) : eventStore.down({ state });
  }

  /** One question at a time, however many want to know: the store goes on asking for longer than we wait. */
  private askStore(): Promise<StoreState> {
    this.asking ??= this.store
      .lastPosition()
      .then(
        (): StoreState => 'answers',
        (error: unknown): StoreState => (error instanceof StoreUnavailable ? 'no-answer' : 'refused'),
      )
      .finally(() => (this.asking = undefined));
    return this.asking;
  }
}
