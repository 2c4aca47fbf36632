import { watch as watchFolder } from 'node:fs/promises'

/**
 * Runs `work` at once and after every change in the folders, until aborted. Changes that come together count once;
 * those that come while `work` runs make it run again.
 */
export async function watch(
  folders: readonly string[],
  work: () => Promise<void>,
  options: { readonly signal: AbortSignal; readonly quietMs?: number },
): Promise<void> {
  const { signal, quietMs = 100 } = options
  let wake: () => void = () => undefined
  let dirty = false
  const watchers = folders.map(async (folder) => {
    try {
      for await (const _ of watchFolder(folder, { recursive: true, signal })) {
        dirty = true
        wake()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  })
  signal.addEventListener('abort', () => wake(), { once: true })
  const loop = async (): Promise<void> => {
    await work()
    while (!signal.aborted) {
      if (!dirty) {
        const changed = Promise.withResolvers<void>()
        wake = changed.resolve
        await changed.promise
      }
      // Editors write a file in several steps.
      while (dirty && !signal.aborted) {
        dirty = false
        await new Promise((resolve) => setTimeout(resolve, quietMs))
      }
      if (!signal.aborted) await work()
    }
  }
  await Promise.all([...watchers, loop()])
}
