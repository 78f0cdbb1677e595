// The wire between the adapter and the server, as it is on a bad day: answers are held back, connections end, nobody is there.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Wire {
  readonly url: string;
  /** From now on the server hears everything and nobody hears the server, on the connections there are and on new ones. */
  mute(): void;
  /** The connections there are go silent and stay open; new ones are sound. */
  stall(): void;
  /** Ends all connections. New ones are taken, and answers pass again. */
  drop(): void;
  /** Ends all connections, and takes no new ones. */
  cut(): Promise<void>;
  restore(): Promise<void>;
}

export async function openWire(connectionString: string): Promise<Wire> {
  const target = new URL(connectionString);
  const pairs = new Set<{ client: Socket; upstream: Socket; stalled: boolean }>();
  let muted = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const pair = { client, upstream, stalled: false };
    pairs.add(pair);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined);
      socket.on('close', () => (other.destroy(), pairs.delete(pair)));
    }
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      if (!muted && !pair.stalled) client.write(bytes);
    });
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const drop = (): void => {
    for (const { client } of pairs) client.destroy();
    muted = false;
  };
  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    mute: () => (muted = true),
    stall: () => pairs.forEach((pair) => (pair.stalled = true)),
    drop,
    async cut() {
      if (!server.listening) return;
      server.close();
      drop();
      await once(server, 'close');
    },
    restore: () => listen(port),
  };
}
