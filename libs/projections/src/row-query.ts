// Finds rows by conditions, through TypeORM's query builder; in another schema than the entity's own, where rows are there.
import type { Database } from '@concord/database';
import type { EntityMetadata, FindManyOptions, ObjectLiteral } from 'typeorm';

/** The rows that match, in the order asked for. Relations are not followed: see ActiveRecord. */
export function queryRows<Row extends ObjectLiteral>(
  database: Database,
  type: new () => Row,
  options: FindManyOptions<Row>,
  schema: string | undefined,
): Promise<Row[]> {
  return database.read(async (manager) => {
    if (schema === undefined) return manager.find(type, options);
    const builder = manager.createQueryBuilder(type, 'stored');
    const { mainAlias } = builder.expressionMap;
    if (mainAlias) mainAlias.metadata = elsewhere(mainAlias.metadata, schema);
    return builder.setFindOptions(options).getMany();
  });
}

const moved = new WeakMap<EntityMetadata, Map<string, EntityMetadata>>();

function elsewhere(metadata: EntityMetadata, schema: string): EntityMetadata {
  const known = moved.get(metadata) ?? new Map<string, EntityMetadata>();
  moved.set(metadata, known);
  const made =
    known.get(schema) ??
    (Object.create(metadata, { tablePath: { value: `${schema}.${metadata.tableName}` } }) as EntityMetadata);
  known.set(schema, made);
  return made;
}
