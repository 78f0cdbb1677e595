// npx concord <command>: what operators ask of a database of Concord's. Each command is a file in commands/.
import { Command, CommanderError } from 'commander';
import { locksCommand } from './commands/locks.js';

const program = new Command('concord')
  .description('Shows what is going on in a database of Concord’s: that of DATABASE_URL, or the embedded one.')
  .addCommand(locksCommand());

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
