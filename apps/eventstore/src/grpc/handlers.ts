// Turns async functions into handlers of gRPC: within the tenant, stopped when the client goes or the server closes, and
// with errors told as clients know them.
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { runInTenant, type TenantId } from '@concord/tenancy';
import type { User, Users } from '../access/users.js';
import { toServiceError } from './failures.js';
import { ClientGone } from './stopping.js';

/** What handlers run in. */
export interface Surroundings {
  readonly tenant: TenantId;
  readonly users: Users;
  /** Aborted, with ServerClosing as its reason, when the server shuts down. */
  readonly closing: AbortSignal;
}

/** Who calls, and until when. */
export interface Calling {
  readonly user: User;
  readonly stop: AbortSignal;
}

/** For calls that everybody may make: which version this is, where it is. */
export function open<Request, Response>(work: (call: ServerUnaryCall<Request, Response>) => Response) {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
    callback(null, work(call));
  };
}

function authorizationOf({ metadata }: { readonly metadata: Metadata }): string | undefined {
  return metadata.get('authorization')[0]?.toString();
}

type Asked<Request, Response> = ServerUnaryCall<Request, Response> | ServerReadableStream<Request, Response>;

export function answering<Request, Response, Call extends Asked<Request, Response>>(
  { tenant, users }: Surroundings,
  work: (call: Call, user: User) => Promise<Response>,
): handleUnaryCall<Request, Response> & handleClientStreamingCall<Request, Response> {
  return (call: Asked<Request, Response>, callback) => {
    void runInTenant(tenant, async () => {
      try {
        callback(null, await work(call as Call, await users.authenticate(authorizationOf(call))));
      } catch (error) {
        callback(toServiceError(error));
      }
    });
  };
}

type Streamed<Request, Response> = ServerWritableStream<Request, Response> | ServerDuplexStream<Request, Response>;

export function streaming<Request, Response, Call extends Streamed<Request, Response>>(
  { tenant, users, closing }: Surroundings,
  work: (call: Call, calling: Calling) => Promise<void>,
): handleServerStreamingCall<Request, Response> & handleBidiStreamingCall<Request, Response> {
  return (call: Streamed<Request, Response>) => {
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort(new ClientGone()));
    void runInTenant(tenant, async () => {
      try {
        const user = await users.authenticate(authorizationOf(call));
        await work(call as Call, { user, stop: AbortSignal.any([gone.signal, closing]) });
        call.end();
      } catch (error) {
        if (!gone.signal.aborted) call.emit('error', toServiceError(error));
      }
    });
  };
}
