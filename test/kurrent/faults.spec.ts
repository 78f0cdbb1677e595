// What @eventstore/db-client 6.2.1 does wrong, and what callers of the adapter get instead: one case a fault.
import { CommitUnknown } from '@concord/database';
import { type EventStore, openKurrentEventStore, StoreUnavailable } from '@concord/event-store';
import { InvalidArgument, newId, type NewEvent, type StreamName } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import type { BatchAppendReq } from '@eventstore/db-client/generated/streams_pb.js';
import { accept, eventMessage, notLeader, type Script, type ScriptedServer, startScripted } from './scripted-server.js';

// Short, so that the tests are; a test waits for them, never for a speed.
const SOON = { deadline: 300, patience: 1_500, hearOthers: false };
/** For what is answered: a busy machine may be late with it. */
const PATIENT = { ...SOON, deadline: 20_000, patience: 20_000 };

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function scripted(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScripted(script);
  open.push(() => server.close());
  return server;
}

async function storeOn(url: string, options = SOON): Promise<EventStore> {
  const store = await openKurrentEventStore(url, options);
  open.push(() => store.close());
  return store;
}

const event = (): NewEvent => ({ id: newId(), type: 'A', data: { n: 1 } });
const append = (store: EventStore, stream: StreamName = 'thing-1') =>
  runInTenant('t', () => store.append({ stream, expected: 'no-stream', events: [event()] }));
const read = (store: EventStore) => runInTenant('t', () => Array.fromAsync(store.readStream('thing-1')));
const idsOf = (requests: readonly BatchAppendReq[]) =>
  requests.map((request) => request.getProposedMessagesList().map((message) => message.getId()?.getString()));

describe('an append that is not answered', () => {
  it('is made again with the same ids and the same expected version', async () => {
    const server = await scripted({
      append: (request, call) => {
        if (server.appends.length > 1) accept(request, call);
      },
    });
    await expect(append(await storeOn(server.url))).resolves.toMatchObject([{ revision: 0n, globalPosition: 1n }]);
    expect(server.appends).toHaveLength(2);
    expect(idsOf(server.appends)[1]).toEqual(idsOf(server.appends)[0]);
    expect(server.appends.map((request) => request.getOptions()?.hasNoStream())).toEqual([true, true]);
  });

  it('ends with "not known" when it never is', async () => {
    const server = await scripted({ append: () => undefined });
    await expect(append(await storeOn(server.url))).rejects.toThrow(CommitUnknown);
    expect(server.appends.length).toBeGreaterThan(1);
  });

  it('harms nobody when its answer comes too late', async () => {
    const late: (() => void)[] = [];
    const server = await scripted({
      append: (request, call) => {
        if (server.appends.length > 1) accept(request, call);
        else late.push(() => accept(request, call));
      },
    });
    const store = await storeOn(server.url);
    await append(store);
    late.forEach((answer) => answer());
    await expect(append(store)).resolves.toHaveLength(1);
  });
});

describe('an append that expects "any" and is not answered', () => {
  // KurrentDB promises no idempotence for it: making it again as it was could add it twice.
  const seen = (id: string) => (call: Parameters<NonNullable<Script['read']>>[0]) => {
    call.write(eventMessage('t~thing-1', id, BigInt(Date.now()) * 10_000n));
    call.end();
  };
  const once: Script['append'] = (request, call) => {
    if (request.getOptions()?.hasStreamPosition()) accept(request, call);
  };

  it('looks first: when its event is there, it is not made again', async () => {
    const mine = event();
    const server = await scripted({ append: () => undefined, read: seen(mine.id) });
    const store = await storeOn(server.url);
    const appended = runInTenant('t', () => store.append({ stream: 'thing-1', expected: 'any', events: [mine] }));
    await expect(appended).resolves.toMatchObject([{ revision: 0n, globalPosition: 7n }]);
    expect(server.appends).toHaveLength(1);
  });

  it('looks first: when it is not there, it expects the end that was seen', async () => {
    const server = await scripted({ append: once, read: seen(newId()) });
    const store = await storeOn(server.url);
    await runInTenant('t', () => store.append({ stream: 'thing-1', expected: 'any', events: [event()] }));
    expect(server.appends.map((request) => request.getOptions()?.hasAny())).toEqual([true, false]);
    expect(server.appends[1]!.getOptions()?.getStreamPosition()).toBe('0');
    expect(idsOf(server.appends)[1]).toEqual(idsOf(server.appends)[0]);
  });
});

describe('a read that is not answered', () => {
  it('is made again', async () => {
    const id = newId();
    const server = await scripted({
      read: (call) => {
        if (server.reads === 1) return;
        call.write(eventMessage('t~thing-1', id, 0n));
        call.end();
      },
    });
    await expect(read(await storeOn(server.url))).resolves.toMatchObject([{ id }]);
  });

  it('ends with a typed error when it never is', async () => {
    const store = await storeOn((await scripted()).url);
    await expect(read(store)).rejects.toThrow(StoreUnavailable);
    await expect(runInTenant('t', () => store.readFeed())).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  it('may take longer than the deadline as long as events come', async () => {
    const server = await scripted({
      read: (call) => {
        let sent = 0;
        const timer = setInterval(() => {
          call.write(eventMessage('t~thing-1', newId(), 0n));
          if ((sent += 1) < 5) return;
          clearInterval(timer);
          call.end();
        }, 200);
      },
    });
    await expect(read(await storeOn(server.url, { ...SOON, deadline: 600 }))).resolves.toHaveLength(5);
    expect(server.reads).toBe(1);
  });
});

it("a connection that is dropped does not touch other stores' appends of the process", async () => {
  // The client itself rejects them, forgets them, and ends the process when their answers come.
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);
  process.on('uncaughtException', note);
  open.push(() => process.off('uncaughtException', note));
  const held: (() => void)[] = [];
  const slow = await scripted({ append: (request, call) => void held.push(() => accept(request, call)) });
  const dropped = await scripted({ append: () => dropped.close() });
  const inFlight = append(await storeOn(slow.url, PATIENT));
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await expect(append(await storeOn(dropped.url))).rejects.toThrow(CommitUnknown);
  held.forEach((answer) => answer());
  await expect(inFlight).resolves.toMatchObject([{ revision: 0n }]);
  expect(slow.appends).toHaveLength(1);
  expect(uncaught).toEqual([]);
});

describe('a server that is down', () => {
  it('gives a typed error to appends, reads and everything else, and says that nothing was appended', async () => {
    const server = await scripted();
    server.close();
    const store = await storeOn(server.url);
    for (const attempt of [append(store), read(store), store.tenantHeads(), store.lastPosition()]) {
      await expect(attempt).rejects.toThrow(StoreUnavailable);
    }
    await expect(runInTenant('t', () => store.readFeed())).rejects.toThrow(StoreUnavailable);
    await expect(
      runInTenant('t', () =>
        store.transaction(() => store.append({ stream: 'a-1', expected: 'any', events: [event()] })),
      ),
    ).rejects.toThrow(StoreUnavailable);
  });
});

describe('a node that is not the leader', () => {
  it('sends appends and reads to the leader, and nobody notices', async () => {
    const leader = await scripted({ read: (call) => call.end() });
    const follower = await scripted({
      append: (_, call) => call.emit('error', notLeader(leader.port)),
      read: (call) => call.emit('error', notLeader(leader.port)),
    });
    await expect(append(await storeOn(follower.url))).resolves.toHaveLength(1);
    expect(leader.appends).toHaveLength(1);
    expect(idsOf(leader.appends)).toEqual(idsOf(follower.appends));
    await expect(read(await storeOn(follower.url))).resolves.toEqual([]);
    expect([follower.reads, leader.reads]).toEqual([1, 1]);
  });
});

it('credentials belong to the connection: appends stay on the one fast call', async () => {
  const server = await scripted();
  const store = await storeOn(server.url.replace('esdb://', 'esdb://admin:changeit@'), PATIENT);
  await Promise.all([append(store), append(store), append(store)]);
  expect(server.appends).toHaveLength(3);
  expect(server.unexpected).toEqual([]);
});

it('the time of an event is its ticks, to the millisecond', async () => {
  const at = new Date('2026-11-22T19:20:21.123Z');
  const ticks = BigInt(at.getTime()) * 10_000n + 4_567n;
  const server = await scripted({
    read: (call) => {
      call.write(eventMessage('t~thing-1', newId(), ticks));
      call.end();
    },
  });
  const [recorded] = await read(await storeOn(server.url));
  expect(recorded?.metadata.recordedAt).toEqual(at);
});

it.each(['', 'postgres://127.0.0.1/x', 'esdb://admin:secret@'])('"%s" is refused, and not shown', async (url) => {
  const attempt = openKurrentEventStore(url);
  await expect(attempt).rejects.toThrow(InvalidArgument);
  await expect(attempt).rejects.not.toThrow(/secret/);
});
