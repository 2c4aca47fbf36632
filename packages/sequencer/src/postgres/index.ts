export {
  EVENT_LOG_SCHEMA,
  openEventLog,
  type PostgresEventLog,
  type PostgresEventLogOptions,
  type PreparedEvent,
} from './log.ts'
