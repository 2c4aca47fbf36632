import { expect, it } from 'vitest'
import { repoStoreChecks } from '../src/conformance/checks.ts'
import { createMemoryRepoStore } from '../src/memory-store.ts'

// Memory has no transaction to join: a mark counts once the work it was made alongside is through.
it.each(repoStoreChecks)('memory store $name', async ({ run }) => {
  const store = createMemoryRepoStore()
  const committed: string[] = []
  const joined =
    <A extends unknown[]>(method: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      pending.length = 0
      await method(...args)
      committed.push(...pending.splice(0))
    }
  const pending: string[] = []
  const checked = run({
    store: {
      ...store,
      apply: joined((...args: Parameters<typeof store.apply>) => store.apply(...args)),
      replace: joined((...args: Parameters<typeof store.replace>) => store.replace(...args)),
      setStatus: joined((...args: Parameters<typeof store.setStatus>) => store.setStatus(...args)),
    },
    mark: (_tx, text) => void pending.push(text),
    marks: () => Promise.resolve(committed),
  })
  await expect(checked).resolves.toBeUndefined()
})
