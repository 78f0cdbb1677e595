// F3: consumers of the feed, and their checkpoints.
export { Checkpoints, type HeldCheckpoint } from './checkpoints.js';
export { Consumer, type ConsumerFailure, type ConsumerOptions } from './consumer.js';
export { followStream } from './follow-stream.js';
export { Signal } from './signal.js';
