// A service elsewhere as a participant, over HTTP: what the coordinator's side knows of it.
import { OutcomeContradicted, PrepareDiffers } from '../errors.js';
import { Participant, type ParticipantState, type TransactionRef, type Vote } from '../participant.js';
import { assertPeer, callPeer, PeerFailed, type TwoPhasePeer } from './caller.js';
import { parseState, parseVote, textOfRef } from './messages.js';

/** A service that speaks docs/reference/two-phase-commit.md. */
export interface RemoteParticipantOptions extends TwoPhasePeer {
  /** The same in every process, and for ever. */
  readonly name: string;
  /** How long it may take to answer commit, abort and status; 10 seconds by default. */
  readonly timeoutMs?: number;
}

/** A remote service. Its work is any JSON: what the service is to do. */
export class RemoteParticipant extends Participant {
  readonly name: string;
  override readonly locksWithItsVote = true;
  private readonly peer: TwoPhasePeer;
  private readonly timeoutMs: number;

  /** Errors: InvalidArgument. */
  constructor({ name, url, secret, timeoutMs = 10_000 }: RemoteParticipantOptions) {
    super();
    this.peer = { url, secret };
    assertPeer(this.peer);
    this.name = name;
    this.timeoutMs = timeoutMs;
  }

  override async prepare(transaction: TransactionRef, work: unknown): Promise<Vote> {
    const content = { transaction: textOfRef(transaction), work };
    try {
      return parseVote(await callPeer(this.peer, 'prepare', content, transaction.patienceMs));
    } catch (error) {
      if (!isProblem(error, 'transaction-id-reused')) throw error;
      throw new PrepareDiffers(transaction.id, this.name, { cause: error });
    }
  }

  override async commit(id: string): Promise<void> {
    await this.tell('commit', id, { transaction: { id } });
  }

  override async abort({
    id,
    tenant,
    coordinator,
  }: Pick<TransactionRef, 'id' | 'tenant' | 'coordinator'>): Promise<void> {
    await this.tell('abort', id, { transaction: { id, tenant, coordinator } });
  }

  override async status(id: string): Promise<ParticipantState> {
    return parseState(await callPeer(this.peer, 'status', { transaction: { id } }, this.timeoutMs));
  }

  private async tell(action: 'commit' | 'abort', id: string, content: object): Promise<void> {
    try {
      await callPeer(this.peer, action, content, this.timeoutMs);
    } catch (error) {
      if (!isProblem(error, 'outcome-contradicted')) throw error;
      throw new OutcomeContradicted(id, this.name, 'otherwise', action === 'commit' ? 'committed' : 'aborted');
    }
  }
}

function isProblem(error: unknown, problem: string): boolean {
  return error instanceof PeerFailed && error.answer?.problem === problem;
}
