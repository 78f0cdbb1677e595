// One user's hold on the server of a data folder: kept through the death of the keeper, until it is released.
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { attach, type Attachment } from './keeper-client.js';

const LONGEST_PAUSE_MS = 30_000;

export class Hold {
  private attachment: Attachment | undefined;
  private released = false;

  constructor(
    private readonly dataFolder: string,
    private readonly onProgress: (line: string) => void,
  ) {}

  async take(): Promise<string> {
    return this.keep(await attach(this.dataFolder, this.onProgress)).url;
  }

  async release(): Promise<void> {
    this.released = true;
    const socket = this.attachment?.socket;
    if (!socket || socket.closed) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy();
    await closed;
  }

  private keep(attachment: Attachment): Attachment {
    this.attachment = attachment;
    if (this.released) attachment.socket.destroy();
    // A killed keeper needs a successor, which adopts the running server: somebody must stop it after us.
    attachment.socket.once('close', () => void this.takeAgain(attachment.url));
    return attachment;
  }

  // In the background: our process may end meanwhile.
  private async takeAgain(url: string): Promise<void> {
    for (
      let pause = 100;
      !this.released && existsSync(this.dataFolder);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    ) {
      try {
        const next = this.keep(await attach(this.dataFolder, this.onProgress, false));
        if (next.url !== url) this.onProgress('PostgreSQL had to move to another port: restart this process');
        return;
      } catch (error) {
        this.onProgress(error instanceof Error ? error.message : String(error));
        await sleep(pause, undefined, { ref: false });
      }
    }
  }
}
