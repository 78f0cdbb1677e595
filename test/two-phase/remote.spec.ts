// A service elsewhere as a participant, over HTTP: who may ask, what it answers, and how it comes out of doubt.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { failpoints, RemoteParticipant, TransactionAborted, TwoPhaseModule } from '@concord/coordination';
import { newId } from '@concord/kernel';
import { createHmac } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '@concord/testing';
import { until } from '../contract/locking/kit.js';
import { freePort } from '../fixtures/free-port.js';
import { eventsOf, fill, inTenant, openSide, preparedLocks, type Side, type TestStores, twoDatabases } from './kit.js';
import { Purse } from './purse.js';
import { serveCoordinator } from './world.js';
import { type RunningService, SECRET, SERVICE, startService } from './service.js';

let stores: TestStores;
let other: TestDatabase;
let service: RunningService;
let side: Side;
let asked: NestFastifyApplication;

beforeAll(async () => {
  [stores, other] = [await twoDatabases(), await createTestDatabase()];
  const port = await freePort();
  service = await startService(other.url, { coordinatorUrl: `http://127.0.0.1:${port}` });
  const remote = new RemoteParticipant({ name: SERVICE, url: service.url, secret: SECRET, timeoutMs: 5000 });
  side = await openSide(stores.urls, {
    others: [remote],
    everyMs: 100,
    graceMs: 100,
    askAfterMs: 300,
    patienceMs: 15_000,
  });
  asked = await serveCoordinator(side.coordinator, port);
});
afterAll(async () => {
  await asked.close();
  await service.close();
  await side.close();
  await Promise.all([stores.drop(), other.drop()]);
});
afterEach(failpoints.clear);

/** Moves money from a purse here to a purse of the service. */
function pay(purse: string, amount: bigint, id = newId(), patienceMs = 15_000) {
  return inTenant(() =>
    side.coordinator.transaction(
      async (transaction) => {
        (await transaction.store('a').load(Purse, purse)).move(-amount);
        transaction.enlist(SERVICE, { purse, amount: amount.toString() });
      },
      { id, patienceMs },
    ),
  );
}

const settled = async (): Promise<void> =>
  until('nothing in doubt anywhere', async () => {
    const open = [...(await side.coordinator.transactions()), ...(await service.participant.inDoubt(0))];
    return open.length === 0 && (await preparedLocks(service.opened)).length === 0;
  });

describe('a transaction with a remote service', () => {
  it('commits on both sides, once', async () => {
    await fill(side, 'a', 'paid', 100n);
    const id = newId();
    expect(await pay('paid', 40n, id)).toMatchObject({ outcome: 'committed', waiting: [] });
    expect(await pay('paid', 40n, id)).toEqual({ outcome: 'repeated', id });
    expect([await eventsOf(side.a, 'paid'), await eventsOf(service.opened, 'paid')]).toEqual([[100n, -40n], [40n]]);
    await settled();
  });

  it('changes nothing where the service refuses, and says its reason', async () => {
    await fill(side, 'a', 'refused', 100n);
    const refused = inTenant(() =>
      side.coordinator.transaction(async (transaction) => {
        (await transaction.store('a').load(Purse, 'refused')).move(40n);
        transaction.enlist(SERVICE, { purse: 'refused', amount: '-40' });
      }),
    );
    await expect(refused).rejects.toThrow(TransactionAborted);
    await expect(refused).rejects.toMatchObject({
      participant: SERVICE,
      reason: { kind: 'refused', code: 'invariant-broken', message: expect.stringContaining('-40') },
    });
    expect(await eventsOf(side.a, 'refused')).toEqual([100n]);
    await settled();
  });

  it('is aborted where the service does not vote in time, and its late prepare meets a tombstone', async () => {
    await fill(side, 'a', 'late', 100n);
    // The same process here: the store of this side comes late as well.
    failpoints.add('participant.prepare-received:sleep:2000');
    await expect(pay('late', 1n, newId(), 1000)).rejects.toMatchObject({ reason: { kind: 'unavailable' } });
    failpoints.clear();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect([await eventsOf(side.a, 'late'), await eventsOf(service.opened, 'late')]).toEqual([[100n], []]);
    await settled();
  });

  it('asks its coordinator when it hears nothing, and is told that what nobody knows was aborted', async () => {
    const transaction = {
      id: newId(),
      tenant: 'pursers',
      coordinator: 'concord',
      age: { started: 1n, origin: newId() },
      patienceMs: 1000,
    };
    const vote = await new RemoteParticipant({ name: SERVICE, url: service.url, secret: SECRET }).prepare(transaction, {
      purse: 'orphan',
      amount: '1',
    });
    expect(vote).toEqual({ vote: 'yes' });
    expect(await preparedLocks(service.opened)).toEqual(['purse-orphan']);
    await until('it has asked', async () => (await service.participant.status(transaction.id)) === 'aborted');
    expect(await service.participant.prepare(transaction, { purse: 'orphan', amount: '1' })).toMatchObject({
      vote: 'no',
      reason: { kind: 'settled' },
    });
    await expect(service.participant.commit(transaction.id)).rejects.toMatchObject({ code: 'outcome-contradicted' });
    await settled();
  });
});

describe('the door of a service', () => {
  const MEDIA = 'application/vnd.concord.2pc+json';
  async function knock(action: string, body: string, headers: Record<string, string> = {}, method = 'POST') {
    const answer = await fetch(`${service.url}/2pc/${action}`, {
      method,
      ...(method === 'POST' && { body }),
      headers: { 'content-type': MEDIA, ...headers },
    });
    return { status: answer.status, type: answer.headers.get('content-type'), body: await answer.json() };
  }
  function signed(action: string, body: string, { secret = SECRET, time = Date.now(), of = action } = {}) {
    const signature = createHmac('sha256', secret).update(`concord-2pc\n${of}\n${time}\n${body}`).digest('hex');
    return { 'concord-2pc-time': `${time}`, 'concord-2pc-signature': signature };
  }
  const AGED = {
    id: newId(),
    coordinator: 'concord',
    tenant: 't',
    age: { started: '1', origin: newId() },
    patienceMs: 1000,
  };
  const asking = (transaction: unknown = { id: newId() }) => JSON.stringify({ transaction });

  it('opens to who has signed', async () => {
    const body = asking();
    expect(await knock('status', body, signed('status', body))).toMatchObject({
      status: 200,
      body: { state: 'unknown' },
    });
  });

  it.each([
    ['no signature', (): Record<string, string> => ({})],
    ['another secret', (body: string) => signed('status', body, { secret: `another ${SECRET}` })],
    ['another step signed', (body: string) => signed('status', body, { of: 'abort' })],
    ['another body signed', (body: string) => signed('status', `${body} `)],
    ['an old signature', (body: string) => signed('status', body, { time: Date.now() - 600_000 })],
    ['one from the future', (body: string) => signed('status', body, { time: Date.now() + 600_000 })],
  ])('stays closed: %s', async (_, headers) => {
    const body = asking();
    const answer = await knock('status', body, headers(body));
    expect(answer).toMatchObject({
      status: 401,
      type: 'application/problem+json',
      body: { type: 'urn:concord:problem:not-signed' },
    });
  });

  it.each([
    ['no JSON', 'status', '{', 400, 'invalid-argument'],
    ['no id', 'commit', asking({ id: '7' }), 400, 'invalid-argument'],
    ['no tenant', 'abort', asking({ id: newId(), coordinator: 'concord' }), 400, 'tenant-missing'],
    ['no age', 'prepare', asking({ id: newId(), coordinator: 'concord', tenant: 't' }), 400, 'invalid-argument'],
    ['no choice', 'prepare', asking({ ...AGED, keepLocks: 'yes' }), 400, 'invalid-argument'],
    ['nothing prepared', 'commit', asking(), 409, 'outcome-contradicted'],
    ['an unknown step', 'perhaps', asking(), 404, 'not-found'],
    ['no coordinator', 'outcome', asking(), 404, 'not-found'],
  ])('answers with a problem: %s', async (...[, action, body, status, code]) => {
    const answer = await knock(action, body, signed(action, body));
    expect(answer).toMatchObject({ status, type: 'application/problem+json' });
    expect(answer.body).toMatchObject({ type: `urn:concord:problem:${code}`, status, detail: expect.any(String) });
  });

  it('takes a prepare under the id of another one for no repeat, before and after its end', async () => {
    const id = newId();
    const transaction = {
      id,
      tenant: 'pursers',
      // Whom the service cannot ask meanwhile.
      coordinator: 'nobody',
      age: { started: '1', origin: id },
      patienceMs: 1000,
    };
    const ask = async (work: unknown, changed: object = {}) => {
      const body = JSON.stringify({ transaction: { ...transaction, ...changed }, work });
      const answer = await knock('prepare', body, signed('prepare', body));
      const said = answer.body as { vote?: string; type?: string };
      return [answer.status, said.vote ?? said.type];
    };
    const different = [409, 'urn:concord:problem:transaction-id-reused'];
    expect(await ask({ purse: 'twice', amount: '1' })).toEqual([200, 'yes']);
    // In whatever order the names come, and however long it waits.
    expect(await ask({ amount: '1', purse: 'twice' }, { patienceMs: 2000 })).toEqual([200, 'yes']);
    expect(await ask({ purse: 'twice', amount: '2' })).toEqual(different);
    expect(await ask({ purse: 'twice', amount: '1' }, { tenant: 'others' })).toEqual(different);
    const remote = new RemoteParticipant({ name: SERVICE, url: service.url, secret: SECRET });
    const reused = remote.prepare(
      { ...transaction, age: { started: 1n, origin: id } },
      { purse: 'twice', amount: '2' },
    );
    await expect(reused).rejects.toMatchObject({ code: 'transaction-id-reused', participant: SERVICE });
    // Of two at the same time, neither finds the other before it has done its work.
    const { participant } = service.opened;
    const ref = { ...transaction, age: { started: 2n, origin: newId() } };
    const session = participant.open(ref.age);
    await inTenant(async () => {
      (await session.load(Purse, 'another')).move(1n);
      const work = { ...session.work(newId, {}), content: Buffer.from('another') };
      await expect(participant.prepare(ref, work)).rejects.toMatchObject({ code: 'transaction-id-reused' });
    });
    session.release();
    await service.participant.commit(id);
    expect(await ask({ purse: 'twice', amount: '1' })).toEqual([200, 'no']);
    expect(await ask({ purse: 'twice', amount: '2' })).toEqual(different);
    expect(await eventsOf(service.opened, 'twice')).toEqual([1n]);
  });

  it('takes nothing but its own media type, by POST, of a size', async () => {
    const body = asking();
    expect(await knock('status', body, { 'content-type': 'application/json' })).toMatchObject({ status: 415 });
    expect(await knock('status', '', {}, 'GET')).toMatchObject({ status: 405 });
    expect(await knock('status', 'x'.repeat(1_000_001))).toMatchObject({ status: 413 });
  });

  it('is not opened with a secret that could be guessed', () => {
    expect(() => TwoPhaseModule.forCoordinator({ secrets: ['short'] })).toThrow(/at least 32 characters/);
    expect(() => TwoPhaseModule.forCoordinator({ secrets: [] })).toThrow(/needs a secret/);
  });
});
