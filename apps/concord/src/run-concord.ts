// Which commands `concord` has. Each is a file in commands/, and says itself what it is about; what all of them share is beside
// this file.
import { Command, CommanderError } from 'commander';
import { completionCommand } from './commands/completion.js';
import { eventsCommand } from './commands/events.js';
import { locksCommand } from './commands/locks.js';
import { parkedCommand } from './commands/parked.js';
import { processesCommand } from './commands/processes.js';
import { projectionsCommand } from './commands/projections.js';
import { replayCommand } from './commands/replay.js';
import { streamsCommand } from './commands/streams.js';
import { transactionsCommand } from './commands/transactions.js';
import { verifyCommand } from './commands/verify.js';
import { exitCodeOf } from './exit-codes.js';

/** Runs one command, prints, and sets the process's exit code. Args: without those of Node. */
export async function runConcord(args: readonly string[]): Promise<void> {
  try {
    await newProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    // Commander has printed its own errors.
    if (!(error instanceof CommanderError)) {
      process.stderr.write(`concord: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  }
}

function newProgram(): Command {
  const program: Command = new Command('concord')
    .description('Shows what is going on in a database of Concord’s: that of DATABASE_URL, or the embedded one.')
    .addCommand(locksCommand())
    .addCommand(transactionsCommand())
    .addCommand(streamsCommand())
    .addCommand(eventsCommand())
    .addCommand(replayCommand())
    .addCommand(parkedCommand())
    .addCommand(processesCommand())
    .addCommand(projectionsCommand())
    .addCommand(verifyCommand())
    .addCommand(completionCommand(() => program))
    .addHelpText(
      'after',
      `
"concord <command> --help" says more of each. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused (nothing was changed),
4 recorded, and not carried out yet.`,
    );
  prepare(program);
  return program;
}

/** Commander ends the process by itself, else; and options are those of the command that they stand behind. */
function prepare(command: Command): void {
  command.exitOverride().allowExcessArguments(false).enablePositionalOptions();
  command.showHelpAfterError('(--help shows all options)');
  for (const each of command.commands) prepare(each);
}
