// What travels together in one append of a mailbox: nobody fails for what another one has decided, and no more than the store
// can take in one piece. Appends wait at a gate, so that it is known what gathers behind them.
import { Aggregates, CommandPipeline } from '@concord/commanding';
import { type AppendRequest, StoreUnavailable } from '@concord/event-store';
import type { EventSeal } from '@concord/kernel';
import { runInTenant } from '@concord/tenancy';
import { Add, GatedStore, Sum, turn } from '../fixtures/gated-store.js';

/** Nothing that JSON could say. */
const UNACCEPTABLE = Infinity;
const MOST_EVENTS = 1_000;
const MOST_WAITING = 10_000;

let store: GatedStore;
let pipeline: CommandPipeline;
/** How many events each append had. */
let appended: number[];
let looks: number;
let handled: number;
beforeEach(() => {
  store = new GatedStore();
  pipeline = new CommandPipeline(store);
  [appended, looks, handled] = [[], 0, 0];
  const append = store.append.bind(store);
  store.append = (...requests: AppendRequest[]) => {
    appended.push(...requests.map(({ events }) => events.length));
    return append(...requests);
  };
  const findEvents = store.findEvents.bind(store);
  store.findEvents = (ids) => {
    looks += 1;
    return findEvents(ids);
  };
});

const inTenant = (work: () => Promise<void>) => () => runInTenant('t-1', work);

function add(by: number | ((sum: number) => number), commandId?: string) {
  return pipeline.run(new Add(0, commandId), async () => {
    handled += 1;
    const aggregate = await new Aggregates().load(Sum, '1');
    aggregate.add(typeof by === 'number' ? by : by(aggregate.state));
    return aggregate.state;
  });
}

const outcomesOf = async (commands: readonly Promise<{ value: number | undefined }>[]): Promise<unknown[]> =>
  (await Promise.allSettled(commands)).map((one) => (one.status === 'fulfilled' ? one.value.value : one.reason.code));

describe('a command that cannot be stored', () => {
  it(
    'fails alone, and whoever came at the same time is appended at once',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const commands = [add(1), add(1), add(UNACCEPTABLE), add(1), add(UNACCEPTABLE)];
      const gate = await store.atGate();
      await turn();
      gate.open();
      expect(await outcomesOf(commands)).toEqual([2, 3, 'invalid-argument', 4, 'invalid-argument']);
      // The one behind it reads the stream again: the refused one may have spoilt what was in memory.
      expect(appended).toEqual([1, 1, 1, 1]);
      expect({ handled, looks, locks: store.locks }).toEqual({ handled: 6, looks: 0, locks: 0 });
      expect(await store.sum('1')).toBe(4);
    }),
  );

  it(
    'is decided again when it follows from what has failed',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const first = expect(add(10)).rejects.toThrow('cannot be stored');
      const second = add((sum) => (sum === 1 ? 1 : UNACCEPTABLE));
      const gate = await store.atGate();
      await turn();
      gate.fail(new Error('cannot be stored'));
      await first;
      await expect(second).resolves.toMatchObject({ value: 2 });
    }),
  );

  it(
    'fails alone when that needs a key which is not at hand, and nobody overtakes it meanwhile',
    inTenant(async () => {
      const asked: Asked[] = [];
      store.useSeal(sealOf(asked));
      const outcomes = outcomesOf([add(1), add(13), add(1), add(1)]);
      for (const nth of [0, 1, 2, 3]) {
        while (asked.length <= nth) await turn();
        await turn();
        expect(asked).toHaveLength(nth + 1);
        if (nth === 1) asked[nth]!.reject(Object.assign(new Error('forgotten'), { code: 'subject-forgotten' }));
        else asked[nth]!.resolve();
      }
      expect(await outcomes).toEqual([1, 'subject-forgotten', 2, 3]);
      expect({ handled, looks, locks: store.locks }).toEqual({ handled: 4, looks: 0, locks: 0 });
    }),
  );
});

interface Asked {
  resolve(): void;
  reject(error: unknown): void;
}

/** Keys have to be waited for, except for what is appended: those were asked for. */
function sealOf(asked: Asked[]): EventSeal {
  const known = new Set<string>();
  return {
    epoch: 0,
    isPersonal: () => true,
    open: (_, events) => Promise.resolve(events.map(({ data }) => data)),
    seal: (_, appends) => {
      const ids = appends.flatMap(({ events }) => events.map(({ id }) => id));
      if (ids.every((id) => known.has(id))) return appends;
      return new Promise<void>((resolve, reject) => asked.push({ resolve, reject })).then(() => {
        for (const id of ids) known.add(id);
        return appends;
      });
    },
  };
}

describe('a command that is sent twice at once', () => {
  const WAYS = [
    ['with what was sent before it', ['a'], ['b', 'a', 'c'], [1, 1, 1, 1]],
    ['in one append with itself', ['x'], ['a', 'b', 'a', 'c'], [1, 1, 2, 1]],
  ] as const;

  it.each(WAYS)('is applied once, and nobody beside it runs again: %s', (_way, before, after, appends) =>
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const first = before.map((id) => add(1, id));
      const gate = await store.atGate();
      const others = after.map((id) => add(1, id));
      await turn();
      gate.open();
      const ids = [...before, ...after];
      const outcomes = await Promise.all([...first, ...others]);
      const again = outcomes.flatMap(({ repeated }, index) => (repeated ? [index] : []));
      expect(again).toEqual([ids.lastIndexOf('a')]);
      expect(outcomes.at(again[0]!)).toEqual({ ...outcomes[ids.indexOf('a')], value: undefined, repeated: true });
      expect(await store.sum('1')).toBe(ids.length);
      // Whoever comes after the repeat reads the stream again: what that has decided may have spoilt what was in memory.
      expect({ appended, handled, looks, locks: store.locks }).toEqual({
        appended: appends,
        handled: ids.length + 1,
        looks: 1,
        locks: 0,
      });
    })(),
  );

  it(
    'is sent in the place of its twin that has failed',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const first = expect(add(1, 'a')).rejects.toThrow('away');
      const gate = await store.atGate();
      const second = add(1, 'a');
      await turn();
      gate.fail(new Error('away'));
      await first;
      await expect(second).resolves.toMatchObject({ value: 2, repeated: false });
      expect(await store.sum('1')).toBe(2);
    }),
  );
});

describe('while the store stalls', () => {
  it(
    `so much goes in one append as it takes well: ${MOST_EVENTS} events`,
    inTenant(async () => {
      store.gates = [];
      const commands = Array.from({ length: 2 * MOST_EVENTS + 11 }, () => add(1));
      const gate = await store.atGate();
      await turn();
      gate.open();
      expect(await outcomesOf(commands)).toEqual(commands.map((_, index) => index + 1));
      expect(appended).toEqual([1, MOST_EVENTS, MOST_EVENTS, 10]);
    }),
  );

  it(
    `no more than ${MOST_WAITING} commands wait on a stream, and the others are told at once that nothing was changed`,
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const commands = Array.from({ length: MOST_WAITING }, () => add(1));
      const gate = await store.atGate();
      await turn();
      const last = add(1);
      await turn();
      const refused = [add(1), add(1)].map((one) => expect(one).rejects.toThrow(StoreUnavailable));
      await Promise.all(refused);
      gate.open();
      expect(await outcomesOf([...commands, last])).not.toContain('store-unavailable');
      await add(1);
      expect(await store.sum('1')).toBe(MOST_WAITING + 3);
      expect(looks).toBe(0);
    }),
  );

  it(
    'and takes nothing, all who travel together are told so, and none looks or locks',
    inTenant(async () => {
      await add(1);
      store.gates = [];
      const first = add(1);
      const gate = await store.atGate();
      const others = [add(1), add(1)].map((one) => expect(one).rejects.toThrow(StoreUnavailable));
      await turn();
      store.gates = [];
      gate.open();
      await first;
      (await store.atGate()).fail(new StoreUnavailable('too many appends are waiting'));
      await Promise.all(others);
      expect({ looks, locks: store.locks }).toEqual({ looks: 0, locks: 0 });
    }),
  );
});
