// How the work of consumers is told of: spans of kind consumer, tied to where their events were appended.
import type { RecordedEvent } from '@concord/kernel';
import { contextOf, inSpan, isMetering, isTracing, linksTo, timed } from '@concord/telemetry';
import { currentTenant } from '@concord/tenancy';

const SYSTEM = { 'messaging.system.name': 'concord', 'messaging.operation.name': 'process' };
const MESSAGING = { ...SYSTEM, 'messaging.operation.type': 'process', 'messaging.destination.name': '$all' };

/** Has a batch handled, in a trace of its own. */
export function handlingBatch(
  consumer: string,
  events: readonly RecordedEvent[],
  handle: () => Promise<void>,
): Promise<void> {
  if (!isTracing() && !isMetering()) return handle();
  return inSpan(
    () => ({
      span: 'process batch',
      target: consumer,
      parent: contextOf({}),
      links: linksTo(events.map(({ metadata }) => metadata)),
      attributes: {
        ...MESSAGING,
        'messaging.consumer.group.name': consumer,
        'messaging.batch.message_count': events.length,
        'concord.tenant.id': currentTenant(),
      },
    }),
    () => measured(consumer, handle),
  );
}

/** Has an event handled, in the trace in which it was appended. */
export function handlingEvent(
  { id, type, metadata }: RecordedEvent,
  { group, slice, attempt }: { readonly group: string; readonly slice: number; readonly attempt: number },
  handle: () => Promise<void>,
): Promise<void> {
  if (!isTracing() && !isMetering()) return handle();
  return inSpan(
    () => ({
      span: 'process',
      target: group,
      parent: contextOf(metadata),
      attributes: {
        ...MESSAGING,
        'messaging.consumer.group.name': group,
        'messaging.message.id': id,
        'concord.event.type': type,
        'concord.delivery.attempt': attempt,
        'concord.slice': slice,
        'concord.tenant.id': metadata.tenantId,
      },
    }),
    () => measured(group, handle),
  );
}

function measured(consumer: string, handle: () => Promise<void>): Promise<void> {
  const attributes = { ...SYSTEM, 'messaging.consumer.group.name': consumer };
  return timed('messaging.process.duration', () => attributes, handle);
}
