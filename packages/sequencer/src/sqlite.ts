export { advanceSeq, EVENT_LOG_SCHEMA, openEventLog, type SqliteEventLogOptions } from './sqlite-log.ts'
