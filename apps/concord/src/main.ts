// npx concord <command>: what operators ask of a database of Concord's. Each command is a file in commands/.
import { Command, CommanderError } from 'commander';
import { completionCommand } from './commands/completion.js';
import { eventsCommand } from './commands/events.js';
import { locksCommand } from './commands/locks.js';
import { parkedCommand } from './commands/parked.js';
import { projectionsCommand } from './commands/projections.js';
import { replayCommand } from './commands/replay.js';
import { streamsCommand } from './commands/streams.js';
import { verifyCommand } from './commands/verify.js';

const program: Command = new Command('concord')
  .description('Shows what is going on in a database of Concord’s: that of DATABASE_URL, or the embedded one.')
  .addCommand(locksCommand())
  .addCommand(streamsCommand())
  .addCommand(eventsCommand())
  .addCommand(replayCommand())
  .addCommand(parkedCommand())
  .addCommand(projectionsCommand())
  .addCommand(verifyCommand())
  .addCommand(completionCommand(() => program));

for (const each of [program, ...program.commands]) {
  each.exitOverride().allowExcessArguments(false).showHelpAfterError('(--help shows all options)');
}

try {
  await program.parseAsync();
} catch (error) {
  // Commander has printed its own errors. 2 is a wrong usage, 1 a failure.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.exitCode = 1;
    process.stderr.write(`concord: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
