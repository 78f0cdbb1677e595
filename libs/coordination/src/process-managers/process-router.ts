// Puts events into the inboxes of the instances that they are for: a consumer group for each process manager, whose one effect
// commits with its checkpoint. No code of an instance runs here: what fails with one instance holds up no event.
import { setImmediate } from 'node:timers/promises';
import type { Transaction } from '@concord/database';
import type { RecordedEvent } from '@concord/kernel';
import type { ConsumerGroupOptions, HandleEvent } from '@concord/subscriptions';
import { assertInstanceId } from './instance-id.js';
import type { ProcessDefinition } from './process-definition.js';
import type { Handed } from './process-rows.js';
import { ProcessRows } from './process-rows.js';
import type { ProcessWork } from './process-work.js';

/** The consumer group of a process manager. */
export function groupOfProcess(process: string): string {
  return `process ${process}`;
}

export class ProcessRouter {
  private readonly rows: ProcessRows;
  /** What events of one transaction have come to so far; it travels in one statement. */
  private readonly gathered = new WeakMap<Transaction, Handed[]>();

  constructor(
    private readonly work: ProcessWork,
    private readonly definition: ProcessDefinition,
    /** Something is to be done. */
    private readonly wake: () => void,
  ) {
    this.rows = new ProcessRows(work.database);
  }

  get options(): ConsumerGroupOptions {
    const { name, options } = this.definition;
    return {
      name: groupOfProcess(name),
      types: this.work.definitions.typesOf(name),
      delivery: 'exactly-once-in-database',
      from: options.from ?? 'now',
      // One that cannot be correlated holds up nothing: a replay puts it into its place in the inbox.
      whenParked: 'skip',
    };
  }

  readonly handle: HandleEvent = async (event) => {
    const handed = this.work.definitions.correlate(this.definition.name, event).map((one) => handedOf(one, event));
    if (handed.length > 0) this.gather(handed);
  };

  private gather(handed: readonly Handed[]): void {
    const transaction = this.work.database.current;
    if (!transaction) throw new Error('unreachable: events are handed over in the transaction of their checkpoint');
    const before = this.gathered.get(transaction);
    if (before) {
      before.push(...handed);
      return;
    }
    const gathered = [...handed];
    this.gathered.set(transaction, gathered);
    transaction.hold(this.flush(transaction, gathered));
    transaction.onCommit(this.wake);
  }

  /** When the events that are handled in one go have been: rows are then locked in one statement, and in one order. */
  private async flush(transaction: Transaction, gathered: readonly Handed[]): Promise<void> {
    await setImmediate();
    this.gathered.delete(transaction);
    await this.rows.hand(this.definition.name, gathered);
  }
}

function handedOf(one: { instance: string; starts: boolean; waits: boolean }, event: RecordedEvent): Handed {
  assertInstanceId(one.instance);
  return { ...one, tenant: event.metadata.tenantId, position: event.globalPosition, event: event.id };
}
