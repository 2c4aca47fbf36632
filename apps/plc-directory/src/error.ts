/** Why a directory could not start. */
export type PlcDirectoryErrorCode = 'port-in-use' | 'listen-failed' | 'data-unusable'

/** A directory that could not start. The message is meant for the person who started it. */
export class PlcDirectoryError extends Error {
  override readonly name = 'PlcDirectoryError'
  readonly code: PlcDirectoryErrorCode

  constructor(code: PlcDirectoryErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options)
    this.code = code
  }
}
