import { vi } from 'vitest'

/** Time stands still but for `pass`; the database and the event loop go on. */
export function stopTime(now?: number): void {
  vi.useFakeTimers({ ...(now === undefined ? {} : { now }), toFake: ['Date', 'setTimeout', 'clearTimeout'] })
}

/** What is under way is done, then `ms` go by. */
export async function pass(ms: number): Promise<void> {
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
  }
  await settle()
  await vi.advanceTimersByTimeAsync(ms)
  await settle()
}
