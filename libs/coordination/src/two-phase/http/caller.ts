// Sends a signed request of the protocol and reads the answer.
import { ConcordError } from '@concord/kernel';
import { MEDIA_TYPE, parseBody, type TwoPhaseAction } from './messages.js';
import { assertSecret, SIGNATURE_HEADER, signatureOf, TIME_HEADER } from './signature.js';

/** Where a service or a coordinator is, and the secret it shares with us. */
export interface TwoPhasePeer {
  /** Such as `https://payments.example`: `/2pc/prepare` and the others are beneath it. */
  readonly url: string;
  /** At least 32 characters. */
  readonly secret: string;
}

/** The other side answered with an error, or not at all. What was asked may or may not have been done: ask again. */
export class PeerFailed extends ConcordError {
  readonly code = 'two-phase-peer-failed';

  constructor(
    message: string,
    /** What it answered, if it did: a status, and the `type` of its problem without the prefix. */
    readonly answer?: { readonly status: number; readonly problem: string | undefined },
    options?: ErrorOptions,
  ) {
    super(message, { status: answer?.status }, options);
  }
}

const LONGEST_ANSWER = 1_000_000;

/** Errors: InvalidArgument, for a URL or a secret that is none. */
export function assertPeer({ url, secret }: TwoPhasePeer): void {
  assertSecret(secret);
  // Throws a TypeError that names it.
  new URL(url);
}

/** Errors: PeerFailed. */
export async function callPeer(
  { url, secret }: TwoPhasePeer,
  action: TwoPhaseAction,
  content: object,
  timeoutMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  const body = JSON.stringify(content);
  const time = Date.now().toString();
  const target = new URL(`2pc/${action}`, url.endsWith('/') ? url : `${url}/`);
  const headers = {
    'content-type': MEDIA_TYPE,
    [TIME_HEADER]: time,
    [SIGNATURE_HEADER]: signatureOf(secret, { action, time, body }),
  };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await fetch(target, { method: 'POST', headers, body, signal, redirect: 'error' });
    const text = await answer.text();
    if (text.length > LONGEST_ANSWER) throw new Error('its answer is too long');
    const fields = parseBody(text);
    if (answer.ok) return fields;
    const problem = typeof fields['type'] === 'string' ? fields['type'].split(':').at(-1) : undefined;
    const detail = typeof fields['detail'] === 'string' ? fields['detail'] : 'no detail';
    const { status } = answer;
    throw new PeerFailed(`${target.href} answered ${status}: ${detail}`, { status, problem });
  } catch (cause) {
    if (cause instanceof PeerFailed) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new PeerFailed(`${target.href} did not answer: ${message}`, undefined, { cause });
  }
}
