// A user's side of the keeper: finds it, has it started where there is none, and holds one connection to it.
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { type KeeperMessage, type KeeperState, readKeeperState } from './keeper-files.js';
import { onLine } from './lines.js';
import { keeperFailed, KeeperStarter } from './keeper-starter.js';

const FIND_LIMIT_MS = 60_000;
const HELLO_LIMIT_MS = 5_000;

export interface Attachment {
  readonly url: string;
  readonly socket: Socket;
}

/** Resolves once the keeper has counted us and its server serves. `ref: false` lets our process end meanwhile. */
export async function attach(folder: string, onProgress: (line: string) => void, ref = true): Promise<Attachment> {
  const starter = new KeeperStarter(folder);
  try {
    for (const deadline = Date.now() + FIND_LIMIT_MS; Date.now() < deadline;) {
      const state = readKeeperState(folder);
      const attachment = state && (await attachTo(state, onProgress, ref));
      if (attachment) return attachment;
      await starter.startIfNeeded();
      await sleep(15, undefined, { ref });
    }
  } finally {
    starter.yieldTurn();
  }
  throw keeperFailed(
    folder,
    `did not answer within ${FIND_LIMIT_MS / 1000} s. Another container may be using this folder, or process ` +
      `${readKeeperState(folder)?.pid ?? '(unknown)'} hangs: end it and try again`,
  );
}

function attachTo(
  state: KeeperState,
  onProgress: (line: string) => void,
  ref: boolean,
): Promise<Attachment | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: state.port });
    if (!ref) socket.unref();
    const impatience = setTimeout(() => socket.destroy(), HELLO_LIMIT_MS).unref();
    let trusted = false;
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(undefined));
    socket.on('connect', () => socket.write(`${state.token}\n`));
    onLine(socket, (line) => {
      const message = parseMessage(line);
      if ('hello' in message && message.hello === state.proof) {
        trusted = true;
        clearTimeout(impatience);
      }
      // Whoever listens on a dead keeper's port does not know the proof.
      if (!trusted) socket.destroy();
      else if ('progress' in message) onProgress(message.progress);
      else if ('failed' in message) reject(new EmbeddedPostgresError(message.failed));
      else if ('ready' in message) {
        socket.unref();
        resolve({ url: message.ready, socket });
      }
    });
  });
}

function parseMessage(line: string): KeeperMessage {
  try {
    return JSON.parse(line) as KeeperMessage;
  } catch {
    return { hello: '' };
  }
}
