// This package's own consumer under test.

import { parseMultikey } from '@avocet/crypto'
import type { Did, Handle } from '@avocet/syntax'
import { consume } from '../consumer.ts'
import { createMemoryState } from '../memory-state.ts'
import type { ConsumeOptions, ResolvedIdentity } from '../options.ts'
import { pdsSource, relaySource } from '../stream-source.ts'
import type { ConsumerAdapter } from './run.ts'

/** `consume` as the suite sees it: what is delivered as proved and following what was there. */
export function avocetAdapter(
  version: string,
  options: Partial<Pick<ConsumeOptions<void>, 'prover' | 'verify'>> = {},
): ConsumerAdapter {
  return {
    name: '@avocet/firehose',
    version,
    async start({ service, plcUrl, source, accepted }) {
      const connect = source === 'pds' ? pdsSource : relaySource
      const consumer = consume({
        ...options,
        sources: [connect({ url: service, backoff: { minMs: 20, maxMs: 100 } })],
        resolveKey: (did) => resolve(plcUrl, did),
        state: createMemoryState(),
        identity: { refreshMs: 0, retryMs: [] },
        // The hosts that the suite's documents name do not exist: what the relay says is all there is.
        hostStatus: 'trust-relays',
        onEvent(event) {
          if (event.kind === 'failure' || event.kind === 'resync') return
          // Proved, but something before it is missing: not what a reader may take as the next state.
          if (event.kind === 'commit' && event.flags.includes('gap')) return
          accepted(event.seq)
        },
      })
      return { stop: () => consumer.close() }
    },
  }
}

/** What a directory's document says: as much as the suite's documents have. */
async function resolve(plcUrl: string, did: Did): Promise<ResolvedIdentity | null> {
  const response = await fetch(`${plcUrl}/${did}`)
  if (response.status === 404) return null
  const document = (await response.json()) as {
    alsoKnownAs: string[]
    verificationMethod: { publicKeyMultibase: string }[]
    service: { serviceEndpoint: string }[]
  }
  const method = document.verificationMethod[0]
  const key = method === undefined ? null : parseMultikey(method.publicKeyMultibase)
  return {
    key: key?.ok === true ? key.value : null,
    pds: document.service[0]?.serviceEndpoint ?? null,
    handle: (document.alsoKnownAs[0]?.slice(5) as Handle | undefined) ?? null,
  }
}
