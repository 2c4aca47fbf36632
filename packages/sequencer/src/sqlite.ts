export { advanceSeq, openEventLog, type SqliteEventLogOptions } from './sqlite-log.ts'
