import { SqliteError } from '@avocet/sqlite'

/** Work done piece by piece beside everything else, one piece at a time. */
export interface Sweeper {
  /** Resolves when nothing is left to do, also of what was added meanwhile. */
  run(): Promise<void>
}

/**
 * A sweeper.
 *
 * @param step does one piece; false when there was none. What is left when the database closes is done after the next start.
 */
export function createSweeper(step: () => Promise<boolean>): Sweeper {
  let running: Promise<void> | null = null
  const loop = async (): Promise<void> => {
    try {
      while (await step());
    } catch (error) {
      if (!isClosed(error)) throw error
    } finally {
      running = null
    }
  }
  return { run: () => (running ??= loop()) }
}

const isClosed = (error: unknown): boolean =>
  (error instanceof SqliteError && error.code === 'closed') ||
  (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE')
