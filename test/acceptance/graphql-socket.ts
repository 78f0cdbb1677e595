// A client of the protocol graphql-transport-ws: just enough of it to subscribe.
import type { Json } from './bank-under-test.js';

export interface Message {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Json;
}

export interface GraphQLSocket {
  send(message: object): void;
  /** The next message that is no ping; rejects when the socket closes first. */
  next(): Promise<Message>;
  /** Subscribes, and takes what the field of that name yields. */
  subscribe(id: string, query: string): void;
  readonly closed: Promise<number>;
  close(): void;
}

export async function openSocket(
  url: string,
  { headers = {}, payload }: { headers?: Record<string, string>; payload?: object } = {},
): Promise<GraphQLSocket> {
  const options = { protocols: ['graphql-transport-ws'], headers };
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, options);
  const messages: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data as string) as Message;
    const next = waiting.shift();
    if (next) next(message);
    else messages.push(message);
  });
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const send = (message: object): void => socket.send(JSON.stringify(message));
  send({ type: 'connection_init', payload });
  const connection: GraphQLSocket = {
    send,
    next: () => {
      const message = messages.shift();
      if (message) return Promise.resolve(message);
      const gone = closed.then((code) => Promise.reject(new Error(`the socket was closed: ${code}`)));
      return Promise.race([new Promise<Message>((resolve) => waiting.push(resolve)), gone]);
    },
    subscribe: (id, query) => send({ id, type: 'subscribe', payload: { query } }),
    closed,
    close: () => socket.close(),
  };
  const acknowledged = await connection.next();
  if (acknowledged.type !== 'connection_ack') throw new Error(JSON.stringify(acknowledged));
  return connection;
}
