// Which source a Read reads.
import type { StoredEvents } from '@concord/event-store';
import { systemStream } from '../streams/system-streams.js';
import { FeedSource } from './feed-source.js';
import { LinkSource } from './link-source.js';
import type { ReadRequest } from './read-request.js';
import type { Source } from './source.js';
import { StreamSource } from './stream-source.js';

export function sourceOf(stored: StoredEvents, { stream, filter }: Pick<ReadRequest, 'stream' | 'filter'>): Source {
  if (stream === undefined) return new FeedSource(stored, filter);
  const links = systemStream(stream);
  return links ? new LinkSource(stored, stream, links) : new StreamSource(stored, stream);
}
