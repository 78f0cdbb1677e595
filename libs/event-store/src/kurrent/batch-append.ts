// Appends on the client's own gRPC call, and not through its appendToStream(): that keeps the appends in flight of a whole
// process in one map, which a dropped connection of any client empties, and the next answer then ends the process with an
// uncaught TypeError (seen). Here every call has its own map, every append its deadline, and a late answer harms nobody.
import { randomUUID } from 'node:crypto';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import grpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { convertToCommandError, type EventStoreDBClient } from '@eventstore/db-client';
import type { CallOptions, ClientDuplexStream, Metadata } from '@grpc/grpc-js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import type { ExpectedVersion, NewEvent, StreamPosition } from '@concord/kernel';
import { jsonTextOf } from '../json-text.js';
import { AppendFailed, Unanswered } from './failures.js';

/** Events for one stream, as the wire calls it. `metadata` is JSON already made. */
export interface WireAppend {
  readonly name: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly (Pick<NewEvent, 'id' | 'type' | 'data'> & { readonly metadata: object })[];
}

/** Where an append ended. */
export interface Appended {
  readonly revision: StreamPosition;
  readonly position: bigint;
}

type Call = ClientDuplexStream<BatchAppendReq, BatchAppendResp>;

/** What the client keeps to itself: its call arguments, and how it opens a call and reconnects when that breaks. */
interface Insides {
  GRPCStreamCreator(
    type: typeof grpc.StreamsClient,
    name: string,
    create: (client: StreamsClient) => Call,
    cache: WeakMap<StreamsClient, Call | Promise<Call>>,
  ): () => Promise<Call>;
  callArguments(options: { requiresLeader: boolean }, callOptions: CallOptions): [Metadata, CallOptions];
}

interface Waiting {
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: Error) => void;
}

// The server takes messages up to 4 MB; an append may travel in several.
const MESSAGE_BYTES = 1024 * 1024;

export class BatchAppend {
  private readonly open: () => Promise<Call>;
  private readonly waiting = new WeakMap<Call, Map<string, Waiting>>();

  constructor(
    client: EventStoreDBClient,
    private readonly deadline: number,
  ) {
    const insides = client as unknown as Insides;
    const cache = new WeakMap<StreamsClient, Call | Promise<Call>>();
    this.open = () =>
      insides.GRPCStreamCreator(
        grpc.StreamsClient,
        'batchAppend',
        (stub) =>
          this.listen(stub.batchAppend(...insides.callArguments({ requiresLeader: true }, { deadline: Infinity }))),
        cache,
      )();
  }

  /** Errors: AppendFailed, what the connection throws, and Unanswered when the deadline is over. */
  send(append: WireAppend): Promise<Appended> {
    const id = randomUUID();
    return new Promise((resolve, reject) => {
      let sentOn: Call | undefined;
      const timer = setTimeout(() => {
        if (sentOn) this.waiting.get(sentOn)?.delete(id);
        reject(new Unanswered(`an append to ${append.name} was not answered within ${this.deadline} ms`));
      }, this.deadline);
      const waiting: Waiting = {
        resolve: (appended) => {
          clearTimeout(timer);
          resolve(appended);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const write = (call: Call): void => {
        const others = this.waiting.get(call);
        if (!others || call.destroyed) return waiting.reject(new Unanswered('the connection closed before the append'));
        others.set(id, waiting);
        sentOn = call;
        for (const part of this.partsOf(append, id)) call.write(part);
      };
      this.open().then(write).catch(waiting.reject);
    });
  }

  private listen(call: Call): Call {
    const waiting = new Map<string, Waiting>();
    this.waiting.set(call, waiting);
    const fail = (error: Error): void => {
      this.waiting.delete(call);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    call.on('data', (answer: BatchAppendResp) => {
      const id = idOf(answer.getCorrelationId());
      settle(waiting.get(id), answer);
      waiting.delete(id);
    });
    call.on('error', (error) => fail(convertToCommandError(error)));
    call.on('end', () => fail(new Unanswered('the server ended the call')));
    return call;
  }

  private *partsOf({ name, expected, events }: WireAppend, id: string): Generator<BatchAppendReq> {
    const correlation = new shared.UUID().setString(id);
    let part = new streams.BatchAppendReq().setCorrelationId(correlation);
    part.setOptions(optionsOf(name, expected, this.deadline));
    let bytes = 0;
    for (const event of events) {
      const message = messageOf(event);
      const size = message.getData_asU8().length + message.getCustomMetadata_asU8().length;
      if (bytes > 0 && bytes + size > MESSAGE_BYTES) {
        yield part;
        part = new streams.BatchAppendReq().setCorrelationId(correlation);
        bytes = 0;
      }
      bytes += size;
      part.addProposedMessages(message);
    }
    yield part.setIsFinal(true);
  }
}

function optionsOf(name: string, expected: ExpectedVersion, deadline: number): BatchAppendReq.Options {
  const options = new streams.BatchAppendReq.Options();
  options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(name)));
  options.setDeadline(timestamp.Timestamp.fromDate(new Date(Date.now() + deadline)));
  if (expected === 'any') options.setAny(new shared.Empty());
  else if (expected === 'no-stream') options.setNoStream(new shared.Empty());
  else if (expected === 'stream-exists') options.setStreamExists(new shared.Empty());
  else options.setStreamPosition(expected.toString());
  return options;
}

function messageOf({ id, type, data, metadata }: WireAppend['events'][number]): BatchAppendReq.ProposedMessage {
  const message = new streams.BatchAppendReq.ProposedMessage();
  message.setId(new shared.UUID().setString(id.toLowerCase()));
  message.getMetadataMap().set('type', type).set('content-type', 'application/json');
  message.setData(Buffer.from(jsonTextOf(data)));
  message.setCustomMetadata(Buffer.from(JSON.stringify(metadata)));
  return message;
}

function settle(waiting: Waiting | undefined, answer: BatchAppendResp): void {
  const success = answer.getSuccess();
  if (!success) return waiting?.reject(new AppendFailed(answer.getError()));
  waiting?.resolve({
    revision: BigInt(success.getCurrentRevision()),
    position: BigInt(success.getPosition()?.getCommitPosition() ?? 0),
  });
}

/** Servers answer a UUID as text, or as two halves. */
function idOf(uuid: InstanceType<typeof shared.UUID> | undefined): string {
  const halves = uuid?.getStructured();
  if (!halves) return uuid?.getString() ?? '';
  const bits = (half: string): string => BigInt.asUintN(64, BigInt(half)).toString(16).padStart(16, '0');
  const hex = bits(halves.getMostSignificantBits()) + bits(halves.getLeastSignificantBits());
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
