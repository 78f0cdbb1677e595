// Consumer groups: what was away while an event was in hand, and whose fault that is.
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnavailable, OwnershipLost } from '@concord/database';
import type { RecordedEvent } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { openRelay } from '../../acceptance/relay.js';
import {
  appendTo,
  countHandled,
  type Handle,
  handled,
  openNode,
  until,
  writeDown,
} from '../../fixtures/group-member.js';
import { allHandled, clean, group, type GroupStores, sceneOn } from './kit.js';

// As a handler does that waits for something else while it has the transaction, only sooner.
const outstayItsTransaction: Handle = async (_event, _context, database) => {
  await database.query({ text: 'set local idle_in_transaction_session_timeout = 50' });
  await sleep(500);
};

const unlucky: readonly (readonly [string, Handle])[] = [
  ['outstays its transaction', outstayItsTransaction],
  [
    'outstays its transaction before it writes',
    async (...given) => {
      await outstayItsTransaction(...given);
      await writeDown(...given);
    },
  ],
  ['needs another database, which is down', () => Promise.reject(new DatabaseUnavailable('the other one is down'))],
  ['has lost another lease', () => Promise.reject(new OwnershipLost('the other one'))],
];

export function interruptions(stores: GroupStores): void {
  const closings: (() => Promise<void>)[] = [];
  // Before the stores are closed.
  afterEach(async () => {
    for (const close of closings.splice(0)) await close();
  });
  const scene = sceneOn(stores);
  const retry = { firstMs: 10, mostMs: 10 };

  describe('an event in hand', () => {
    it.each(unlucky)('that %s each time is parked in the end, and holds up no other', async (_, handle) => {
      const a = await scene.node();
      const isBad = ({ stream, streamPosition }: RecordedEvent): boolean =>
        stream === 'order-1' && streamPosition === 1n;
      await appendTo(a.store, 'slow', ['order-1', 'order-2'], 3);
      await appendTo(a.store, 'other', ['order-1'], 1);
      await a.join({ slices: 1, retry, maxAttempts: 2 }, (event, ...rest) =>
        isBad(event) && event.metadata.tenantId === 'slow' ? handle(event, ...rest) : writeDown(event, ...rest),
      );
      const parked = () => runInTenant('slow', () => a.groups.parked(group));
      await until('parked', async () => (await parked()).length === 1);
      const [event] = await parked();
      expect(event).toMatchObject({ stream: 'order-1', streamPosition: 1n, attempts: 2 });
      expect(event!.reason).toMatch(/^(DatabaseUnavailable|CommitUnknown|OwnershipLost): /);
      // The rest of its stream waits; nobody else does.
      await until('the others', async () => (await handled(a.database, group)).length === 5);
      expect(await countHandled(a, group)).toEqual({ events: 7, ...clean, missing: 2 });
    });

    it('of which a replay is interrupted each time stays parked', async () => {
      const a = await scene.node();
      await appendTo(a.store, 't', ['order-1', 'order-2'], 1);
      await a.join({ slices: 1, retry, maxAttempts: 1, leaseMs: 1000 }, (event, ...rest) =>
        event.stream === 'order-1' ? outstayItsTransaction(event, ...rest) : writeDown(event, ...rest),
      );
      const parked = () => runInTenant('t', () => a.groups.parked(group));
      await until('parked', async () => (await parked()).length === 1);
      const [event] = await parked();
      await runInTenant('t', () => a.groups.replay(group, [event!.eventId]));
      await until('another attempt', async () => (await parked())[0]!.attempts === 2);
      await appendTo(a.store, 't', ['order-2'], 1);
      await until('the other stream', async () => (await handled(a.database, group)).length === 2);
    });

    it('while its group’s own database goes away each time: no attempt is counted', async () => {
      const relay = await openRelay(scene.places.url);
      const a = await openNode({ ...scene.places, url: relay.url });
      closings.push(relay.restore, a.close, relay.close);
      const cuts = 5;
      const interruptedSoFar = (): number => a.failures.filter(({ slice }) => slice !== undefined).length;
      const cutAt: number[] = [];
      await appendTo(a.store, 't', ['order-1'], 2);
      await a.join({ slices: 1, maxAttempts: 1, leaseMs: 60_000 }, async (...given) => {
        if (cutAt.length < cuts) {
          cutAt.push(interruptedSoFar());
          await relay.cut();
        }
        await writeDown(...given);
      });
      for (let cut = 1; cut <= cuts; cut += 1) {
        await until('in hand', () => cutAt.length === cut);
        await until('interrupted', () => interruptedSoFar() > cutAt[cut - 1]!);
        await relay.restore();
      }
      await until('all handled', allHandled(a));
      expect(await countHandled(a, group)).toEqual({ events: 2, ...clean });
      expect((await handled(a.database, group)).map(({ attempt }) => attempt)).toEqual([1, 1]);
      expect(new Set(a.failures.map(({ outcome }) => outcome))).toEqual(new Set(['interrupted']));
    });
  });
}
