// A way to a server that can be cut, and on which everything can take its time.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Wire {
  /** The server's, over the wire. */
  readonly url: string;
  /** Ends every connection at once, in the middle of whatever it is. New ones are taken. */
  cut(): void;
  /** From here on everything takes so long, each way; 0: no time. */
  delay(ms: number): void;
  close(): void;
}

/** Opens a wire to a server, which is asked where it is for each connection: it may come back at another port. */
export async function openWire(server: { readonly url: string }): Promise<Wire> {
  const url = new URL(server.url);
  const sockets = new Set<Socket>();
  let delayMs = 0;
  const forward = (from: Socket, to: Socket): void => {
    // In order, also when the delay ends: each piece follows the one before.
    let last = Promise.resolve();
    let underWay = 0;
    const after = (work: () => void): void => {
      if (delayMs === 0 && underWay === 0) return work();
      const due = sleep(delayMs);
      underWay += 1;
      last = last
        .then(() => due)
        .then(() => {
          underWay -= 1;
          work();
        });
    };
    from.on('data', (chunk: Buffer) => after(() => to.write(chunk)));
    from.on('end', () => after(() => to.end()));
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      after(() => to.destroy());
    });
    sockets.add(from);
  };
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const { port, hostname } = new URL(server.url);
    const upstream = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    for (const socket of [client, upstream]) socket.setNoDelay(true);
    forward(client, upstream);
    forward(upstream, client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  url.hostname = '127.0.0.1';
  url.port = `${(listener.address() as AddressInfo).port}`;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: url.href,
    cut,
    delay: (ms) => {
      delayMs = ms;
    },
    close: () => {
      cut();
      listener.close();
    },
  };
}
