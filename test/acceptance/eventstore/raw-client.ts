// A client without a client library: messages as they are, for what the library hides.
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { AppendReq, AppendResp, BatchAppendResp, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import services from '@eventstore/db-client/generated/streams_grpc_pb.js';
import emptyPb from 'google-protobuf/google/protobuf/empty_pb.js';
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js';
import { newId } from '@concord/kernel';

export interface Sent {
  readonly contentType: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

export interface RawClient {
  append(stream: string, events: readonly Sent[], batch: boolean): Promise<AppendResp | BatchAppendResp>;
  batch(stream: string, events: readonly Sent[], options: BatchOptions): Promise<BatchAppendResp>;
  read(stream: string): Promise<Sent[]>;
  readRaw(request: InstanceType<typeof streams.ReadReq>): Promise<ReadResp[]>;
  close(): void;
}

export interface BatchOptions {
  readonly deadline?: Date;
  /** How many messages the events are spread over. */
  readonly parts?: number;
}

const identifier = (stream: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(stream));
const uuid = () => new shared.UUID().setString(newId());

export function rawClient(port: number): RawClient {
  const client = new services.StreamsClient(`127.0.0.1:${port}`, credentials.createInsecure());
  const readRaw: RawClient['readRaw'] = (request) =>
    new Promise((resolve, reject) => {
      const responses: ReadResp[] = [];
      client
        .read(request, new Metadata())
        .on('data', (response: ReadResp) => responses.push(response))
        .on('error', reject)
        .on('end', () => resolve(responses));
    });
  const batch: RawClient['batch'] = (stream, events, { deadline, parts = 1 }) =>
    new Promise((resolve, reject) => {
      const call = client.batchAppend(new Metadata());
      call.on('error', reject).on('data', (response: BatchAppendResp) => {
        resolve(response);
        call.end();
      });
      const options = new streams.BatchAppendReq.Options().setStreamIdentifier(identifier(stream));
      options.setAny(new emptyPb.Empty());
      if (deadline) options.setDeadline(timestampPb.Timestamp.fromDate(deadline));
      const id = uuid();
      const size = Math.ceil(events.length / parts);
      for (let part = 0; part < parts; part += 1) {
        const request = new streams.BatchAppendReq().setCorrelationId(id).setIsFinal(part === parts - 1);
        if (part === 0) request.setOptions(options);
        const own = events.slice(part * size, (part + 1) * size);
        request.setProposedMessagesList(own.map((event) => fill(new streams.BatchAppendReq.ProposedMessage(), event)));
        call.write(request);
      }
    });
  return {
    batch,
    readRaw,
    append: (stream, events, inBatch) => (inBatch ? batch(stream, events, {}) : appendTo(client, stream, events)),
    async read(stream) {
      const options = new streams.ReadReq.Options()
        .setStream(
          new streams.ReadReq.Options.StreamOptions()
            .setStreamIdentifier(identifier(stream))
            .setStart(new shared.Empty()),
        )
        .setCount('1000');
      const responses = await readRaw(new streams.ReadReq().setOptions(options));
      return responses.flatMap((response) => {
        const event = response.getEvent()?.getEvent();
        if (!event) return [];
        const contentType = event.getMetadataMap().get('content-type') ?? '';
        const [data, metadata] = [event.getData_asU8(), event.getCustomMetadata_asU8()];
        return [{ contentType, data: Buffer.from(data), metadata: Buffer.from(metadata) }];
      });
    },
    close: () => client.close(),
  };
}

function appendTo(
  client: InstanceType<typeof services.StreamsClient>,
  stream: string,
  events: readonly Sent[],
): Promise<AppendResp> {
  return new Promise((resolve, reject) => {
    const call = client.append((error: ServiceError | null, response: AppendResp) =>
      error ? reject(error) : resolve(response),
    );
    const options = new streams.AppendReq.Options().setStreamIdentifier(identifier(stream)).setAny(new shared.Empty());
    call.write(new streams.AppendReq().setOptions(options));
    for (const event of events) {
      call.write(new streams.AppendReq().setProposedMessage(fill(new streams.AppendReq.ProposedMessage(), event)));
    }
    call.end();
  });
}

type Message = AppendReq.ProposedMessage | InstanceType<typeof streams.BatchAppendReq.ProposedMessage>;

function fill<T extends Message>(message: T, { contentType, data, metadata }: Sent): T {
  message.setId(uuid()).setData(data).setCustomMetadata(metadata);
  message.getMetadataMap().set('type', 'Sent').set('content-type', contentType);
  return message;
}
