// Process managers over a real store: what goes wrong with one instance, and what comes early, late or twice.
import { runInMessage } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { until } from '../../../../test/fixtures/group-member.js';
import { append, purse, Put } from '../../../../test/fixtures/payouts.js';
import { begun, find, has, inT, said, say, Talk, talkOptions, talks } from '../../../../test/fixtures/talk.js';
import { ProcessManager } from './process-manager.js';

const scene = talks();

// Its attempts outlast its timer.
@ProcessManager({ ...talkOptions, maxAttempts: 1000 })
class PatientTalk extends Talk {}

describe('an instance that fails', () => {
  it('is tried again, quarantined with the reason, and goes on when it is released; others are not held up', async () => {
    Talk.broken = true;
    const node = await scene.start();
    await say(node, 'bad', begun('bad'), said('bad', 'throw'), said('bad', 'end'));
    // The same stream: its events reach the other instance, too.
    await say(node, 'bad', begun('good'), said('good', 'end'));
    await has(node, 'good', 'completed');
    await has(node, 'bad', 'quarantined');
    const [listed, ...others] = await inT(() => node.processes.quarantined('talk'));
    expect(others).toEqual([]);
    expect(listed).toMatchObject({
      instanceId: 'bad',
      reason: 'Error: this word is too much',
      attempts: 3,
      dueAt: null,
    });
    expect(node.failures.map(({ outcome }) => outcome)).toEqual(['retrying', 'retrying', 'quarantined']);
    await expect(inT(() => node.processes.release('talk', 'good'))).rejects.toMatchObject({
      code: 'process-not-releasable',
    });
    await expect(runInTenant('u', () => node.processes.release('talk', 'bad'))).rejects.toMatchObject({
      code: 'process-not-releasable',
    });

    Talk.broken = false;
    await inT(() => node.processes.release('talk', 'bad'));
    await has(node, 'bad', 'completed');
    expect((await find(node, 'bad'))?.state).toEqual({ words: ['throw', 'end'] });
    expect(await inT(() => purse(node.store, 'bad'))).toEqual({ sum: 1, events: 1 });
    expect(await node.processes.count('talk')).toEqual([{ tenantId: 't', status: 'completed', instances: 2 }]);
  });

  it('is undone when an operator gives it up', async () => {
    Talk.broken = true;
    const node = await scene.start();
    await say(node, 'bad', begun('bad'), said('bad', 'send'), said('bad', 'throw'));
    await has(node, 'bad', 'quarantined');
    expect(await find(node, 'bad')).toMatchObject({ undoable: expect.any(Array), owed: expect.any(Array) });
    await inT(() => node.processes.fail('talk', 'bad', 'nobody knows what it means'));
    await has(node, 'bad', 'compensated');
    expect(await find(node, 'bad')).toMatchObject({ reason: 'nobody knows what it means', undoable: [], owed: [] });
    expect((await inT(() => purse(node.store, 'bad'))).sum).toBe(0);
  });

  it('undoes what was applied, the last first, and cancels what was not', async () => {
    const sent: string[] = [];
    const node = await scene.start({
      around: async (command, send) => {
        sent.push(`${command.constructor.name} ${(command.order as { amount: number }).amount}`);
        return send();
      },
    });
    await say(node, 'x', begun('x'));
    await until('the first command', () => sent.length === 1);
    await say(node, 'x', said('x', 'send'));
    await until('the second command', () => sent.length === 2);
    await say(node, 'x', said('x', 'fail'));
    await has(node, 'x', 'compensated');
    expect(sent).toEqual(['Put 1', 'Put 5', 'Take 5', 'Take 1']);
  });

  it('a command that cannot be sent holds up no timer, and is never applied once the process has failed', async () => {
    let isDown = true;
    const late: (() => Promise<unknown>)[] = [];
    const node = await scene.start({
      managers: [new PatientTalk()],
      around: async (command, send) => {
        if (!isDown || (command.order as { amount: number }).amount !== 5) return send();
        late.push(send);
        throw new Error('it is down');
      },
    });
    await say(node, 'x', begun('x'), said('x', 'send'));
    await until('the command is on its way', () => late.length > 0);
    await say(node, 'x', said('x', 'wait'));
    await has(node, 'x', 'compensated');
    isDown = false;
    // What was on its way all the time arrives at last.
    expect(await inT(async () => late[0]?.())).toMatchObject({
      repeated: true,
      streams: [{ stream: 'process_talk-x' }],
    });
    expect(await inT(() => purse(node.store, 'x'))).toEqual({ sum: 0, events: 2 });
    expect((await find(node, 'x'))?.reason).toBe('overdue');
  });

  it('a command that was applied, but whose answer was lost, is undone', async () => {
    let isLost = false;
    const node = await scene.start({
      managers: [new PatientTalk()],
      around: async (command, send) => {
        const outcome = await send();
        if (!(command instanceof Put) || (command.order as { amount: number }).amount !== 5) return outcome;
        isLost = true;
        throw new Error('lost');
      },
    });
    await say(node, 'x', begun('x'), said('x', 'send'));
    await until('the answer is lost', () => isLost);
    await say(node, 'x', said('x', 'wait'));
    await has(node, 'x', 'compensated');
    expect(await inT(() => purse(node.store, 'x'))).toEqual({ sum: 0, events: 4 });
  });
});

describe('events', () => {
  it('that come before the start wait for it; what comes for nobody, twice, or after the end is passed over', async () => {
    const node = await scene.start();
    await say(node, 'a', said('a', 'early'));
    await until('it is expected', async () => (await find(node, 'a'))?.status === 'expected');
    await say(node, 'a', begun('a'), begun('a', 7), said('a', 'end'), said('a', 'late'));
    await has(node, 'a', 'completed');
    expect((await find(node, 'a'))?.state).toEqual({ words: ['early', 'end'] });
    expect(await inT(() => purse(node.store, 'a'))).toEqual({ sum: 1, events: 1 });
    const left = await node.opened.database.query({ text: 'select * from concord.process_inbox' });
    expect(left).toEqual([]);
  });

  it('that come while somebody works on the instance are seen to right after', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    let isAtGate = false;
    const node = await scene.start({
      around: async (_, send) => {
        isAtGate = true;
        await gate;
        return send();
      },
    });
    await say(node, 'a', begun('a'));
    await until('the command is on its way', () => isAtGate);
    await say(node, 'a', said('a', 'end'));
    const inbox = { text: 'select * from concord.process_inbox where event_id is not null' };
    await until('it lies in the inbox', async () => (await node.opened.database.query(inbox)).length === 2);
    open();
    await has(node, 'a', 'completed');
  });

  it('whose correlation throws hold up no other event, not even of their stream', async () => {
    const node = await scene.start();
    await say(node, 'a', begun('x'.repeat(300)), begun('a'), said('a', 'end'));
    await has(node, 'a', 'completed');
  });

  it('of two tenants with one id are two instances; tenant, conversation and cause are restored', async () => {
    const node = await scene.start();
    for (const tenant of ['t', 'u']) {
      await runInTenant(tenant, () =>
        runInMessage({ correlationId: `story of ${tenant}` }, () => append(node.store, 'talk-a', begun('a'))),
      );
    }
    for (const tenant of ['t', 'u']) {
      const put = (): Promise<boolean> => runInTenant(tenant, async () => (await purse(node.store, 'a')).events === 1);
      await until(`the command of ${tenant}`, put);
      await runInTenant(tenant, async () => {
        for (const stream of ['purse-a', 'process_talk-a'] as const) {
          for await (const { metadata } of node.store.readStream(stream)) {
            expect(metadata).toMatchObject({ correlationId: `story of ${tenant}`, tenantId: tenant });
          }
        }
        const asked = await Array.fromAsync(node.store.readStream('talk-a'));
        const [started] = await Array.fromAsync(node.store.readStream('process_talk-a'));
        expect(started?.metadata.causationId).toBe(asked[0]?.id);
      });
    }
  });
});
