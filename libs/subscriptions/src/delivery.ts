// What a subscription promises its handler.

/**
 * `exactly-once-in-database`: the handler runs in the transaction that saves the checkpoint, so its effects in this
 * database happen exactly once; effects elsewhere (a mail, a call) would be repeated after a rollback. `at-least-once`: the
 * handler runs outside any transaction and the checkpoint is saved after it; a crash between the two repeats the event.
 */
export type Delivery = 'exactly-once-in-database' | 'at-least-once';
