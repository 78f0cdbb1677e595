// One append to one stream, in the form in which it is sent: its payloads are JSON text from the beginning, made once.
import type { EventMetadata } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { isTracing } from '@concord/telemetry';
import type { Append } from '../append.js';
import { jsonTextOf } from '../json-text.js';

/** A new event with its payloads as JSON text. */
export interface EventText {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

export interface StreamAppend {
  readonly tenant: TenantId;
  readonly stream: string;
  readonly expected: string;
  readonly events: readonly EventText[];
  /** The metadata of its events, where the call that sends it is to be told of. */
  readonly traced: readonly EventMetadata[] | undefined;
}

export function streamAppend(tenant: TenantId, { stream, expected, events }: Append): StreamAppend {
  const traced = isTracing() ? events.map(({ metadata }) => metadata) : undefined;
  return { tenant, stream, expected: expected.toString(), events: events.map(eventText), traced };
}

/** An event with its payloads as JSON text. */
export function eventText({ id, type, data, metadata }: Append['events'][number]): EventText {
  return { id: id.toLowerCase(), type, data: jsonTextOf(data), metadata: JSON.stringify(metadata) };
}

/** The fields of an event within a larger JSON text. */
export function fieldsOf({ id, type, data, metadata }: EventText): string {
  return `"id":"${id}","type":${JSON.stringify(type)},"data":${data},"metadata":${metadata}`;
}

/** What concord.append takes. */
export function appendsText(appends: readonly StreamAppend[]): string {
  const items = appends.map(({ stream, expected, events }) => {
    const texts = events.map((event) => `{${fieldsOf(event)}}`).join();
    return `{"stream":${JSON.stringify(stream)},"expected":"${expected}","events":[${texts}]}`;
  });
  return `[${items.join()}]`;
}
