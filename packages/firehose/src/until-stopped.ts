// Waits that end with the consumer. One listener serves all of them: a signal that has many takes long to be given one more.

/** Settles as `answer` does, or rejects when the signal is aborted before that. @throws DOMException `AbortError` */
export type UntilStopped = <T>(answer: Promise<T>) => Promise<T>

/** What a wait is ended with. */
export const stopped = (): DOMException => new DOMException('consumer was stopped', 'AbortError')

/** For all waits of one signal. What is waited for need not listen to it. */
export function createUntilStopped(signal: AbortSignal): UntilStopped {
  const waits = new Set<() => void>()
  signal.addEventListener(
    'abort',
    () => {
      for (const end of waits) end()
      waits.clear()
    },
    { once: true },
  )
  return (answer) =>
    new Promise((settle, reject) => {
      const end = (): void => reject(stopped())
      if (signal.aborted) end()
      else waits.add(end)
      answer.then(settle, reject).finally(() => waits.delete(end))
    })
}
