// Hands events out and waits for what becomes of them. In memory only, and nothing here is awaited: what is durable is with
// the subscription, which is told.
import type { Consumer } from './consumer.js';
import type { SubscriptionSettings } from './definition.js';
import type { Message } from './message.js';
import { strategies, type Strategy } from './strategies.js';

interface InFlight {
  readonly message: Message;
  readonly consumer: Consumer;
  readonly due: number;
}

export interface DispatcherListener {
  /** Asked before each event that is handed out. */
  mayHandOut(): boolean;
  /** An event is done with: acknowledged or skipped. */
  done(message: Message): void;
  /** An event is to be set aside; it counts as unfinished until `done`. */
  park(message: Message, reason: string): void;
  /** Something was handed out: there may be room for more. */
  room(): void;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const LOOK_AGAIN_MS = 100;

export class Dispatcher {
  /** In the order in which it is their turn. */
  readonly consumers: Consumer[] = [];
  /** How many times an event was handed out. */
  total = 0;
  private readonly retries = new Set<Message>();
  private readonly fresh = new Set<Message>();
  /** By id, in the order in which they fall due: all have the same time. */
  private readonly inFlight = new Map<string, InFlight>();
  private readonly strategy: Strategy;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: SubscriptionSettings,
    private readonly listener: DispatcherListener,
  ) {
    this.strategy = strategies[settings.strategy];
  }

  /** Read, and handed to nobody yet. */
  get waiting(): number {
    return this.fresh.size;
  }

  get retrying(): number {
    return this.retries.size;
  }

  get outstanding(): number {
    return this.inFlight.size;
  }

  add(messages: readonly Message[]): void {
    for (const message of messages) (message.replayed ? this.retries : this.fresh).add(message);
    this.dispatch();
  }

  connect(consumer: Consumer): void {
    this.consumers.push(consumer);
    this.dispatch();
  }

  /**
   * It has gone, and what it has in hand goes to others, in order. The oldest is what it was most likely at work on, and may
   * be what has killed it: so that such an event is parked in the end, this counts as a failure of that one, and of no other.
   */
  disconnect(consumer: Consumer): void {
    const index = this.consumers.indexOf(consumer);
    if (index < 0) return;
    this.consumers.splice(index, 1);
    const [oldest] = consumer.messages;
    if (oldest) this.failed(oldest.id, 'its consumer went without an answer');
    for (const { id } of consumer.messages) this.handBack(id);
    this.dispatch();
  }

  /** Ids that are not in hand are passed over: their time was up, or they are done. */
  ack(ids: readonly string[]): void {
    for (const id of ids) {
      const message = this.take(id);
      if (message) this.listener.done(message);
    }
    this.dispatch();
  }

  retry(ids: readonly string[], reason: string): void {
    for (const id of ids) this.failed(id, reason);
    this.dispatch();
  }

  park(ids: readonly string[], reason: string): void {
    for (const id of ids) {
      const message = this.take(id);
      if (message) this.listener.park(message, reason);
    }
    this.dispatch();
  }

  /** A consumer can take more. */
  resume(): void {
    this.dispatch();
  }

  /** Back to where it came from, after it could not be parked. */
  putBack(message: Message): void {
    this.retries.add(message);
    this.dispatch();
  }

  /** Nothing is handed out any more; all consumers are sent away with this error. */
  close(error: Error): void {
    clearTimeout(this.timer);
    this.retries.clear();
    this.fresh.clear();
    this.inFlight.clear();
    this.sendAway(error);
  }

  /** All consumers go, and that is no fault of theirs or of an event; what they had in hand waits for others. */
  sendAway(error: Error): void {
    for (const consumer of this.consumers.splice(0)) {
      for (const { id } of consumer.messages) this.handBack(id);
      consumer.options.end(error);
    }
  }

  private dispatch(): void {
    this.handOutWaiting();
    this.listener.room();
  }

  private handOutWaiting(): void {
    for (const waiting of [this.retries, this.fresh]) {
      for (const message of waiting) {
        if (!this.listener.mayHandOut()) {
          this.timer ??= this.wakeAfter(LOOK_AGAIN_MS);
          return;
        }
        const choice = this.strategy(message, this.consumers);
        if (choice === 'full') return;
        if (choice === 'later') continue;
        waiting.delete(message);
        this.handOut(message, choice);
      }
    }
  }

  private handOut(message: Message, consumer: Consumer): void {
    const { messageTimeout } = this.settings;
    this.inFlight.set(message.id, { message, consumer, due: performance.now() + messageTimeout });
    consumer.give(message);
    this.total += 1;
    if (messageTimeout > 0) this.timer ??= this.wakeAfter(messageTimeout);
  }

  private wakeAfter(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => this.expire(), Math.min(milliseconds, MAX_TIMER_MS)).unref();
  }

  private expire(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const [id, { due }] of this.inFlight) {
      if (due > now) {
        this.timer = this.wakeAfter(due - now + 1);
        break;
      }
      this.failed(id, 'it was not acknowledged in time');
    }
    this.dispatch();
  }

  private failed(id: string, reason: string): void {
    const message = this.take(id);
    if (!message) return;
    message.failures += 1;
    if (message.failures <= this.settings.maxRetryCount) this.again(message);
    else this.listener.park(message, `Reached retry count of ${this.settings.maxRetryCount}: ${reason}`);
  }

  private handBack(id: string): void {
    const message = this.take(id);
    if (message) this.again(message);
  }

  private again(message: Message): void {
    message.retries += 1;
    this.retries.add(message);
  }

  private take(id: string): Message | undefined {
    const found = this.inFlight.get(id);
    if (!found) return undefined;
    this.inFlight.delete(id);
    found.consumer.release(found.message);
    return found.message;
  }
}
