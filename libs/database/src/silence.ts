// A server that vanished without a word: TCP alone would notice after many minutes, and all who wait for an answer would wait
// as long. A connection on which an answer is due and nothing moves is given up, and its answer can never come any more.
import type { Socket } from 'node:net';
import type pg from 'pg';

/** What pg keeps to itself: nothing public says whether an answer is due. */
interface Inside {
  readonly connection: { readonly stream: Socket };
  readonly _activeQuery: unknown;
  readonly _sentQueryQueue: readonly unknown[];
  readonly _ending: boolean;
}

const patient = new WeakSet<pg.ClientBase>();

/** From when the server has said nothing for so long, while it owes an answer; 0: never. For a client that is connected. */
export function giveUpWhenSilent(client: pg.ClientBase, milliseconds: number): void {
  if (milliseconds === 0) return;
  const inside = client as unknown as Inside;
  const { stream } = inside.connection;
  // Node starts this one timer anew whenever a byte comes or goes. A timer a statement would cost more.
  stream.setTimeout(milliseconds);
  stream.on('timeout', () => {
    const { bytesRead } = stream;
    // When this process itself was held up, the answer is there and is read before this.
    setImmediate(() => {
      if (stream.bytesRead !== bytesRead || patient.has(client)) return;
      if (isDue(inside)) stream.destroy(silent(milliseconds));
      // The server does not take leave either.
      else if (inside._ending) stream.destroy();
    });
  });
}

/** What follows on this connection may take long: no answer comes too late. */
export function bePatient(client: pg.ClientBase): void {
  patient.add(client);
}

/** Takes bePatient() back. */
export function endPatience(client: pg.ClientBase): void {
  patient.delete(client);
}

function isDue({ _activeQuery, _sentQueryQueue }: Inside): boolean {
  return Boolean(_activeQuery) || _sentQueryQueue.length > 0;
}

function silent(milliseconds: number): Error {
  const message = `the server owed an answer and said nothing for ${milliseconds} ms (DATABASE_SILENCE_MS)`;
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}
