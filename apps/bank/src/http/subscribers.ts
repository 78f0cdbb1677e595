// The web sockets that are open, so that a shutdown can tell them to leave.

interface Socket {
  close(code: number, reason: string): void;
  once(event: 'close', listener: () => void): unknown;
}

const GOING_AWAY = 1001;

export class Subscribers {
  private readonly sockets = new Set<Socket>();

  add(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }

  dismiss(): void {
    for (const socket of this.sockets) socket.close(GOING_AWAY, 'the server is shutting down');
  }
}
