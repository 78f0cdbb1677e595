// Who may speak: a shared secret signs each request (HMAC-SHA-256). It proves who sends and that nothing was changed; it
// hides nothing, which is TLS's matter. A request that is sent again changes nothing, so it needs no number of its own.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { InvalidArgument } from '@concord/kernel';

export const SIGNATURE_HEADER = 'concord-2pc-signature';
export const TIME_HEADER = 'concord-2pc-time';

const SHORTEST = 32;
const LONGEST_AGE_MS = 300_000;

/** What is signed. */
export interface SignedRequest {
  /** The last part of its path. */
  readonly action: string;
  /** Milliseconds since 1970, in digits. */
  readonly time: string;
  readonly body: string;
}

/** Errors: InvalidArgument, for a secret that could be guessed. */
export function assertSecret(secret: string): void {
  if (secret.length >= SHORTEST) return;
  throw new InvalidArgument(
    `a secret for two-phase commit has at least ${SHORTEST} characters: make one with "openssl rand -base64 48"`,
  );
}

export function signatureOf(secret: string, { action, time, body }: SignedRequest): string {
  return createHmac('sha256', secret).update(`concord-2pc\n${action}\n${time}\n${body}`).digest('hex');
}

/** With any of these secrets, so that they can be changed one side at a time; and not long ago. */
export function isSigned(secrets: readonly string[], request: SignedRequest, signature: string): boolean {
  if (!/^\d{1,15}$/.test(request.time) || Math.abs(Date.now() - Number(request.time)) > LONGEST_AGE_MS) return false;
  const given = Buffer.from(signature);
  // All of them, in the same time whichever it is.
  const matches = secrets.map((secret) => {
    const expected = Buffer.from(signatureOf(secret, request));
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  return matches.includes(true);
}
