// Where a store's writes are sealed and its reads opened. Events without personal fields pass as they are.
import {
  type DomainEvent,
  type EventSeal,
  InvalidArgument,
  isSealed,
  PersonalDataSealed,
  type RecordedEvent,
  SEALED,
  type SealedEvent,
  type StreamName,
} from '@concord/kernel';
import type { TenantId } from '@concord/tenancy';
import type { Append } from './append.js';
import { JsonText } from './json-text.js';
import type { AppendResult } from './requests.js';

/** A row with data as they are stored; an empty type or none: it is no event. */
interface SealedRow {
  readonly event_type: string | null;
  readonly event_id?: string;
  data: unknown;
}

const NONE: ReadonlySet<StreamName> = new Set();

export class Sealing {
  seal: EventSeal | undefined;

  isPersonal(events: readonly DomainEvent[]): boolean {
    const { seal } = this;
    return seal !== undefined && events.some(({ type }) => seal.isPersonal(type));
  }

  /** What may be stored. Nothing is awaited where all keys are at hand. Errors: InvalidArgument, and those of the seal. */
  close(tenant: TenantId, appends: readonly Append[]): readonly Append[] | Promise<readonly Append[]> {
    for (const { events } of appends) events.forEach(refuseSealed);
    return this.seal?.seal(tenant, appends) ?? appends;
  }

  /** Errors: PersonalDataSealed, and those of the seal. */
  async events(tenant: TenantId, events: readonly RecordedEvent[]): Promise<readonly RecordedEvent[]> {
    if (!events.some(({ data }) => isSealed(data))) return events;
    const sealed = events.filter((event) => isSealed(event.data));
    const data = await this.open(
      tenant,
      sealed.map(({ stream, type, id, data }) => ({ stream, type, id, data })),
    );
    let next = 0;
    return events.map((event) => (isSealed(event.data) ? withData(event, data[next++]) : event));
  }

  /** The same in rows that are nobody else's. Answers which streams have personal fields among them. */
  async rows<Row extends SealedRow>(
    tenant: TenantId,
    rows: readonly Row[],
    streamOf: (row: Row) => StreamName,
  ): Promise<ReadonlySet<StreamName>> {
    if (!rows.some(isSealedRow)) return NONE;
    const sealed = rows.filter(isSealedRow);
    const places = sealed.map((row) => ({
      stream: streamOf(row),
      type: row.event_type ?? '',
      data: row.data,
      ...(row.event_id !== undefined && { id: row.event_id }),
    }));
    const opened = await this.open(tenant, places);
    sealed.forEach((row, index) => (row.data = opened[index]));
    return new Set(sealed.map(streamOf));
  }

  private async open(tenant: TenantId, sealed: readonly SealedEvent[]): Promise<readonly unknown[]> {
    if (this.seal) return this.seal.open(tenant, sealed);
    const [first] = sealed;
    throw new PersonalDataSealed(
      `an event ${first?.type} in "${first?.stream}" has personal fields: give this process PrivacyModule and the master key`,
      { stream: first?.stream, type: first?.type },
    );
  }
}

/** The result of an append of sealed events, as the caller knows them. */
export function inTheClear(result: AppendResult, { stream, events }: Append): AppendResult {
  const shown = result.events.map((event, index) => withData(event, events[index]?.data));
  // On KurrentDB a transaction's result learns its place when that has committed.
  return {
    stream,
    get revision() {
      return result.revision;
    },
    get globalPosition() {
      return result.globalPosition;
    },
    events: shown,
  };
}

function withData(event: RecordedEvent, data: unknown): RecordedEvent {
  return {
    id: event.id,
    type: event.type,
    data,
    get metadata() {
      return event.metadata;
    },
    stream: event.stream,
    get streamPosition() {
      return event.streamPosition;
    },
    get globalPosition() {
      return event.globalPosition;
    },
    ...(event.link && { link: event.link }),
  };
}

function isSealedRow({ event_type: type, data }: SealedRow): boolean {
  return Boolean(type) && isSealed(data);
}

/** Text comes from other stores and their clients, which may hand on what was sealed before. */
function refuseSealed({ type, data }: Append['events'][number]): void {
  if (isSealed(data) && !(data instanceof JsonText)) {
    throw new InvalidArgument(`event ${type} has a field "${SEALED}", which the store keeps for itself: rename it`);
  }
}
