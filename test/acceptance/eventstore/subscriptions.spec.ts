import { END, eventTypeFilter, excludeSystemEvents, START, streamNameFilter } from '@eventstore/db-client';
import { EventStore } from '@concord/event-store';
import { newId } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { withClient } from '@concord/testing';
import { collect, event, type ServerUnderTest, startServer, taking, TENANT } from './server-under-test.js';

let server: ServerUnderTest;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await server.close();
});

const fresh = (category = 'order') => `${category}-${newId()}`;
const once = (emitter: NodeJS.EventEmitter, name: string) => new Promise((resolve) => emitter.once(name, resolve));

describe('subscriptions', () => {
  it('to a stream: confirmed, what is there, caught up, then what comes, in order', async () => {
    const stream = fresh();
    await server.client.appendToStream(stream, [event('A'), event('B')]);
    const subscription = server.client.subscribeToStream(stream, { fromRevision: START });
    const [confirmed, caughtUp] = [once(subscription, 'confirmation'), once(subscription, 'caughtUp')];
    const take = taking(subscription);
    expect((await take(2)).map(({ event }) => event!.type)).toEqual(['A', 'B']);
    await Promise.all([confirmed, caughtUp]);
    await server.client.appendToStream(stream, [event('C'), event('D')]);
    expect((await take(2)).map(({ event }) => event!.revision)).toEqual([2n, 3n]);
    await subscription.unsubscribe();
  });

  it('to a stream after a revision, from its end, and before there is one', async () => {
    const stream = fresh();
    const early = server.client.subscribeToStream(stream, { fromRevision: START });
    await once(early, 'confirmation');
    await server.client.appendToStream(stream, [event('A'), event('B')]);
    const after = server.client.subscribeToStream(stream, { fromRevision: 0n });
    const late = server.client.subscribeToStream(stream, { fromRevision: END });
    await once(late, 'confirmation');
    await server.client.appendToStream(stream, event('C'));
    expect((await taking(early)(3)).map(({ event }) => event!.type)).toEqual(['A', 'B', 'C']);
    expect((await taking(after)(2)).map(({ event }) => event!.type)).toEqual(['B', 'C']);
    expect((await taking(late)(1)).map(({ event }) => event!.type)).toEqual(['C']);
  });

  it('to $all sees what domain code appends in this process, and what another process does', async () => {
    const subscription = server.client.subscribeToAll({ fromPosition: END });
    await once(subscription, 'confirmation');
    const take = taking(subscription);
    const stream = 'account-1' as const;
    await runInTenant(TENANT, () =>
      server.app.get(EventStore).append({ stream, expected: 'any', events: [{ id: newId(), type: 'In', data: {} }] }),
    );
    expect((await take(1))[0]!.event!.type).toBe('In');
    await withClient(server.databaseUrl, (client) =>
      client.query(`select concord.append_event($1, $2, 'any', $3, 'Elsewhere', '{}', '{}', true)`, [
        TENANT,
        stream,
        newId(),
      ]),
    );
    expect((await take(1))[0]!.event!.type).toBe('Elsewhere');
    await subscription.unsubscribe();
  });

  it('to $all after a position goes on behind it', async () => {
    await server.client.appendToStream(fresh(), [event('P1'), event('P2'), event('P3')]);
    const [, second, third] = (await collect(server.client.readAll())).slice(-3);
    const subscription = server.client.subscribeToAll({ fromPosition: second!.event!.position });
    expect((await taking(subscription)(1))[0]!.event!.id).toBe(third!.event!.id);
    await subscription.unsubscribe();
  });

  it.each([
    ['stream prefixes', streamNameFilter({ prefixes: ['wanted', 'also'] }), ['W1', 'W2', 'W3']],
    ['a stream regex', streamNameFilter({ regex: '^wanted-\\d+$' }), ['W1', 'W3']],
    ['type prefixes', eventTypeFilter({ prefixes: ['W2', 'W3'] }), ['W2', 'W3']],
    ['a type regex', eventTypeFilter({ regex: '^W[13]$' }), ['W1', 'W3']],
    ['no system events', excludeSystemEvents(), ['W1', 'N1', 'W2', 'N2', 'W3']],
  ])('filters $all by %s', async (_, filter, expected) => {
    const own = await startServer();
    const append = (stream: string, type: string) => own.client.appendToStream(stream, event(type));
    await append('wanted-1', 'W1');
    await append('other-1', 'N1');
    await append('$system', '$N');
    await append('also-1', 'W2');
    await append('other-1', 'N2');
    await append('wanted-2', 'W3');
    const subscription = own.client.subscribeToAll({ fromPosition: START, filter });
    expect((await taking(subscription)(expected.length)).map(({ event }) => event!.type)).toEqual(expected);
    await own.close();
  });

  it('tells checkpoints where a filter passes over much, so that a client need not begin anew', async () => {
    const reached: bigint[] = [];
    const types: string[] = [];
    const filter = eventTypeFilter({
      prefixes: ['Rare'],
      maxSearchWindow: 10,
      checkpointReached: async (_subscription, position) => void reached.push(position.commit),
    });
    const stream = fresh();
    await server.client.appendToStream(
      stream,
      Array.from({ length: 300 }, () => event('Common')),
    );
    const rare = await server.client.appendToStream(fresh(), event('Rare'));
    const last = await server.client.appendToStream(
      stream,
      Array.from({ length: 50 }, () => event('Common')),
    );
    const subscription = server.client.subscribeToAll({ fromPosition: START, filter });
    subscription.on('data', ({ event }) => types.push(event!.type));
    await once(subscription, 'caughtUp');
    expect(types).toEqual(['Rare']);
    expect(reached.length).toBeGreaterThan(1);
    expect(reached).toEqual(reached.toSorted((a, b) => Number(a - b)));
    expect(reached.at(-1)!).toBeGreaterThanOrEqual(last.position!.commit);
    expect(reached.at(-1)!).toBeGreaterThan(rare.position!.commit);
    await subscription.unsubscribe();
  });

  it('refuses a regular expression that is none', async () => {
    const subscription = server.client.subscribeToAll({ filter: eventTypeFilter({ regex: '(' }) });
    await expect(taking(subscription)(1)).rejects.toThrow(/regular expression/);
  });
});
