// concord transactions: transactions of several stores that have not come to their end, and an operator's word on them.
import { userInfo } from 'node:os';
import { Argument, Command, Option } from 'commander';
import { TransactionsDesk } from '@concord/coordination';
import type { Database } from '@concord/database';
import { EXIT } from '../exit-codes.js';
import { collected, databaseOption, jsonOption, seconds, tenantOption } from '../options.js';
import { ageOf, printJson, printLines, printTable } from '../print.js';
import { withDatabases } from '../with-database.js';

interface Where {
  readonly database?: string;
  readonly also?: readonly string[];
}

interface ListOptions extends Where {
  readonly tenant?: string;
  readonly olderThan: number;
  readonly json?: true;
}

interface ResolveOptions extends Where {
  readonly reason: string;
  readonly by: string;
  readonly participant?: string;
  readonly wait: number;
  readonly json?: true;
}

type UnsettledTransaction = Awaited<ReturnType<TransactionsDesk['list']>>[number];
type Resolved = Awaited<ReturnType<TransactionsDesk['resolve']>>[number];

const ABOUT = `
A transaction of several stores or services is in doubt at a participant from its yes until it hears what was decided. Mostly
that takes milliseconds, and after a crash seconds: what is older than half a minute deserves a look.

State: "preparing" (nothing is decided, and nobody has to be told), "committed" or "aborted" (decided; those that are "waiting"
are told until they have acknowledged), "unknown" (prepared here, and no log of decisions in these databases knows it: its
coordinator's log is elsewhere, or has forgotten it, which means that it was aborted).
Vote: "yes" where it is prepared; "unknown" where that participant's database is none of these, or it has not voted.

  concord transactions --older-than 30
  concord transactions --also concord_branch --json
  concord transactions resolve 0197… abort --reason "the coordinator's disk is lost, ticket 4711"`;

const RESOLVING = `
Do this when a participant or a coordinator will never be back. What can be forced:

  abort   what is not decided yet ("preparing"): from then on nobody can commit it.
  abort   or commit, at participants that are prepared and whose coordinator does not answer: at all of them that are in these
          databases, or at the one of --participant. Every other participant has to come to the same end: look there first.
  Either  with --participant, where a participant was found to have done otherwise than was decided and that was put right by
          hand: nobody is told any more. For a commit its database has to be among these, and its log there to say that it has
          ended; a service is asked by a process that has it (coordinator.resolve).

Refused (exit code 3, nothing was changed): what is decided to be another, what is not in doubt, and, once that is known, what
the coordinator says otherwise when it is asked a last time.

Who, when and why is kept in concord.forced_resolutions. A process with that participant carries it out, logs it as an error
and counts it (concord.transaction.forced). If none has within --wait, the exit code is 4: one will when it runs.`;

export function transactionsCommand(): Command {
  return new Command('transactions')
    .description('Lists transactions of several stores that are in doubt; "resolve" forces an end.')
    .addOption(tenantOption('of one tenant only'))
    .option('--older-than <seconds>', 'only those that began so long ago', seconds, 0)
    .addOption(databaseOption())
    .addOption(alsoOption())
    .addOption(jsonOption('{"transactions": [{"id", "state", "ageMs", "participants": [..], "locks": [..], ..}]}'))
    .addHelpText('after', ABOUT)
    .action(list)
    .addCommand(resolveCommand());
}

function resolveCommand(): Command {
  return new Command('resolve')
    .description('Forces the end of a transaction that is in doubt: on record, and told as an alarm.')
    .argument('<id>', 'of the transaction')
    .addArgument(new Argument('<outcome>', 'how it is to end').choices(['commit', 'abort']))
    .requiredOption('--reason <text>', 'why; it is kept')
    .option('--by <name>', 'who says so; it is kept', userInfo().username)
    .option('--participant <name>', 'at this one only')
    .option('--wait <seconds>', 'how long to wait until it is carried out', seconds, 10)
    .addOption(databaseOption())
    .addOption(alsoOption())
    .addOption(jsonOption('{"id", "outcome", "participants": [{"participant", "outcome"}]}'))
    .addHelpText('after', RESOLVING)
    .action(resolve);
}

const alsoOption = (): Option =>
  new Option('--also <name or URL>', 'this database as well, such as that of another store; may be repeated').argParser(
    collected,
  );

async function list({ tenant, olderThan, json, ...where }: ListOptions): Promise<void> {
  const all = await atDesk(where, (desk) => desk.list());
  const isWanted = (one: UnsettledTransaction): boolean =>
    (tenant === undefined || one.tenant === tenant) && one.ageMs >= olderThan * 1000;
  const transactions = all.filter(isWanted);
  if (json) printJson({ transactions });
  else print(transactions);
}

function print(transactions: readonly UnsettledTransaction[]): void {
  printTable(
    'Transactions',
    ['transaction', 'tenant', 'state', 'age', 'coordinator', 'attempts', 'last error'],
    transactions.map(({ id, tenant, state, ageMs, coordinator, attempts, lastError }) => {
      return [id, tenant, state, ageOf(ageMs), coordinator, attempts, lastError ?? ''];
    }),
  );
  if (transactions.length === 0) return;
  printTable(
    'Participants',
    ['transaction', 'participant', 'vote', 'state'],
    transactions.flatMap(({ id, participants }) =>
      participants.map(({ name, vote, state }) => [id, name, vote, state]),
    ),
  );
  printTable(
    'Locks',
    ['transaction', 'stream', 'mode', 'token'],
    transactions.flatMap(({ id, locks }) => locks.map((lock) => [id, lock.stream, lock.mode, lock.fencingToken])),
  );
}

async function resolve(id: string, said: 'commit' | 'abort', options: ResolveOptions): Promise<void> {
  const { reason, by, participant, wait, json, ...where } = options;
  const outcome = said === 'commit' ? 'committed' : 'aborted';
  const wanted = {
    outcome,
    by,
    reason,
    ...(participant !== undefined && { participant }),
    waitMs: wait * 1000,
  } as const;
  const participants = await atDesk(where, (desk) => desk.resolve(id, wanted));
  process.exitCode = exitCodeFor(participants);
  if (json) printJson({ id, outcome, participants });
  else printLines(participants.map((one) => lineOf(id, outcome, one)));
  process.stderr.write(`concord: transaction ${id} was forced to be ${outcome} by ${by}: ${reason}\n`);
}

function exitCodeFor(resolved: readonly Resolved[]): number {
  if (resolved.some(({ outcome }) => outcome === 'overruled')) return EXIT.refused;
  return resolved.some(({ outcome }) => outcome === 'recorded') ? EXIT.waiting : EXIT.done;
}

function lineOf(id: string, outcome: string, { participant, outcome: come }: Resolved): string {
  if (participant === null)
    return `transaction ${id} is ${outcome}: its participants are told by the processes that have them`;
  switch (come) {
    case 'carried-out':
      return `transaction ${id} is ${outcome} at "${participant}"`;
    case 'recorded':
      return `recorded, and not carried out yet: a process with the participant "${participant}" does it when it runs`;
    case 'overruled':
      return `refused at "${participant}": its coordinator answered, and has decided otherwise`;
  }
}

function atDesk<T>({ database, also = [] }: Where, work: (desk: TransactionsDesk) => Promise<T>): Promise<T> {
  return withDatabases([database, ...also], (databases: readonly Database[]) => work(new TransactionsDesk(databases)));
}
