// Hears of what any process appends, so that readers need not wait for their next poll. A hint and no more: it tells that
// something may be new. The client never subscribes again by itself; this does, from where it was, later and later.
import type { EventStoreDBClient } from '@eventstore/db-client';
import type { Connection } from './connection.js';

type Subscription = ReturnType<EventStoreDBClient['subscribeToAll']>;

export class Watch {
  private running: Promise<void> | undefined;
  private stopping = false;
  private subscription: Subscription | undefined;
  private position: bigint | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly onNews: () => void,
  ) {}

  /** Starts in the background; a second call does nothing. */
  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.subscription?.destroy();
    await this.subscription?.unsubscribe().catch(() => undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    for (let attempt = 0; !this.isOver(); attempt += 1) {
      const begun = Date.now();
      await this.listen();
      if (this.isOver()) return;
      // What came while nobody listened.
      this.onNews();
      if (Date.now() - begun > this.connection.deadline) attempt = 0;
      await this.connection.pause(attempt);
    }
  }

  private isOver(): boolean {
    return this.stopping || this.connection.isClosed;
  }

  /** Resolves when the subscription is over, for whatever reason. */
  private listen(): Promise<void> {
    const { position } = this;
    const fromPosition = position === undefined ? 'end' : { commit: position, prepare: position };
    const subscription = this.connection.client.subscribeToAll({ fromPosition });
    this.subscription = subscription;
    return new Promise((resolve) => {
      subscription.on('data', ({ event, commitPosition }) => {
        this.position = event?.position.commit ?? commitPosition ?? this.position;
        this.onNews();
      });
      // Without a listener an error would end the process.
      for (const over of ['error', 'end', 'close']) subscription.on(over, () => resolve());
    });
  }
}
