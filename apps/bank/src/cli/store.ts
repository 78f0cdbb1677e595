// npm run store -- scavenge|archive --tenant <id> ...
// Takes from the events' table what streams show no more, or what is old. The app may be at work meanwhile.
import type { INestApplicationContext } from '@nestjs/common';
import { Command } from 'commander';
import { EventStore, PostgresEventStore } from '@concord/event-store';
import { runInTenant } from '@concord/tenancy';
import { withBank } from './terminal/bank-process.js';
import {
  EXIT,
  type ExitCode,
  instantOption,
  numberOption,
  positionOption,
  runCommand,
  tenantOption,
  UsageError,
} from './terminal/command-line.js';
import { signsOfLife } from './terminal/progress.js';

interface ArchiveCommand {
  readonly tenant: string;
  readonly hidden?: true;
  readonly before?: Date;
  readonly upTo?: bigint;
  readonly eventsPerFile?: number;
}

const MAX_EVENTS_A_FILE = 1_000_000;

let chosen: () => Promise<ExitCode> = () => Promise.reject(new UsageError('say what to do: --help shows it'));

const command = new Command('store').description('Keeps the table of events small.');

command
  .command('scavenge')
  .description('Removes for good what streams show no more: by their metadata, deleted, or with a tombstone.')
  .requiredOption('--tenant <id>', 'whose streams', tenantOption)
  .action(({ tenant }: { readonly tenant: string }) => {
    chosen = () => withBank((app) => runInTenant(tenant, () => scavenge(app, tenant)));
  });

command
  .command('archive')
  .description('Moves events to files in the folder CONCORD_ARCHIVE, which reads then reach into.')
  .requiredOption('--tenant <id>', 'whose streams', tenantOption)
  .option('--hidden', 'what streams show no more, instead of scavenging it')
  .option('--before <time>', 'everything older, such as 2025-01-01 or 2025-01-01T12:00:00Z', instantOption)
  .option('--up-to <position>', 'everything up to a global position', positionOption)
  .option('--events-per-file <n>', '10000 unless told otherwise', numberOption(1, MAX_EVENTS_A_FILE))
  .action((options: ArchiveCommand) => {
    chosen = () => {
      const work = archiving(options);
      return withBank((app) => runInTenant(options.tenant, () => work(app)));
    };
  });

await runCommand(command, () => chosen());

async function scavenge(app: INestApplicationContext, tenant: string): Promise<ExitCode> {
  const stop = signsOfLife(`scavenge of ${tenant}`);
  try {
    const removed = await app.get(EventStore, { strict: false }).scavenge();
    console.log(`${removed} events removed`);
    return EXIT.done;
  } finally {
    stop();
  }
}

/** What is wrong with the options is said before anything is opened. Errors: UsageError. */
function archiving(options: ArchiveCommand): (app: INestApplicationContext) => Promise<ExitCode> {
  const { tenant, eventsPerFile, before, upTo } = options;
  const ways = [options.hidden && { hidden: true as const }, before && { before }, upTo !== undefined && { upTo }];
  const [way, another] = ways.filter((each) => each !== undefined && each !== false);
  if (!way || another) throw new UsageError('say one of --hidden, --before <time> and --up-to <position>');
  if (!process.env['CONCORD_ARCHIVE']) {
    throw new UsageError(
      'set CONCORD_ARCHIVE to the folder of the archive, here and for every process that reads events',
    );
  }
  return async (app) => {
    const store = app.get(EventStore, { strict: false });
    if (!(store instanceof PostgresEventStore)) throw new UsageError('only events in PostgreSQL are archived');
    let files = 0;
    const stop = signsOfLife(`archive of ${tenant}`, () => `${files} files`);
    try {
      const moved = await store.archive({
        ...way,
        ...(eventsPerFile !== undefined && { eventsPerFile }),
        onStep: (step) => void (files += Number(step === 'committed')),
      });
      console.log(`${moved.events} events moved to ${moved.files} files`);
      return EXIT.done;
    } finally {
      stop();
    }
  };
}
