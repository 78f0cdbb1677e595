// The door of the protocol: POST /2pc/<action>, before any body parser, guard or filter of the app. Speaks node's HTTP, so that
// it is the same under Fastify and Express.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Logger } from '@nestjs/common';
import { ConcordError } from '@concord/kernel';
import { OutcomeContradicted, PrepareDiffers } from '../errors.js';
import type { Participant, TransactionOutcome } from '../participant.js';
import { isAction, MEDIA_TYPE, parseBody, parseKnown, parseRef, type TwoPhaseAction } from './messages.js';
import { isSigned, SIGNATURE_HEADER, TIME_HEADER } from './signature.js';

/** What is behind the door. */
export interface Behind {
  /** At least one; with two, one can be replaced by the other. */
  readonly secrets: readonly string[];
  readonly participant?: Participant;
  /** Where this is a coordinator whom services may ask. */
  readonly coordinator?: {
    readonly name: string;
    outcome(id: string): Promise<TransactionOutcome>;
  };
}

/** A problem of RFC 9457. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly problem: string,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
  }
}

const LONGEST_BODY = 1_000_000;
const BAD_REQUEST = new Set(['invalid-argument', 'tenant-missing', 'tenant-malformed']);

export class TwoPhaseDoor {
  private readonly logger = new Logger('Transactions');

  constructor(private readonly behind: Behind) {}

  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    try {
      answer(response, 200, 'application/json', await this.actOn(request, path));
    } catch (error) {
      const { status, problem, title, message } = this.refusalFor(error);
      const type = `urn:concord:problem:${problem}`;
      answer(response, status, 'application/problem+json', { type, title, status, detail: message, instance: path });
    }
  }

  private async actOn(request: IncomingMessage, path: string): Promise<object> {
    const action = path.split('/').at(-1) ?? '';
    if (!isAction(action))
      throw new Refusal(404, 'not-found', 'There is no such step', 'ask for prepare, commit, abort, status or outcome');
    if (request.method !== 'POST') throw new Refusal(405, 'method-not-allowed', 'Only POST', 'send it with POST');
    if (!request.headers['content-type']?.startsWith(MEDIA_TYPE)) {
      throw new Refusal(415, 'unsupported-media-type', 'Another media type', `send it as ${MEDIA_TYPE}`);
    }
    const body = await textOf(request);
    const signed = { action, time: header(request, TIME_HEADER), body };
    if (!isSigned(this.behind.secrets, signed, header(request, SIGNATURE_HEADER))) {
      throw new Refusal(
        401,
        'not-signed',
        'The request is not signed',
        `sign it with the shared secret, by a clock that is right: ${SIGNATURE_HEADER}`,
      );
    }
    return this.act(action, parseBody(body));
  }

  private async act(action: TwoPhaseAction, { transaction, work }: Readonly<Record<string, unknown>>): Promise<object> {
    if (action === 'outcome') {
      // Of a transaction of another coordinator it would say that it was aborted.
      const { coordinator } = this.behind;
      if (!coordinator || coordinator.name !== (transaction as { coordinator?: unknown } | undefined)?.coordinator) {
        throw new Refusal(404, 'not-found', 'No such coordinator', 'this is not the coordinator that you name');
      }
      return { outcome: await coordinator.outcome(idOf(transaction)) };
    }
    const { participant } = this.behind;
    if (!participant)
      throw new Refusal(404, 'not-found', 'No participant', 'this service takes part in no transactions');
    if (action === 'prepare') return participant.prepare(parseRef(transaction), work);
    if (action === 'status') return { state: await participant.status(idOf(transaction)) };
    if (action === 'commit') await participant.commit(idOf(transaction));
    else await participant.abort(parseKnown(transaction));
    return { acknowledged: true };
  }

  private refusalFor(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (error instanceof PrepareDiffers) {
      return new Refusal(409, error.code, 'Another transaction has this id', error.message);
    }
    if (error instanceof OutcomeContradicted) {
      return new Refusal(409, error.code, 'It has come to another end here', error.message);
    }
    if (error instanceof ConcordError && BAD_REQUEST.has(error.code)) {
      return new Refusal(400, error.code, 'The request is not valid', error.message);
    }
    this.logger.warn(`a request of a transaction failed: ${String(error)}`);
    const code = error instanceof ConcordError ? error.code : 'internal-error';
    return new Refusal(503, code, 'It failed, and may be sent again', 'it failed on our side: send it again');
  }
}

/** Errors: those of parseKnown, but for what is not needed. */
function idOf(transaction: unknown): string {
  return parseKnown({ coordinator: 'any', tenant: 'any', ...(transaction as object) }).id;
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY)
      throw new Refusal(413, 'too-large', 'The body is too large', `send at most ${LONGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number, type: string, body: object): void {
  if (response.writableEnded || response.destroyed) return;
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
