// Lines from a socket. Not node:readline, which reports the socket's errors as unhandled ones of its own.
import type { Socket } from 'node:net';

export function onLine(socket: Socket, receive: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(receive);
  });
}
