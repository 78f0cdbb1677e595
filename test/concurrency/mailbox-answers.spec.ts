// Answers without events, which no append checks: they follow from the latest state at a moment between the command's start
// and its answer, whatever two processes on one database are told when. What they are told is held back where it matters.
import type { UnlockedCommands } from '@concord/event-store';
import { InvariantBroken } from '@concord/domain';
import { newId } from '@concord/kernel';
import { turn } from '../fixtures/gated-store.js';
import { add, inTenant, openTwoPipelines, streamOf, total, type TwoPipelines } from '../fixtures/two-pipelines.js';

let site: TwoPipelines;
beforeAll(async () => {
  site = await openTwoPipelines();
});
afterAll(() => site.close());

const gate = () => {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

/** The next such call waits for open() before the database is asked, or with its answer. */
function hold(method: 'append' | 'wholeEnd', when: 'before' | 'after' = 'after') {
  const unlocked = site.stores[0].unlocked as Record<typeof method, (argument: never) => Promise<unknown>>;
  const call = (site.stores[0].unlocked[method] as UnlockedCommands['append']).bind(unlocked);
  const reached = gate();
  const held = gate();
  const wait = async (): Promise<void> => {
    reached.open();
    await held.opened;
  };
  unlocked[method] = async (argument) => {
    unlocked[method] = call;
    if (when === 'before') await wait();
    const answer = await call(argument);
    if (when === 'after') await wait();
    return answer;
  };
  return { reached: reached.opened, open: held.open };
}

describe('an answer without events', () => {
  it.each([
    ['refusal', -3, 2],
    ['command with nothing to do', 0, 5],
  ] as const)(
    'sees what another process was told before it came, though an earlier append has no answer yet: %s',
    (_, by, sum) =>
      inTenant(async () => {
        const [here, elsewhere] = site.pipelines;
        const id = newId();
        await add(here, id, 10);
        const { reached, open } = hold('append');
        const earlier = add(here, id, -10);
        await reached;
        await add(elsewhere, id, 5);
        const later = add(here, id, by);
        // It has decided, and waits for the append that it saw the events of.
        await turn();
        open();
        await earlier;
        await expect(later).resolves.toMatchObject({ value: sum });
        expect(await total(site, id)).toBe(sum);
      })(),
  );

  it(
    'is not confirmed by an append that was decided on another state, which was read meanwhile',
    inTenant(async () => {
      const [here, elsewhere] = site.pipelines;
      const id = newId();
      await add(here, id, 5);
      await add(elsewhere, id, 2);
      const { reached, open } = hold('wholeEnd');
      // On 5, which is stale.
      const first = add(here, id, -6);
      await reached;
      // Finds that out, and has the stream read again, by who comes then.
      await expect(add(here, id, 0)).resolves.toMatchObject({ value: 7 });
      await expect(add(here, id, 1)).resolves.toMatchObject({ value: 8 });
      open();
      await expect(first).resolves.toMatchObject({ value: 2 });
      expect(await total(site, id)).toBe(2);
    }),
  );

  it(
    'stands when others were appended on top of what it saw, though they have no answer yet',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      let looks = 0;
      await add(here, id, 5);
      const look = hold('wholeEnd', 'before');
      const refused = expect(add(here, id, -6, { during: () => Promise.resolve((looks += 1)) })).rejects.toThrow(
        InvariantBroken,
      );
      await look.reached;
      const append = hold('append');
      const onTop = add(here, id, 2);
      await append.reached;
      look.open();
      // It has been told of an end that is not the one it saw.
      await site.stores[0].readStreamMetadata(streamOf(id));
      append.open();
      await Promise.all([refused, onTop]);
      expect(looks).toBe(1);
    }),
  );

  it(
    'needs no look at the stream when the append that it waits for was sent after it came',
    inTenant(async () => {
      const [here] = site.pipelines;
      const id = newId();
      await add(here, id, 1);
      const append = hold('append');
      const first = add(here, id, 1);
      await append.reached;
      const look = hold('wholeEnd', 'before');
      const spends = add(here, id, -2);
      const refused = expect(add(here, id, -1)).rejects.toThrow(InvariantBroken);
      append.open();
      await Promise.all([first, spends, refused]);
      const later = expect(add(here, id, -1)).rejects.toThrow(InvariantBroken);
      await look.reached;
      look.open();
      await later;
    }),
  );
});
