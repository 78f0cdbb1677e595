// F0: the words that every other lib speaks. Knows no framework and no database.
export { type Clock, systemClock } from './clock.js';
export { ConcordError, InvalidArgument } from './errors.js';
export type { DomainEvent, EventMetadata, NewEvent, RecordedEvent } from './event.js';
export {
  type EventSeal,
  isSealed,
  PersonalDataSealed,
  type SealableAppend,
  SEALED,
  type SealedEvent,
} from './event-seal.js';
export { EventIdInUse, type ExpectedVersion, StreamDeleted, WrongExpectedVersion } from './expected-version.js';
export { derivedId, derivedIdOf, isId, newId } from './ids.js';
export { assertExactJson } from './json.js';
export { currentMessage, type MessageContext, runInMessage } from './message-context.js';
export { type GlobalPosition, NO_REVISION, parsePosition, type StreamPosition } from './position.js';
export { logLevelSetting, wholeNumberSetting } from './settings.js';
export { assertCategory, metadataStreamOf, parseStreamName, type StreamName, streamName } from './stream-name.js';
export { warn } from './warn.js';
