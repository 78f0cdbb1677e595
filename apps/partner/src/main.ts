// Starts the partner bank: a service of its own, which takes part in the bank's transactions.
import { createPartner } from './create-app.js';
import { PartnerSettings } from './settings.js';

async function main(): Promise<void> {
  const settings = new PartnerSettings();
  const app = await createPartner(settings);
  app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  try {
    await app.listen(settings.port, settings.host);
  } catch (error) {
    await app.close();
    throw error;
  }
  process.stdout.write(`The partner bank listens on ${await app.getUrl()}.\n`);
}

main().catch((error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException;
  const hint = code === 'EADDRINUSE' ? 'the port is in use: set PARTNER_PORT to another one' : message;
  process.stderr.write(`The partner bank did not start: ${hint}\n`);
  process.exit(1);
});
