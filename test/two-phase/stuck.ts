// Transactions whose coordinator has stopped half way, and what comes of a log that was lost.
import { failpoints } from '@concord/coordination';
import { fill, openSide, type Side, transfer, twoDatabases } from './kit.js';

export const BY = { by: 'an operator', reason: 'the disk of the other store is lost' };

/** A transaction whose coordinator stops at that point, and is gone for all that others can tell. Answers its id. */
export async function stuckAt(side: Side, point: string, purse: string): Promise<string> {
  await fill(side, 'a', purse, 10n);
  failpoints.add(`${point}:error`);
  await transfer(side, 1n, { from: purse, to: purse }).catch(() => undefined);
  failpoints.clear();
  const [stuck] = await side.coordinator.transactions();
  if (!stuck) throw new Error(`nothing is stuck at ${point}`);
  return stuck.id;
}

/** The log of decisions is lost, an operator commits one participant, and then the log comes back and says otherwise. */
export async function contradicted(side: Side, purse: string): Promise<string> {
  const id = await stuckAt(side, 'coordinator.voted', purse);
  await side.a.database.query({ text: 'delete from concord.transactions' });
  await side.coordinator.resolve(id, { ...BY, outcome: 'committed', participant: 'b' });
  const text = `insert into concord.transactions
    (transaction_id, coordinator, tenant_id, state, participants, unacknowledged, deadline, next_attempt_at)
    values ($1, 'concord', 'pursers', 'aborted', '{a,b}', '{a,b}', now(), now())`;
  await side.a.database.query({ text }, [id]);
  return id;
}

/** Lets every metric of transactions be told; they are until it is closed. */
export async function tellOfTransactions(): Promise<{ close(): Promise<void> }> {
  const stores = await twoDatabases();
  const side = await openSide(stores.urls, { everyMs: 50 });
  await contradicted(side, 'told');
  // Its first round tells the participants.
  await side.coordinator.start();
  const close = async (): Promise<void> => {
    await side.close();
    await stores.drop();
  };
  return { close };
}
