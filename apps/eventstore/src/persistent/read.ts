// PersistentSubscriptions.Read: a consumer connects, gets events, and says what became of each.
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/persistent_pb.js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { InvalidArgument } from '@concord/kernel';
import type { Access } from '../access/access.js';
import type { Calling } from '../grpc/handlers.js';
import { uuidTextOf } from '../grpc/identifiers.js';
import { persistent, shared } from '../grpc/protocol.js';
import { untilStopped } from '../grpc/stopping.js';
import { fillRecordedEvent } from '../reading/messages.js';
import { Consumer } from './consumer.js';
import { keyOf } from './definition.js';
import { dropped } from './failures.js';
import type { Message } from './message.js';
import { addressOf } from './requests.js';
import type { PersistentSubscription } from './subscription.js';
import type { PersistentSubscriptions } from './subscriptions.js';

export interface PersistentReadParts {
  readonly subscriptions: PersistentSubscriptions;
  readonly access: Access;
}

// Events that the client's side of the wire has not taken yet, whatever its buffer size: they take memory here.
const MAX_UNSENT = 256;

type Call = ServerDuplexStream<ReadReq, ReadResp>;

/** Ends with the client, or with the error that drops it. Errors: SubscriptionFailure, NotLeader, AccessDenied, InvalidArgument. */
export async function readPersistent(
  { subscriptions, access }: PersistentReadParts,
  call: Call,
  { user, stop }: Calling,
): Promise<void> {
  const requests = (call as AsyncIterable<ReadReq>)[Symbol.asyncIterator]();
  const options = await optionsOf(requests, stop);
  const address = addressOf(options);
  await access.assert(user, 'read', address.stream);
  const subscription = await subscriptions.find(address);
  const end = new AbortController();
  const consumer = consumerOf(call, options, { subscription, user: user.name, end });
  const ended = AbortSignal.any([stop, end.signal]);
  ended.throwIfAborted();
  subscription.assertRoom();
  const confirmed = new persistent.ReadResp.SubscriptionConfirmation().setSubscriptionId(keyOf(address));
  call.write(new persistent.ReadResp().setSubscriptionConfirmation(confirmed));
  call.on('drain', () => subscription.dispatcher.resume());
  subscription.dispatcher.connect(consumer);
  try {
    for await (const request of untilStopped({ [Symbol.asyncIterator]: () => requests }, ended)) {
      answer(subscription, consumer, request);
    }
    // A client that has nothing more to say may still listen.
    await new Promise<void>((resolve) => {
      if (ended.aborted) resolve();
      else ended.addEventListener('abort', () => resolve(), { once: true });
    });
    ended.throwIfAborted();
  } finally {
    subscription.dispatcher.disconnect(consumer);
  }
}

async function optionsOf(requests: AsyncIterator<ReadReq>, stop: AbortSignal): Promise<ReadReq.Options> {
  for await (const request of untilStopped({ [Symbol.asyncIterator]: () => requests }, stop)) {
    const options = request.getOptions();
    if (options) return options;
    break;
  }
  stop.throwIfAborted();
  throw new InvalidArgument('the first message of a call has its options');
}

interface Caller {
  readonly subscription: PersistentSubscription;
  readonly user: string;
  readonly end: AbortController;
}

function consumerOf(call: Call, options: ReadReq.Options, { subscription, user, end }: Caller): Consumer {
  const { stream, settings } = subscription.definition;
  const bufferSize = options.getBufferSize();
  if (bufferSize < 1) throw new InvalidArgument(`the buffer size is ${bufferSize}: take 1 or more`);
  const structuredIds = !options.getUuidOption()?.hasString();
  const ofFeed = stream === undefined;
  return new Consumer({
    // Events in hand take memory here: how many these may be is for who made the subscription, not for each consumer.
    bufferSize: Math.min(bufferSize, settings.historyBufferSize),
    user: user === '' ? 'anonymous' : user,
    from: call.getPeer(),
    connectionName: call.metadata.get('connection-name')[0]?.toString() ?? '<unknown>',
    send: (message) => void call.write(eventMessage(message, structuredIds, ofFeed)),
    isClogged: () => call.writableLength >= MAX_UNSENT,
    end: (error) => end.abort(error),
  });
}

function answer(subscription: PersistentSubscription, consumer: Consumer, request: ReadReq): void {
  const { dispatcher, definition } = subscription;
  const ack = request.getAck();
  if (ack) return dispatcher.ack(ack.getIdsList().map(uuidTextOf));
  const nack = request.getNack();
  if (!nack) throw new InvalidArgument('after its options a call has acknowledgements only');
  const ids = nack.getIdsList().map(uuidTextOf);
  const { PARK, SKIP, STOP } = persistent.ReadReq.Nack.Action;
  switch (nack.getAction()) {
    case PARK:
      return dispatcher.park(ids, `Client explicitly NAK'ed message.\n${nack.getReason()}`);
    case SKIP:
      return dispatcher.ack(ids);
    case STOP:
      // With what it has in hand still, the events that it names among them.
      return consumer.options.end(dropped(definition, 'it asked for the stop'));
    default:
      return dispatcher.retry(ids, nack.getReason());
  }
}

/** As in EventStoreDB, only the feed's events tell a position. */
function eventMessage({ entry: { event, link }, retries }: Message, structuredIds: boolean, ofFeed: boolean): ReadResp {
  const { RecordedEvent } = persistent.ReadResp.ReadEvent;
  const read = new persistent.ReadResp.ReadEvent().setRetryCount(retries);
  if (event) read.setEvent(fillRecordedEvent(new RecordedEvent(), event, structuredIds));
  if (link) read.setLink(fillRecordedEvent(new RecordedEvent(), link, structuredIds));
  const position = (link ?? event)?.global_position;
  if (ofFeed && position !== undefined) read.setCommitPosition(position.toString());
  else read.setNoPosition(new shared.Empty());
  return new persistent.ReadResp().setEvent(read);
}
