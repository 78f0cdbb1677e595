// A gRPC server that answers as the test says: for what the real one never does. It keeps no events.
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { BatchAppendReq, BatchAppendResp, ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import grpcStreams from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';

export interface Script {
  /** By default appends are answered with position 1 and revision 0. */
  append?: (request: BatchAppendReq, call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>) => void;
  read?: (call: ServerWritableStream<ReadReq, ReadResp>) => void;
}

export interface ScriptedServer {
  readonly port: number;
  readonly url: string;
  /** The appends that arrived, one after the other. */
  readonly appends: BatchAppendReq[];
  /** How often a call was made that must not be. */
  readonly unexpected: string[];
  reads: number;
  close(): void;
}

export async function startScripted(script: Script): Promise<ScriptedServer> {
  const server = new Server();
  const appends: BatchAppendReq[] = [];
  const unexpected: string[] = [];
  const refuse = (name: string) => (): void => void unexpected.push(name);
  const scripted = { appends, unexpected, reads: 0 };
  const service: IStreamsServer = {
    batchAppend: (call) => {
      call.on('error', () => undefined);
      call.on('end', () => call.end());
      call.on('data', (request: BatchAppendReq) => {
        appends.push(request);
        (script.append ?? accept)(request, call);
      });
    },
    read: (call) => {
      scripted.reads += 1;
      script.read?.(call);
    },
    append: refuse('append'),
    delete: refuse('delete'),
    tombstone: refuse('tombstone'),
  };
  server.addService(grpcStreams.StreamsService, service);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const url = `esdb://127.0.0.1:${port}?tls=false`;
  return Object.assign(scripted, { port, url, close: () => server.forceShutdown() });
}

export function accept(
  request: BatchAppendReq,
  call: Pick<ServerDuplexStream<BatchAppendReq, BatchAppendResp>, 'write'>,
): void {
  const position = new shared.AllStreamPosition().setCommitPosition('1').setPreparePosition('1');
  const success = new streams.BatchAppendResp.Success().setCurrentRevision('0').setPosition(position);
  call.write(new streams.BatchAppendResp().setCorrelationId(request.getCorrelationId()).setSuccess(success));
}

/** What a node of a cluster answers that is not its leader. */
export function notLeader(port: number): { code: number; details: string; metadata: Metadata } {
  const metadata = new Metadata();
  metadata.set('exception', 'not-leader');
  metadata.set('leader-endpoint-host', '127.0.0.1');
  metadata.set('leader-endpoint-port', port.toString());
  return { code: status.NOT_FOUND, details: 'Leader info available', metadata };
}

/** An event as a server sends it: `ticks` are of 100 ns since 1970. */
export function eventMessage(stream: string, id: string, ticks: bigint): ReadResp {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(new shared.UUID().setString(id));
  recorded.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)));
  recorded.setStreamRevision('0').setCommitPosition('7').setPreparePosition('7');
  const metadata = recorded.getMetadataMap();
  metadata.set('type', 'A').set('content-type', 'application/json').set('created', ticks.toString());
  recorded.setData(Buffer.from('{}'));
  const event = new streams.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition('7');
  return new streams.ReadResp().setEvent(event);
}
