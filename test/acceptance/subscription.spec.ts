// The events of an account as they come, over a web socket.
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStore } from '@concord/event-store';
import { type BankUnderTest, startBank } from './bank-under-test.js';
import { type GraphQLSocket, openSocket } from './graphql-socket.js';

const PAYLOAD = { payload: { 'X-Tenant-Id': 't1' } };
const FIELDS = '{ type revision position data }';

describe('a subscription', () => {
  let bank: BankUnderTest;
  const sockets: GraphQLSocket[] = [];
  beforeAll(async () => {
    bank = await startBank();
  });
  afterAll(async () => {
    for (const socket of sockets) socket.close();
    await bank.close();
  });

  const connect = async (options?: Parameters<typeof openSocket>[1]): Promise<GraphQLSocket> => {
    const socket = await openSocket(bank.url, options);
    sockets.push(socket);
    return socket;
  };
  const revisions = async (socket: GraphQLSocket, count: number): Promise<number[]> => {
    const seen: number[] = [];
    while (seen.length < count) {
      const { type, payload } = await socket.next();
      if (type !== 'next' || payload.errors) throw new Error(JSON.stringify({ type, payload }));
      seen.push(payload.data.accountEvents.revision);
    }
    return seen;
  };

  it('starts from a revision, goes on with what comes, and misses nothing', async () => {
    await bank.open('s-1', '1.00');
    await bank.post('/v1/accounts/s-1/deposits', { amount: '2.00' });
    const socket = await connect(PAYLOAD);
    socket.subscribe('1', `subscription { accountEvents(accountId: "s-1", fromRevision: 1) ${FIELDS} }`);
    const first = await socket.next();
    expect(first).toEqual({
      type: 'next',
      id: '1',
      payload: {
        data: {
          accountEvents: {
            type: 'MoneyDeposited',
            revision: 1,
            position: expect.stringMatching(/^\d+$/),
            data: expect.objectContaining({ amount: '1.00', balance: '1.00' }),
          },
        },
      },
    });
    expect(await revisions(socket, 1)).toEqual([2]);
    const deposits = Array.from({ length: 30 }, () => bank.post('/v1/accounts/s-1/deposits', { amount: '1.00' }));
    expect(await revisions(socket, 30)).toEqual(Array.from({ length: 30 }, (_, index) => index + 3));
    await Promise.all(deposits);
  });

  it('waits for an account that is yet to be opened, and takes its tenant from the upgrade too', async () => {
    const socket = await connect({ headers: { 'x-tenant-id': 'other' } });
    socket.subscribe('1', `subscription { accountEvents(accountId: "s-2") ${FIELDS} }`);
    await sleep(100);
    await bank.open('s-2', '1.00');
    await bank.open('s-2', '9.00', {}, { tenant: 'other' });
    const [opened, deposited] = [await socket.next(), await socket.next()];
    expect(opened.payload.data.accountEvents.type).toBe('AccountOpened');
    expect(deposited.payload.data.accountEvents.data.amount).toBe('9.00');
  });

  it('stops when it is completed or its socket closes, also while nothing comes', async () => {
    const store = bank.app.get(EventStore, { strict: false });
    const { listeners } = store as unknown as { listeners: { listeners: Set<unknown> } };
    const before = listeners.listeners.size;
    const socket = await connect(PAYLOAD);
    for (const id of ['1', '2', '3']) {
      socket.subscribe(id, `subscription { accountEvents(accountId: "s-3-${id}") ${FIELDS} }`);
    }
    await until(() => listeners.listeners.size === before + 3);
    socket.send({ id: '1', type: 'complete' });
    await until(() => listeners.listeners.size === before + 2);
    socket.close();
    await until(() => listeners.listeners.size === before);
  });

  it.each([
    ['without a tenant', {}, 's-1', 'tenant-missing'],
    ['with a tenant that is none', { payload: { 'X-Tenant-Id': 'a b' } }, 's-1', 'tenant-malformed'],
    ['to an account that can be none', PAYLOAD, 'a b', 'invalid-input'],
  ])('%s is refused', async (...[, options, accountId, code]) => {
    const socket = await connect(options);
    socket.subscribe('1', `subscription { accountEvents(accountId: "${accountId}") ${FIELDS} }`);
    const { type, payload } = await socket.next();
    expect(type).toBe('error');
    expect(payload[0].extensions).toMatchObject({ type: `urn:concord:problem:${code}`, status: 400 });
  });
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it did not come to that');
    await sleep(10);
  }
}
