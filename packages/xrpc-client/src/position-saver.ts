/** Saves the newest position of a reader now and then, one save at a time, without holding the reader up. */
export interface PositionSaver<P> {
  /** Something to save, if it is new. */
  offer(position: P): void
  /** Saves what is not saved yet. @throws what `failed` made, also of an earlier save in the background */
  flush(): Promise<void>
  /** What an earlier save in the background failed with. @throws what `failed` made */
  check(): void
  /** No more saves in the background. */
  stop(): void
}

/**
 * Makes a {@link PositionSaver}. After a save that failed there is none any more: who reads is told, and begins at the last one.
 *
 * @param store null where nothing is saved
 * @param everyMs milliseconds between saves in the background
 * @param failed makes the error that the reader is told of what the store threw
 */
export function createPositionSaver<P>(
  store: { save(position: P): void | Promise<void> } | null,
  everyMs: number,
  failed: (cause: unknown) => Error,
): PositionSaver<P> {
  let newest: P | null = null
  let saved: P | null = null
  let saving: Promise<void> | null = null
  let failure: Error | null = null
  let timer: ReturnType<typeof setInterval> | undefined

  const unsaved = (): P | null => (newest === saved || failure !== null ? null : newest)
  const save = async (): Promise<void> => {
    for (let position = unsaved(); position !== null; position = unsaved()) {
      try {
        await store?.save(position)
        saved = position
      } catch (cause) {
        failure = failed(cause)
      }
    }
  }
  const start = (): Promise<void> => {
    // Not at the end of `save` itself, which is over before this where there is nothing to save.
    saving ??= save().finally(() => {
      saving = null
    })
    return saving
  }
  const check = (): void => {
    if (failure !== null) throw failure
  }
  return {
    offer(position) {
      newest = position
      if (store === null || timer !== undefined) return
      timer = setInterval(() => void start(), everyMs)
      // Node only: nothing but this timer is no reason to stay alive.
      if (typeof timer === 'object') timer.unref()
    },
    async flush() {
      // What was offered while a save came to its end is not in it.
      while (unsaved() !== null) await start()
      check()
    },
    check,
    stop() {
      clearInterval(timer)
    },
  }
}
