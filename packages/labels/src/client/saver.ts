import { LabelsError } from '../error.ts'
import type { LabelCursorStore } from './options.ts'

/** Saves the newest position now and then. */
export interface Saver {
  load(): Promise<number | null>
  /** Saves this position, unless one was saved a moment ago. */
  offer(seq: number): Promise<void>
  /** Saves what is not saved yet. */
  flush(): Promise<void>
}

/** A saver for a cursor that is a number, a store, or nothing. All throw LabelsError `cursor-failed`. */
export function createSaver(
  cursor: number | LabelCursorStore | undefined,
  everyMs: number,
  now: () => number = () => performance.now(),
): Saver {
  const store = typeof cursor === 'object' ? cursor : null
  let newest: number | null = null
  let saved: number | null = null
  let savedAt = Number.NEGATIVE_INFINITY

  const failed = (cause: unknown): LabelsError =>
    new LabelsError('cursor-failed', 'the cursor could not be loaded or saved', { cause })
  const save = async (): Promise<void> => {
    if (store === null || newest === null || newest === saved) return
    const seq = newest
    try {
      await store.save(seq)
    } catch (cause) {
      throw failed(cause)
    }
    saved = seq
    savedAt = now()
  }
  return {
    async load() {
      if (store === null) return typeof cursor === 'number' ? cursor : null
      try {
        // A store without a position is one that has seen nothing.
        return (await store.load()) ?? 0
      } catch (cause) {
        throw failed(cause)
      }
    },
    async offer(seq) {
      newest = seq
      if (now() - savedAt >= everyMs) await save()
    },
    flush: save,
  }
}
