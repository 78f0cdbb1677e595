// How a command is told of: one span, one measurement, whatever it took.
import { InvariantBroken } from '@concord/domain';
import { inSpan, isMetering, isTracing, record, timed } from '@concord/telemetry';
import { currentTenant } from '@concord/tenancy';
import type { CommandOutcome, DomainCommand } from './domain-command.js';
import type { SentCommand } from './sent-command.js';

/** `refused`: by an invariant, which is an answer like others. `failed`: by anything else. */
type Outcome = 'applied' | 'unchanged' | 'repeated' | 'refused' | 'failed';
type Attributes = Readonly<Record<'concord.command.type' | 'concord.command.outcome', string>>;

/** Runs a command in a span of its own. */
export function told<Value>(
  command: DomainCommand<unknown, Value>,
  sent: SentCommand,
  run: () => Promise<CommandOutcome<Value>>,
): Promise<CommandOutcome<Value>> {
  if (!isTracing() && !isMetering()) return run();
  const type = command.constructor.name;
  // Without an answer it failed, until it is known to have been refused.
  let attributes = attributesOf(type, 'failed');
  const ran = async (): Promise<CommandOutcome<Value>> => {
    try {
      const answer = await run();
      attributes = attributesOf(type, outcomeOf(answer));
      return answer;
    } catch (error) {
      if (error instanceof InvariantBroken) attributes = attributesOf(type, 'refused');
      throw error;
    } finally {
      if (sent.attempts > 1) record('concord.command.retries', sent.attempts - 1, { 'concord.command.type': type });
    }
  };
  return inSpan(
    () => ({
      span: 'command',
      target: type,
      isAnswer: (error) => error instanceof InvariantBroken,
      attributes: { 'concord.command.type': type, 'concord.tenant.id': currentTenant() },
    }),
    async (span) => {
      try {
        return await timed('concord.command.duration', () => attributes, ran);
      } finally {
        span?.setAttributes({ ...attributes, 'concord.command.attempts': sent.attempts });
      }
    },
  );
}

function attributesOf(type: string, outcome: Outcome): Attributes {
  return { 'concord.command.type': type, 'concord.command.outcome': outcome };
}

function outcomeOf({ repeated, streams }: CommandOutcome<unknown>): Outcome {
  if (repeated) return 'repeated';
  return streams.length > 0 ? 'applied' : 'unchanged';
}
