import { createReadStream } from 'node:fs'

/** The bytes of a file. It is opened when the first is asked for: the error of one that is gone must find somebody who listens. */
export async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array, void> {
  yield* createReadStream(path)
}
