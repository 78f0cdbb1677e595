// Turns async functions into handlers of gRPC: within the tenant, stopped when the client goes or the server closes, and
// with errors told as clients know them.
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { runInTenant, type TenantId } from '@concord/tenancy';
import { toServiceError } from './failures.js';
import { ClientGone } from './stopping.js';

/** What handlers run in. */
export interface Surroundings {
  readonly tenant: TenantId;
  /** Aborted, with ServerClosing as its reason, when the server shuts down. */
  readonly closing: AbortSignal;
}

type Asked<Request, Response> = ServerUnaryCall<Request, Response> | ServerReadableStream<Request, Response>;

export function answering<Request, Response, Call extends Asked<Request, Response>>(
  { tenant }: Surroundings,
  work: (call: Call) => Promise<Response>,
): handleUnaryCall<Request, Response> & handleClientStreamingCall<Request, Response> {
  return (call: Asked<Request, Response>, callback) => {
    void runInTenant(tenant, async () => {
      try {
        callback(null, await work(call as Call));
      } catch (error) {
        callback(toServiceError(error));
      }
    });
  };
}

type Streamed<Request, Response> = ServerWritableStream<Request, Response> | ServerDuplexStream<Request, Response>;

export function streaming<Request, Response, Call extends Streamed<Request, Response>>(
  { tenant, closing }: Surroundings,
  work: (call: Call, stop: AbortSignal) => Promise<void>,
): handleServerStreamingCall<Request, Response> & handleBidiStreamingCall<Request, Response> {
  return (call: Streamed<Request, Response>) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort(new ClientGone()));
    void runInTenant(tenant, async () => {
      try {
        await work(call as Call, AbortSignal.any([gone.signal, closing]));
        call.end();
      } catch (error) {
        if (!gone.signal.aborted) call.emit('error', toServiceError(error));
      }
    });
  };
}
