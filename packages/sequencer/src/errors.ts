/** `FutureCursor` and `ConsumerTooSlow` are the error frame names of the event stream spec. */
export type SequencerErrorCode =
  | 'FutureCursor'
  | 'ConsumerTooSlow'
  | 'closed'
  | 'frame-too-big'
  | 'invalid-option'
  | 'log-corrupt'

/** What `@avocet/sequencer` throws. */
export class SequencerError extends Error {
  override readonly name = 'SequencerError'
  readonly code: SequencerErrorCode

  constructor(code: SequencerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
