// What a command of a mailbox is told when the database goes away under the one before it, for longer than commands are tried.
import { DecidedOnStaleState } from '@concord/commanding';
import { DatabaseUnavailable } from '@concord/database';
import { newId } from '@concord/kernel';
import { turn } from '../fixtures/gated-store.js';
import { add, inTenant, openTwoPipelines, total, type TwoPipelines } from '../fixtures/two-pipelines.js';

const LONGER_THAN_IT_IS_TRIED_MS = 11_000;

let site: TwoPipelines;
beforeAll(async () => {
  site = await openTwoPipelines();
});
afterAll(() => site.close());

/** The next append does not reach the database, which is found out when fail() says so. */
function loseNextAppend() {
  const { unlocked } = site.stores[0];
  const { append } = unlocked;
  let fail!: () => void;
  const failing = new Promise<never>((_, reject) => {
    fail = () => reject(new DatabaseUnavailable('the connection is lost'));
  });
  failing.catch(() => undefined);
  let reach!: () => void;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  unlocked.append = () => {
    unlocked.append = append;
    reach();
    return failing;
  };
  return { reached, fail };
}

/** For all who look at the clock. */
function advanceClock(milliseconds: number): () => void {
  const { now } = Date;
  Date.now = () => now() + milliseconds;
  return () => (Date.now = now);
}

const decideOnWhatIsLost = async (id: string, commandId: string) => {
  const [here] = site.pipelines;
  await add(here, id, 1);
  const { reached, fail } = loseNextAppend();
  const first = add(here, id, 10).catch((error: unknown) => error);
  await reached;
  const second = add(here, id, 100, { commandId }).catch((error: unknown) => error);
  // It has decided on top of the first, and waits to be sent.
  await turn();
  return { first, second, fail };
};

it(
  'is decided again while there is time',
  inTenant(async () => {
    const id = newId();
    const { first, second, fail } = await decideOnWhatIsLost(id, newId());
    fail();
    expect(await Promise.all([first, second])).toMatchObject([{ repeated: false }, { repeated: false }]);
    expect(await total(site, id)).toBe(111);
  }),
);

it(
  'else fails with DecidedOnStaleState, which says what to do: sent again with its id it is applied, once',
  inTenant(async () => {
    const [id, commandId] = [newId(), newId()];
    const { first, second, fail } = await decideOnWhatIsLost(id, commandId);
    const turnBack = advanceClock(LONGER_THAN_IT_IS_TRIED_MS);
    fail();
    const [ofFirst, error] = await Promise.all([first, second]);
    turnBack();
    expect(ofFirst).toMatchObject({ code: 'commit-unknown' });
    expect(error).toBeInstanceOf(DecidedOnStaleState);
    expect(error).toMatchObject({ code: 'decided-on-stale-state', cause: { code: 'database-unavailable' } });
    expect((error as Error).message).toContain('send it again with the same command id');
    const [here] = site.pipelines;
    expect(await add(here, id, 100, { commandId })).toMatchObject({ repeated: false });
    expect(await add(here, id, 100, { commandId })).toMatchObject({ repeated: true });
    expect(await total(site, id)).toBe(101);
  }),
);
