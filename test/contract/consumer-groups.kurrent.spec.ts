import { openWire } from '../kurrent/wire.js';
import { appendTo, countHandled, handled, openNode, until, writeDown } from '../fixtures/group-member.js';
import { consumerGroupsContract } from './consumer-groups.contract.js';
import { onKurrent } from './consumer-groups/kit.js';

describe('consumer groups, with the events on KurrentDB, over apps/eventstore', () => {
  consumerGroupsContract(onKurrent);

  it('count no attempt while the event store is away, and go on when it is back', async () => {
    const ground = await onKurrent.open();
    const wire = await openWire(ground.places.eventStoreUrl!);
    const node = await openNode({ ...ground.places, eventStoreUrl: wire.url, patience: 500 });
    await appendTo(node.store, 't', ['order-1', 'order-2'], 2);
    let isAway = false;
    await node.join({ slices: 2, maxAttempts: 1 }, async (event, context, database) => {
      if (!isAway) await wire.cut();
      isAway = true;
      await Array.fromAsync(node.store.readStream(event.stream, { limit: 1 }));
      await writeDown(event, context, database);
    });
    await until('an interruption', () => node.failures.some(({ outcome }) => outcome === 'interrupted'));
    await wire.restore();
    await until('all handled', async () => (await countHandled(node, 'spec')).missing === 0);
    // The batch is told of, and no event of it.
    expect(node.failures.filter(({ event }) => event !== undefined)).toEqual([]);
    expect((await handled(node.database, 'spec')).map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
    await node.close();
    await wire.cut();
    await ground.close();
  });
});
