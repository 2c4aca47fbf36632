export { SequencerError, type SequencerErrorCode } from './errors.ts'
export { createMemoryEventLog, type MemoryEventLogOptions } from './memory-log.ts'
export { createSequencer, type Retention, type Sequencer, type SequencerOptions } from './sequencer.ts'
export type { SequencerStats, SubscriberStats } from './stats.ts'
export type {
  EventLog,
  EventSource,
  LogBounds,
  LogChange,
  LoggedEvent,
  NewEvent,
  ReadLimit,
  Removal,
  SequencedFrame,
  SyncEventLog,
} from './types.ts'
