// Starts the EventStoreDB server over PostgreSQL.
import { startEventStoreServer } from './start-server.js';

async function main(): Promise<void> {
  const server = await startEventStoreServer({ onProgress: say });
  server.app.enableShutdownHooks(['SIGTERM', 'SIGINT'], { useProcessExit: true });
  say(`The event store listens: ${server.connectionString}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const hint = message.includes('EADDRINUSE') ? ': stop what listens there, or set EVENTSTORE_PORT to another one' : '';
  process.stderr.write(`The event store did not start: ${message}${hint}\n`);
  process.exit(1);
});
