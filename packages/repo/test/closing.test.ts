// Resources are closed once, whatever becomes of the work; the first failure is told.
import { expect, it } from 'vitest'
import { closing, closingAfter } from '../src/closing.ts'

function resource(failure?: Error): AsyncDisposable & { closed: number } {
  return {
    closed: 0,
    async [Symbol.asyncDispose]() {
      this.closed++
      if (failure !== undefined) throw failure
    },
  }
}

async function* count(): AsyncGenerator<number, void> {
  yield 1
  yield 2
}

it('closes after the work, and gives its result', async () => {
  const one = resource()
  expect(await closing(one, async ({ closed }) => closed)).toBe(0)
  expect(one.closed).toBe(1)
})

it('closes after work that fails, and tells why it failed, not what closing failed with', async () => {
  const one = resource(new Error('closing'))
  await expect(closing(one, () => Promise.reject(new Error('work')))).rejects.toThrow('work')
  expect(one.closed).toBe(1)
  await expect(closing(one, async () => 1)).rejects.toThrow('closing')
})

it('closes at the end of what it gives, when that fails, and when the reader leaves', async () => {
  const one = resource()
  const found: number[] = []
  for await (const item of closingAfter(one, count)) found.push(item)
  expect([found, one.closed]).toEqual([[1, 2], 1])
  for await (const item of closingAfter(one, count)) {
    expect([item, one.closed]).toEqual([1, 1])
    break
  }
  expect(one.closed).toBe(2)
  const failing = closingAfter(one, () => ({
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('work')) }),
  }))
  await expect(failing.next()).rejects.toThrow('work')
  expect(one.closed).toBe(3)
})
