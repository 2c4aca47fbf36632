export {
  openDatabase,
  type DatabaseOptions,
  type PostgresDatabase,
  type Queryable,
  type Row,
  type Transaction,
  type TransactionOptions,
} from './database.ts'
export { PostgresError, wasRolledBack, type PostgresErrorCode } from './error.ts'
export { migrate, schemaVersions, type SchemaPart } from './migrate.ts'
export { holdOffice, type Office, type OfficeOptions } from './office.ts'
