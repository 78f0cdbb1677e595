import { EventEmitter } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Outgoing, untilStopped } from './stopping.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const never = new AbortController().signal;

describe('messages until a signal', () => {
  it('are not kept once they have been passed on, however long the call lasts', async () => {
    const sent: WeakRef<object>[] = [];
    async function* messages() {
      for (let n = 0; n < 100; n += 1) {
        await setImmediate();
        const message = { n };
        sent.push(new WeakRef(message));
        yield message;
      }
    }
    const passing = untilStopped(messages(), never);
    for (let n = 0; n < 99; n += 1) await passing.next();
    await setImmediate();
    collectGarbage();
    expect(sent.filter((message) => message.deref() !== undefined).length).toBeLessThan(5);
    expect((await passing.next()).value).toEqual({ n: 99 });
  });

  it('end with it, even while nothing comes', async () => {
    const stop = new AbortController();
    async function* messages() {
      yield 1;
      await new Promise(() => undefined);
    }
    const passing = untilStopped(messages(), stop.signal);
    expect(await passing.next()).toEqual({ done: false, value: 1 });
    const next = passing.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('end with their own end, and fail with their own failure', async () => {
    async function* messages() {
      yield await Promise.resolve(1);
      throw new Error('broken');
    }
    const passing = untilStopped(messages(), never);
    await passing.next();
    await expect(passing.next()).rejects.toThrow('broken');
  });
});

/** A client that takes nothing until it is told to. */
class SlowClient extends EventEmitter {
  readonly cancelled = false;
  readonly destroyed = false;
  readonly sent: number[] = [];

  write(message: number): boolean {
    this.sent.push(message);
    return false;
  }
}

describe('answers', () => {
  it('wait one after the other for a client that takes none', async () => {
    const client = new SlowClient();
    const out = new Outgoing<number>(client, never);
    const told = [1, 2, 3].map((answer) => out.tell(answer));
    await setImmediate();
    expect(client.sent).toEqual([1]);
    expect(client.listenerCount('drain')).toBe(1);
    client.emit('drain');
    await told[0];
    await setImmediate();
    expect(client.sent).toEqual([1, 2]);
  });

  it('are told after the stop as well, and then nothing waits', async () => {
    const client = new SlowClient();
    const stop = new AbortController();
    const out = new Outgoing<number>(client, stop.signal);
    const told = [out.tell(1), out.tell(2)];
    await setImmediate();
    stop.abort(new Error('the server is shutting down'));
    await Promise.all(told);
    await out.tell(3);
    expect(client.sent).toEqual([1, 2, 3]);
  });
});
