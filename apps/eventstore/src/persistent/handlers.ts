// The calls of PersistentSubscriptions as gRPC takes them.
import { answering, streaming, type Surroundings } from '../grpc/handlers.js';
import { create, getInfo, list, type ManageParts, remove, replayParked, restartSubsystem, update } from './manage.js';
import { readPersistent } from './read.js';

/** Of a service, by the names of its methods. */
export function persistentHandlers(surroundings: Surroundings, parts: ManageParts) {
  return {
    create: answering(surroundings, (call: Parameters<typeof create>[1], user) => create(parts, call, user)),
    update: answering(surroundings, (call: Parameters<typeof update>[1], user) => update(parts, call, user)),
    delete: answering(surroundings, (call: Parameters<typeof remove>[1], user) => remove(parts, call, user)),
    getInfo: answering(surroundings, (call: Parameters<typeof getInfo>[1]) => getInfo(parts, call)),
    list: answering(surroundings, (call: Parameters<typeof list>[1]) => list(parts, call)),
    replayParked: answering(surroundings, (call: Parameters<typeof replayParked>[1], user) =>
      replayParked(parts, call, user),
    ),
    restartSubsystem: answering(surroundings, (call: Parameters<typeof restartSubsystem>[1], user) =>
      restartSubsystem(parts, call, user),
    ),
    read: streaming(surroundings, (call: Parameters<typeof readPersistent>[1], calling) =>
      readPersistent(parts, call, calling),
    ),
  };
}
