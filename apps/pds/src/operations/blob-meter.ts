const EVERY_MS = 10 * 60 * 1000

/**
 * Tells a sum over all blobs or accounts, made again when the last one is older than ten minutes. The first look waits for its sum.
 * @param sum adds them up, aside
 */
export function createBlobMeter<T = number>(
  sum: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let known: T | null = null
  let since = Number.NEGATIVE_INFINITY
  let running: Promise<T> | null = null

  const measure = async (): Promise<T> => {
    try {
      const made = await sum()
      known = made
      since = now()
      return made
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
