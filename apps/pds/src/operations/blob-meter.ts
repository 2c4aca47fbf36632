const EVERY_MS = 10 * 60 * 1000

/**
 * Tells the bytes of all blobs, summed up again when the last sum is older than ten minutes. The first look waits for its sum.
 * @param sum adds them up, aside
 */
export function createBlobMeter(
  sum: () => Promise<number>,
  now: () => number = () => performance.now(),
): () => Promise<number> {
  let known: number | null = null
  let since = Number.NEGATIVE_INFINITY
  let running: Promise<number> | null = null

  const measure = async (): Promise<number> => {
    try {
      known = await sum()
      since = now()
      return known
    } finally {
      running = null
    }
  }

  return () => {
    if (now() - since < EVERY_MS && known !== null) return Promise.resolve(known)
    running ??= measure()
    if (known === null) return running
    // A sum that fails is asked for again at the next look.
    running.catch(() => {})
    return Promise.resolve(known)
  }
}
