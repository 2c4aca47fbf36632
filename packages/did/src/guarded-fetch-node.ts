import type { Fetch, GuardedFetchOptions } from './fetch.ts'

/**
 * A `fetch` that reaches https URLs on public addresses only, redirects included, within bounds of size and time.
 * Rejects with a `DidError`: `blocked-protocol`, `blocked-address`, `too-many-redirects`, `timeout`, `too-large`,
 * `too-compressed` (more than twenty times what came over the wire, the first MiB aside), `dns-failure`, `network`, `aborted`. The body fails the same way while it is read.
 */
export function createGuardedFetch(options: GuardedFetchOptions = {}): Fetch {
  let request: Promise<Fetch> | undefined
  return async (url, init) => {
    // Loading Node's HTTP and TLS takes longer than all the rest of this package: only who fetches waits for it.
    request ??= import('./guarded-request.ts').then(({ createGuardedRequest }) =>
      createGuardedRequest(options),
    )
    return (await request)(url, init)
  }
}
