// One append to one stream, in the form in which it is sent: its payloads are JSON text from the beginning, made once.
import { type EventMetadata, NO_REVISION } from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import { isTracing } from '@concord/telemetry';
import type { Append } from '../append.js';
import type { FencedPlace } from '../fenced-commands.js';
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

/** An append that fails, too, when the stream has metadata or was deleted. */
export interface WholeAppend extends Append {
  readonly whole?: true;
  /** Of the first one of a command that commits together with others: its locks. */
  readonly places?: readonly FencedPlace[];
}

export function streamAppend(tenant: TenantId, { stream, expected, events, whole }: WholeAppend): StreamAppend {
  const version = whole ? `~${expected === 'no-stream' ? NO_REVISION : expected}` : expected.toString();
  const traced = isTracing() ? events.map(({ metadata }) => metadata) : undefined;
  return { tenant, stream, expected: version, events: events.map(eventText), traced };
}

/** An event with its payloads as JSON text. */
export function eventText({ id, type, data, metadata }: Append['events'][number]): EventText {
  return { id: id.toLowerCase(), type, data: jsonTextOf(data), metadata: JSON.stringify(metadata) };
}

/** An event as JSON text. */
export function eventJson(event: EventText): string {
  return `{"id":"${event.id}",${contentFields(event)}}`;
}

/** What an event is beside its id and its place, as JSON text. */
export function contentJson(event: EventText): string {
  return `{${contentFields(event)}}`;
}

function contentFields({ type, data, metadata }: EventText): string {
  return `"type":${JSON.stringify(type)},"data":${data},"metadata":${metadata}`;
}

/** The parameters of sql/append-alone.sql, if it is one event. */
export function eventValues(append: StreamAppend | undefined): unknown[] | undefined {
  const [event] = append?.events ?? [];
  if (!append || !event || append.events.length > 1) return undefined;
  return [append.tenant, append.stream, append.expected, event.id, event.type, event.data, event.metadata];
}

/** What concord.append takes. */
export function appendsText(appends: readonly StreamAppend[]): string {
  const items = appends.map(({ stream, expected, events }) => {
    const texts = events.map(eventJson).join();
    return `{"stream":${JSON.stringify(stream)},"expected":"${expected}","events":[${texts}]}`;
  });
  return `[${items.join()}]`;
}
