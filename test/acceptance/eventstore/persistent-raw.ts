// Persistent subscriptions without a client library: what that hides, or does by itself.
import { credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import services from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import persistent from '@eventstore/db-client/generated/persistent_pb.js';
import type { ReadResp } from '@eventstore/db-client/generated/persistent_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';

const identifier = (stream: string) => new shared.StreamIdentifier().setStreamName(Buffer.from(stream));

type Change = (settings: InstanceType<typeof persistent.CreateReq.Settings>) => void;

/** A group "g" of a stream, and calls that read it. */
export function rawSubscriptions(port: number) {
  const client = new services.PersistentSubscriptionsClient(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    create(stream: string, strategy: string, change?: Change) {
      const settings = new persistent.CreateReq.Settings()
        .setConsumerStrategy(strategy)
        .setReadBatchSize(20)
        .setHistoryBufferSize(500)
        .setLiveBufferSize(500)
        .setMaxRetryCount(10)
        .setMessageTimeoutTicks('300000000')
        .setCheckpointAfterTicks('20000000');
      change?.(settings);
      const options = new persistent.CreateReq.Options().setGroupName('g').setSettings(settings);
      options.setStream(
        new persistent.CreateReq.StreamOptions().setStreamIdentifier(identifier(stream)).setStart(new shared.Empty()),
      );
      return new Promise<void>((resolve, reject) =>
        client.create(new persistent.CreateReq().setOptions(options), (error) => (error ? reject(error) : resolve())),
      );
    },
    /** A call of which nothing has been said yet. */
    call: () => client.read(new Metadata()),
    read(stream: string, bufferSize: number) {
      const call = client.read(new Metadata());
      const responses: ReadResp[] = [];
      const failed = new Promise<ServiceError>((resolve) => call.on('error', resolve));
      call.on('data', (response: ReadResp) => responses.push(response));
      const options = new persistent.ReadReq.Options().setStreamIdentifier(identifier(stream)).setGroupName('g');
      options.setBufferSize(bufferSize);
      call.write(new persistent.ReadReq().setOptions(options));
      const events = () => responses.flatMap((response) => response.getEvent() ?? []);
      let acked = 0;
      /** Everything that has come. */
      const ackAll = () => {
        const ids = events()
          .slice(acked)
          .flatMap((one) => (one.getLink() ?? one.getEvent())?.getId() ?? []);
        acked += ids.length;
        if (ids.length > 0) call.write(new persistent.ReadReq().setAck(new persistent.ReadReq.Ack().setIdsList(ids)));
      };
      return { call, responses, failed, events, ackAll };
    },
    close: () => client.close(),
  };
}
