import { setTimeout as sleep } from 'node:timers/promises'

import type { Did } from '@avocet/syntax'

import { RepoServerError } from './error.ts'

/** How long a removal waits for uploads of other processes; then its bytes are left for the next try, or the next start. */
const PATIENCE_MS = 120_000
const LOOK_MS = 20

/**
 * Tries a removal between the uploads of other processes until it was done.
 * @param remove returns false where an upload is in the way (`BlobTurns`)
 * @throws RepoServerError `repo-busy`, what `remove` throws, and the reason of `signal` when it is aborted
 */
export async function untilDone(
  did: Did,
  remove: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const started = performance.now()
  let pause = LOOK_MS
  while (!(await remove())) {
    if (performance.now() - started > PATIENCE_MS) {
      throw new RepoServerError('repo-busy', `Blobs are uploaded all the time; did=${did}`)
    }
    await sleep(pause * (1 + Math.random()), undefined, { ref: false, signal }).catch(() => {})
    signal.throwIfAborted()
    pause = Math.min(2 * pause, 200)
  }
}
