// Starts the bank and its doors.
import 'reflect-metadata';
import { createApp } from './http/create-app.js';
import { HttpSettings } from './http/settings.js';
import { whatToTry } from './http/what-to-try.js';
import { storesSettings } from './stores/stores-settings.js';
import { loadSampleOnFirstStart, SAMPLE_TENANT } from './sample/load-sample.js';

async function main(): Promise<void> {
  const settings = new HttpSettings();
  const app = await createApp({ onProgress: say, ...storesSettings() }, settings);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  try {
    const sample = await loadSampleOnFirstStart(app);
    if (sample.loaded) say(`Imported the sample: ${sample.rows} rows into the tenant "${SAMPLE_TENANT}".`);
    await app.listen(settings.port, settings.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  say(await whatToTry(app, await app.getUrl()));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function explain(error: unknown): string {
  const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is in use: stop what listens there, or set PORT to another one`;
  return message;
}

main().catch((error: unknown) => {
  process.stderr.write(`The bank did not start: ${explain(error)}\n`);
  process.exit(1);
});
