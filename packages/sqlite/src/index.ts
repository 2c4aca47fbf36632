export { openDatabase, type Database, type DatabaseOptions } from './database.ts'
export type { Disk } from './durability.ts'
export { SqliteError, type SqliteErrorCode } from './error.ts'
export { migrate, schemaVersions, type SchemaPart } from './migrate.ts'
