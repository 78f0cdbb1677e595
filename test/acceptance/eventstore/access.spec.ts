import {
  binaryEvent,
  type Credentials,
  EventStoreDBClient,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  START,
} from '@eventstore/db-client';
import { InvalidArgument, newId } from '@concord/kernel';
import { EventStoreSettings } from '../../../apps/eventstore/src/settings.js';
import { makeCertificate } from '../../fixtures/certificate.js';
import { consuming } from './consuming.js';
import { collect, event, type ServerUnderTest, startServer, taking } from './server-under-test.js';

const { cert, key } = makeCertificate();
const TLS = { EVENTSTORE_TLS_CERT: cert, EVENTSTORE_TLS_KEY: key };
const USERS = 'admin:secret:with:colons,ann:ä pass,bob:b,ops:o';
const user = (username: string, password: string): Credentials => ({ username, password });
const [admin, ann, bob] = [user('admin', 'secret:with:colons'), user('ann', 'ä pass'), user('bob', 'b')];

let server: ServerUnderTest;
let client: EventStoreDBClient;

beforeAll(async () => {
  server = await startServer({ ...TLS, EVENTSTORE_USERS: USERS });
  client = server.connect(`&tlsCAFile=${cert}`);
});

afterAll(async () => {
  await server.close();
});

const fresh = () => `order-${newId()}`;
const denied = { type: 'access-denied' };

describe('users', () => {
  it('are known by name and password, and nobody else is let in, whatever the call', async () => {
    expect(server.connectionString).toMatch(/tls=true$/);
    const stream = fresh();
    await client.appendToStream(stream, event(), { credentials: ann });
    for (const credentials of [undefined, user('ann', 'wrong'), user('nobody', 'b'), user('', '')]) {
      const who = credentials && { credentials };
      await expect(client.appendToStream(stream, event(), who)).rejects.toMatchObject(denied);
      await expect(collect(client.readStream(stream, who))).rejects.toMatchObject(denied);
      await expect(client.deleteStream(stream, who)).rejects.toMatchObject(denied);
      await expect(client.tombstoneStream(stream, who)).rejects.toMatchObject(denied);
      await expect(taking(client.subscribeToAll(who))(1)).rejects.toMatchObject(denied);
    }
    expect(await collect(client.readStream(stream, { credentials: bob }))).toHaveLength(1);
  });

  it('may be those of the connection, for batches too', async () => {
    const { port } = server;
    const [own, other] = [bob, user('bob', 'x')].map(({ username, password }) =>
      EventStoreDBClient.connectionString(
        `esdb://${username}:${password}@127.0.0.1:${port}?tls=true&tlsCAFile=${cert}`,
      ),
    ) as [EventStoreDBClient, EventStoreDBClient];
    const stream = fresh();
    await own.appendToStream(stream, event());
    await expect(other.appendToStream(stream, event())).rejects.toMatchObject(denied);
    expect(await collect(own.readStream(stream))).toHaveLength(1);
    await own.dispose();
    await other.dispose();
  });
});

describe('the ACL of a stream', () => {
  it('names who may read, write and delete it, and its metadata', async () => {
    const stream = fresh();
    await client.appendToStream(stream, event(), { credentials: ann });
    const acl = {
      readRoles: ['ann', 'bob'],
      writeRoles: ['ann'],
      deleteRoles: [],
      metaReadRoles: ['bob'],
      metaWriteRoles: ['ann'],
    };
    await client.setStreamMetadata(stream, { acl }, { credentials: ann });

    expect(await collect(client.readStream(stream, { credentials: bob }))).toHaveLength(1);
    await expect(client.appendToStream(stream, event(), { credentials: bob })).rejects.toMatchObject(denied);
    await client.appendToStream(stream, event(), { credentials: ann });
    await expect(client.deleteStream(stream, { credentials: ann })).rejects.toMatchObject(denied);
    await expect(client.tombstoneStream(stream, { credentials: ann })).rejects.toMatchObject(denied);
    await expect(client.getStreamMetadata(stream, { credentials: ann })).rejects.toMatchObject(denied);
    expect((await client.getStreamMetadata(stream, { credentials: bob })).metadata).toEqual({ acl });
    await expect(client.setStreamMetadata(stream, {}, { credentials: bob })).rejects.toMatchObject(denied);

    await client.setStreamMetadata(stream, { acl: { readRoles: [] } }, { credentials: ann });
    await expect(collect(client.readStream(stream, { credentials: bob }))).rejects.toMatchObject(denied);
    await expect(taking(client.subscribeToStream(stream, { credentials: bob }))(1)).rejects.toMatchObject(denied);
    expect(await collect(client.readStream(stream, { credentials: admin }))).toHaveLength(2);
    await client.deleteStream(stream, { credentials: bob });
  });

  it('keeps $all and system streams for administrators, until they give the right away', async () => {
    await client.appendToStream(fresh(), event(), { credentials: bob });
    const readAll = () => collect(client.readAll({ credentials: bob, maxCount: 1 }));
    const readCategory = () => collect(client.readStream('$ce-order', { credentials: bob, maxCount: 1 }));
    await expect(readAll()).rejects.toMatchObject(denied);
    await expect(readCategory()).rejects.toMatchObject(denied);
    await expect(client.setStreamMetadata('$all', {}, { credentials: bob })).rejects.toMatchObject(denied);
    for (const stream of ['$all', '$ce-order']) {
      await client.setStreamMetadata(stream, { acl: { readRoles: ['bob'] } }, { credentials: admin });
    }
    expect(await readAll()).toHaveLength(1);
    expect(await readCategory()).toHaveLength(1);
  });
});

const linkTo = (stream: string) =>
  binaryEvent({ type: '$>', data: Buffer.from(`0@${stream}`), contentType: 'application/octet-stream' });

describe('a link that a user has written', () => {
  it('shows its event to nobody who may not read that', async () => {
    const [secret, list] = [fresh(), fresh()];
    await client.appendToStream(secret, event('Secret'), { credentials: ann });
    await client.appendToStream('$payroll', event('Secret'), { credentials: admin });
    await client.setStreamMetadata(secret, { acl: { readRoles: ['ann'] } }, { credentials: ann });
    const targets = [secret, '$payroll', `$$${secret}`];
    for (const target of targets) await client.appendToStream(list, linkTo(target), { credentials: bob });

    const seenBy = async (credentials: Credentials) => {
      const resolved = await collect(client.readStream(list, { resolveLinkTos: true, credentials }));
      return resolved.map(({ event: shown, link }) => (link ? shown?.type : 'no link'));
    };
    expect(await seenBy(bob)).toEqual([undefined, undefined, '$metadata']);
    expect(await seenBy(ann)).toEqual(['Secret', undefined, '$metadata']);
    expect(await seenBy(admin)).toEqual(['Secret', 'Secret', '$metadata']);

    const subscription = client.subscribeToStream(list, { resolveLinkTos: true, credentials: bob });
    const [first] = await taking(subscription)(1);
    expect(first!.event).toBeUndefined();
    expect(first!.link!.type).toBe('$>');
    await subscription.unsubscribe();
  });
});

describe('persistent subscriptions', () => {
  const subscribeWith = (stream: string, credentials: Credentials | undefined) =>
    consuming(client.subscribeToPersistentSubscriptionToStream(stream, 'g', { ...(credentials && { credentials }) }));

  it('are made and managed by operators, and consumed by whoever may read the stream', async () => {
    const [stream, ops] = [fresh(), user('ops', 'o')];
    await client.setStreamMetadata(stream, { acl: { readRoles: ['ann'] } }, { credentials: admin });
    await client.appendToStream(stream, event(), { credentials: bob });
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START });
    const toAll = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START });
    const make = (credentials: Credentials) =>
      client.createPersistentSubscriptionToStream(stream, 'g', settings, { credentials });
    await expect(make(ann)).rejects.toMatchObject(denied);
    await make(ops);
    const managing: (() => Promise<unknown>)[] = [
      () => client.createPersistentSubscriptionToAll('g', toAll, { credentials: ann }),
      () => client.updatePersistentSubscriptionToStream(stream, 'g', settings, { credentials: ann }),
      () => client.deletePersistentSubscriptionToStream(stream, 'g', { credentials: ann }),
      () => client.replayParkedMessagesToStream(stream, 'g', { credentials: ann }),
      () => client.restartPersistentSubscriptionSubsystem({ credentials: ann }),
      () => client.getPersistentSubscriptionToStreamInfo(stream, 'g'),
      () => client.listAllPersistentSubscriptions(),
    ];
    for (const call of managing) await expect(call()).rejects.toMatchObject(denied);
    expect(await subscribeWith(stream, bob).ended).toMatchObject(denied);
    expect(await subscribeWith(stream, undefined).ended).toMatchObject(denied);
    const one = subscribeWith(stream, ann);
    expect((await one.take(1))[0]!.event!.streamId).toBe(stream);
    const info = await client.getPersistentSubscriptionToStreamInfo(stream, 'g', { credentials: bob });
    expect(info.connections).toMatchObject([{ username: 'ann', connectionName: expect.any(String) }]);
    const parked = `$persistentsubscription-${stream}::g-parked`;
    await expect(collect(client.readStream(parked, { credentials: ann }))).rejects.toMatchObject(denied);
    await one.leave();
    await client.createPersistentSubscriptionToAll('g', toAll, { credentials: ops });
    const all = consuming(client.subscribeToPersistentSubscriptionToAll('g', { credentials: ann }));
    expect(await all.ended).toMatchObject(denied);
  });

  it('resolve links to what everybody may read, and to nothing else', async () => {
    const [open, secret, list] = [fresh(), fresh(), fresh()];
    await client.setStreamMetadata(secret, { acl: { readRoles: ['ann'] } }, { credentials: admin });
    for (const stream of [open, secret]) await client.appendToStream(stream, event(), { credentials: admin });
    for (const target of [open, secret]) await client.appendToStream(list, linkTo(target), { credentials: bob });
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START, resolveLinkTos: true });
    await client.createPersistentSubscriptionToStream(list, 'g', settings, { credentials: admin });
    const one = subscribeWith(list, bob);
    const seen = await one.take(2);
    expect(seen.map((resolved) => resolved.event?.streamId)).toEqual([open, undefined]);
    await one.leave();
  });
});

describe('settings', () => {
  it.each<[string, NodeJS.ProcessEnv]>([
    ['users without TLS', { EVENTSTORE_USERS: 'a:b' }],
    ['a door to everybody without users', { EVENTSTORE_HOST: '0.0.0.0' }],
    ['a key without a certificate', { EVENTSTORE_TLS_KEY: key }],
    ['a certificate that is not there', { ...TLS, EVENTSTORE_TLS_CERT: '/nowhere' }],
    ['a port that is none', { EVENTSTORE_PORT: 'x' }],
    ['a tenant that is none', { EVENTSTORE_TENANT: '/' }],
  ])('refuse %s', (_, environment) => {
    expect(() => new EventStoreSettings(environment)).toThrow();
  });

  it.each(['a', ':b', 'a:b,a:c', '$admins:x'])('refuse the users %j without showing a password', async (users) => {
    const started = startServer({ ...TLS, EVENTSTORE_USERS: users });
    await expect(started).rejects.toThrow(InvalidArgument);
    await expect(started).rejects.toThrow(/^EVENTSTORE_USERS is name:password,name:password,... and names/);
  });

  it('let everybody on the loopback in without users', async () => {
    const open = await startServer();
    await open.client.appendToStream('$system', event());
    expect(await collect(open.client.readAll())).toHaveLength(1);
    await open.close();
  });
});
