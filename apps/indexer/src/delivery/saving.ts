// Writes the place of a consumer, now and then, with what was given up and tried again since.

import type { GivenUp, Place, PlaceStore } from './store.ts'

/** What is to be written of a consumer. */
export type Saving = {
  /** Events that were given up, as far as they are kept. */
  readonly deadLetters: number
  changed(): void
  /** It took nothing of what it went by. */
  passed(): void
  givenUp(letter: GivenUp): void
  /** A dead letter is none any more, once that is written. */
  retried(id: number): void
  isRetried(id: number): boolean
  /** Dead letters went otherwise. */
  count(): void
  /** To be called often: writes when it is time to. */
  tick(): void
  /** Resolves when what was changed is durable. */
  flush(): Promise<void>
}

/** How often places are written, at most, ms: acks come by the thousand. */
const SAVE_MS = 250
/** The same for a group that takes nothing of what it passes by. */
const PASSED_MS = 5000

/** @param options.place what is so now */
export function createSaving(options: {
  readonly name: string
  readonly store: PlaceStore
  readonly isNew: boolean
  readonly place: () => Place
  readonly now: () => number
  readonly onError: (error: unknown) => void
}): Saving {
  const { name, store, now } = options
  let deadLetters = store.count(name)
  let givenUp: GivenUp[] = []
  let retried: number[] = []
  /** What changed since it was written: the place alone, or more. */
  let isDirty = options.isNew
  let hasPassed = false
  let savedAt = 0
  let saving = Promise.resolve()
  let isSaving = false

  const save = async (): Promise<void> => {
    const letters = givenUp
    const again = retried
    givenUp = []
    retried = []
    isDirty = hasPassed = false
    savedAt = now()
    try {
      await store.save(name, options.place(), letters, again)
    } catch (error) {
      givenUp = [...letters, ...givenUp]
      retried = [...again, ...retried]
      isDirty = true
      throw error
    }
    if (letters.length + again.length > 0) deadLetters = store.count(name) + givenUp.length
  }
  /** One at a time: what is written last is what is so. */
  const flush = (): Promise<void> => {
    saving = saving
      .catch(() => {})
      .then(async () => {
        isSaving = true
        if (isDirty || hasPassed) await save()
      })
      .finally(() => (isSaving = false))
    return saving
  }

  return {
    get deadLetters() {
      return deadLetters
    },
    changed: () => void (isDirty = true),
    passed: () => void (hasPassed = true),
    givenUp(letter) {
      givenUp.push(letter)
      deadLetters++
    },
    retried: (id) => void retried.push(id),
    isRetried: (id) => retried.includes(id),
    count: () => void (deadLetters = store.count(name)),
    tick() {
      const ms = now() - savedAt
      if (!isSaving && (isDirty ? ms >= SAVE_MS : hasPassed && ms >= PASSED_MS))
        flush().catch(options.onError)
    },
    flush,
  }
}
