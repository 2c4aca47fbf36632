export type { TapCursors, TapRepoInfo, TapRepoState, TapStats } from './answers.ts'
export {
  openChannel,
  type Channel,
  type ChannelOptions,
  type ChannelStats,
  type FailureContext,
  type TapFailure,
  type TapVerdict,
} from './channel.ts'
export { createTap, type Tap, type TapCallOptions, type TapOptions } from './client.ts'
export { TapError, type TapErrorCode } from './error.ts'
export type {
  InvalidTapEvent,
  TapDeleteEvent,
  TapEvent,
  TapIdentityEvent,
  TapPutEvent,
  TapRecordBase,
  TapStatus,
} from './events.ts'
export { createReceiver, type ReceiverOptions } from './receiver.ts'
export type { GroupStart } from './start.ts'
