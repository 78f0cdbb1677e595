// Appends that wait to be sent: a lane for each stream. What cannot go on holds up its own lane and no other, and taking a
// batch costs what the batch costs, however many are waiting behind it.
import { type Chain, nextAfter, type Waiting } from './append-batch.js';
import { Fifo } from './fifo.js';

const MAX_APPENDS = 256;
/** Fewer events go in one call, more are shared out between calls that overlap: 1.15 times as fast at 32 appends in flight. */
const WORTH_SHARING = 16;
const MAX_CHARACTERS = 4_000_000;

type Lane<Row> = Fifo<Waiting<Row>>;

/** What is left of a batch that is being put together. */
interface Room {
  appends: number;
  characters: number;
}

export class AppendQueue<Row> {
  private readonly lanes = new Map<string, Lane<Row>>();
  /** Those that nothing is in the way of, the one that has waited longest first. */
  private readonly ready = new Set<Lane<Row>>();
  /** The event ids under way, with the lanes that wait for them: in one call at a time, so that the first one counts. */
  private readonly heldIds = new Map<string, readonly Lane<Row>[]>();
  private unanswered = 0;
  /** Events that are not under way yet. */
  private waitingEvents = 0;
  private held = 0;

  /** How many appends were added and not released: waiting, or under way. */
  get size(): number {
    return this.unanswered;
  }

  /** How many characters those are together. */
  get characters(): number {
    return this.held;
  }

  get isReady(): boolean {
    return this.ready.size > 0;
  }

  add(waiting: Waiting<Row>): void {
    this.unanswered += 1;
    this.held += waiting.size;
    this.waitingEvents += waiting.ids.length;
    let lane = this.lanes.get(waiting.stream);
    if (!lane) {
      lane = new Fifo();
      this.lanes.set(waiting.stream, lane);
      this.ready.add(lane);
    }
    lane.add(waiting);
  }

  /** The chains of the next call, when so many `calls` are free for what is waiting. They hold their streams and ids until release(). */
  take(calls: number): Chain<Row>[] {
    const lanes = this.ready.size;
    const most = this.waitingEvents < WORTH_SHARING ? lanes : Math.ceil(lanes / calls);
    const room = { appends: MAX_APPENDS, characters: MAX_CHARACTERS };
    const chains: Chain<Row>[] = [];
    for (const lane of this.ready) {
      if (chains.length >= most || isFull(room)) break;
      this.ready.delete(lane);
      const chain = this.takeChain(lane, room);
      if (chain) chains.push(chain);
    }
    return chains;
  }

  /** All its appends are answered: what comes after them may go. */
  release({ links, key }: Chain<Row>): void {
    this.unanswered -= links.length;
    for (const { ids, size } of links) {
      this.held -= size;
      for (const id of ids) this.releaseId(id);
    }
    const lane = this.lanes.get(key);
    if (lane?.first) this.ready.add(lane);
    else this.lanes.delete(key);
  }

  /** As many as follow from one another. None when the first one's event id is under way: then the lane waits for that. */
  private takeChain(lane: Lane<Row>, room: Room): Chain<Row> | undefined {
    const { first } = lane;
    if (!first) return undefined;
    const { tenant, stream } = first.append;
    let next: string | undefined = first.append.expected;
    const links = lane.takeWhile((waiting, before) => {
      if (isFull(room) || waiting.append.expected !== next || !this.hold(waiting, lane, before === 0)) return false;
      next = nextAfter(next, waiting.append.events.length);
      room.appends -= 1;
      room.characters -= waiting.size;
      this.waitingEvents -= waiting.ids.length;
      return true;
    });
    return links.length > 0 ? { key: first.stream, tenant, stream, links } : undefined;
  }

  private hold({ ids }: Waiting<Row>, lane: Lane<Row>, isFirst: boolean): boolean {
    for (const id of ids) {
      const waitingForIt = this.heldIds.get(id);
      if (!waitingForIt) continue;
      if (isFirst) this.heldIds.set(id, [...waitingForIt, lane]);
      return false;
    }
    for (const id of ids) this.heldIds.set(id, NOBODY);
    return true;
  }

  private releaseId(id: string): void {
    for (const lane of this.heldIds.get(id) ?? NOBODY) this.ready.add(lane);
    this.heldIds.delete(id);
  }
}

const NOBODY: readonly never[] = [];

function isFull({ appends, characters }: Room): boolean {
  return appends <= 0 || characters <= 0;
}
