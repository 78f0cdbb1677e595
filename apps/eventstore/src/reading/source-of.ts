// Which source a Read reads.
import type { StoredEvents } from '@concord/event-store';
import { FeedSource } from './feed-source.js';
import type { ReadRequest } from './read-request.js';
import type { Source } from './source.js';
import { StreamSource } from './stream-source.js';

export function sourceOf(stored: StoredEvents, { stream, filter }: ReadRequest): Source {
  return stream === undefined ? new FeedSource(stored, filter) : new StreamSource(stored, stream);
}
