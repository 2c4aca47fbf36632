export { openEventLog, type PostgresEventLog, type PostgresEventLogOptions } from './postgres-log.ts'
