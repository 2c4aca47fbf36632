// How far a reader got, and where that is kept.
import { JetstreamError } from './error.ts'

/** How far a reader got. Numbers are a server's own: another one is asked by time. */
export interface Position {
  /** The service that the cursor is of, as it was given. */
  readonly service: string
  /** The last event that the reader is done with: its `time_us` (v1) or `seq` (v2). */
  readonly cursor: number
  /** When that server saw it, unix microseconds; null when nobody knows. */
  readonly timeUs: number | null
}

/** Keeps the position of one subscription. */
export interface CursorStore {
  /** The position saved last; null when there is none. */
  load(): Position | null | Promise<Position | null>
  /** Resolves when it is durable. */
  save(position: Position): void | Promise<void>
}

/** Saves the newest position now and then, one save at a time. */
export interface Saver {
  /** Something to save, if it is new. */
  offer(position: Position): void
  /** Saves what is not saved yet. @throws JetstreamError `store-failed`, also of an earlier save in the background */
  flush(): Promise<void>
  /** What an earlier save in the background failed with. @throws JetstreamError `store-failed` */
  check(): void
  /** No more saves in the background. */
  stop(): void
}

/** Makes a {@link Saver} that saves every `everyMs`. */
export function createSaver(store: CursorStore | null, everyMs: number): Saver {
  let newest: Position | null = null
  let saved: Position | null = null
  let saving: Promise<void> | null = null
  let failure: JetstreamError | null = null
  let timer: ReturnType<typeof setInterval> | undefined

  const unsaved = (): Position | null => (newest === saved || failure !== null ? null : newest)
  const save = async (): Promise<void> => {
    for (let position = unsaved(); position !== null; position = unsaved()) {
      try {
        await store?.save(position)
        saved = position
      } catch (cause) {
        failure = new JetstreamError('store-failed', 'the cursor could not be saved', { cause })
      }
    }
    saving = null
  }
  const start = (): Promise<void> => (saving ??= save())
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
      await start()
      check()
    },
    check,
    stop() {
      clearInterval(timer)
    },
  }
}
