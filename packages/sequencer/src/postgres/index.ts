export {
  openEventLog,
  type PostgresEventLog,
  type PostgresEventLogOptions,
  type PreparedEvent,
} from './log.ts'
