// A client that is connected to a persistent subscription: what it has in hand, and how much more it can take.
import { randomFillSync } from 'node:crypto';
import { LANES, type Message } from './message.js';
import { Timings } from './timings.js';

export interface ConsumerOptions {
  /** How many events it has in hand at most. */
  readonly bufferSize: number;
  readonly user: string;
  readonly from: string;
  readonly connectionName: string;
  readonly send: (message: Message) => void;
  /** Whether so much is on its way already that nothing more should follow. */
  readonly isClogged: () => boolean;
  /** Ends the call with this error. */
  readonly end: (error: Error) => void;
}

export class Consumer {
  /** By lane: who has the largest weight gets it. So few lanes move when a consumer comes or goes. */
  readonly weights = randomFillSync(new Uint32Array(LANES));
  readonly timings = new Timings();
  total = 0;
  private readonly inHand = new Map<Message, number>();
  private readonly lanes = new Map<number, number>();

  constructor(readonly options: ConsumerOptions) {}

  get slots(): number {
    if (this.options.isClogged()) return 0;
    return this.options.bufferSize - this.inHand.size;
  }

  get messages(): readonly Message[] {
    return [...this.inHand.keys()];
  }

  holds(lane: number): boolean {
    return this.lanes.has(lane);
  }

  give(message: Message): void {
    this.inHand.set(message, performance.now());
    this.lanes.set(message.lane, (this.lanes.get(message.lane) ?? 0) + 1);
    this.total += 1;
    this.options.send(message);
  }

  /** It has done with it, in whatever way. */
  release(message: Message): void {
    const given = this.inHand.get(message);
    if (given === undefined) return;
    this.inHand.delete(message);
    this.timings.add(performance.now() - given);
    const left = (this.lanes.get(message.lane) ?? 1) - 1;
    if (left > 0) this.lanes.set(message.lane, left);
    else this.lanes.delete(message.lane);
  }
}
