export { SequencerError, type SequencerErrorCode } from './errors.ts'
export type { EventLog, LogBounds, LoggedEvent, NewEvent, Removal } from './types.ts'
