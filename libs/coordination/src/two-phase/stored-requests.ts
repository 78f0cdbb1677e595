// Requests of an append as text, and back: in the log of a participant.
import type { AppendRequest } from '@concord/event-store';

type StoredRequest = Omit<AppendRequest, 'expected'> & { readonly expected: string };

/** As they are kept: a position is text, since JSON has no bigint. */
export function textOfRequests(requests: readonly AppendRequest[]): string {
  return JSON.stringify(requests.map((request) => ({ ...request, expected: request.expected.toString() })));
}

export function requestsOf(stored: readonly StoredRequest[]): AppendRequest[] {
  return stored.map(({ expected, ...request }) => ({
    ...request,
    expected: /^\d+$/.test(expected) ? BigInt(expected) : (expected as AppendRequest['expected']),
  }));
}
