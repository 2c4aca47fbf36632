// What is asked of the PDSes from outside: how often, and which repos were read whole.

/** Counts of calls that came through the front servers. */
export type Exports = {
  readonly onAnswer: (path: string, status: number) => void
  /** Answers with a whole repo, by DID. */
  readonly given: ReadonlyMap<string, number>
  /** Calls of each method, with those that were refused. */
  readonly calls: ReadonlyMap<string, { readonly asked: number; readonly refused: number }>
}

/** Nothing was asked yet. */
export function createExports(): Exports {
  const given = new Map<string, number>()
  const calls = new Map<string, { asked: number; refused: number }>()
  return {
    given,
    calls,
    onAnswer(path, status) {
      const url = new URL(path, 'http://localhost')
      const method = url.pathname.replace('/xrpc/', '')
      const call = calls.get(method) ?? { asked: 0, refused: 0 }
      call.asked++
      if (status !== 200) call.refused++
      calls.set(method, call)
      if (method !== 'com.atproto.sync.getRepo' || status !== 200) return
      const did = url.searchParams.get('did') ?? ''
      given.set(did, (given.get(did) ?? 0) + 1)
    },
  }
}
