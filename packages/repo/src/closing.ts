// `await using` in words: some browsers and engines have no `Symbol.asyncDispose`, for which the syntax throws. Without the symbol a
// resource has its method under the name `undefined`, and that is where it is looked for here too.

/**
 * Does some work on a resource that is closed afterwards, come what may. Where the work fails, what closing fails with besides is
 * left out.
 */
export async function closing<R extends AsyncDisposable, T>(
  resource: R,
  work: (resource: R) => Promise<T>,
): Promise<T> {
  let result: T
  try {
    result = await work(resource)
  } catch (error) {
    await resource[Symbol.asyncDispose]().then(undefined, () => undefined)
    throw error
  }
  await resource[Symbol.asyncDispose]()
  return result
}

/** Gives what a resource gives, and closes it once that is at its end, fails, or is left. */
export async function* closingAfter<R extends AsyncDisposable, T>(
  resource: R,
  items: (resource: R) => AsyncIterable<T>,
): AsyncGenerator<T, void> {
  try {
    yield* items(resource)
  } finally {
    await resource[Symbol.asyncDispose]()
  }
}
