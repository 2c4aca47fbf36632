// What the tests share: an account world, its resolver, and streams of frames as sources.

import type { DataObject } from '@avocet/data'
import type { Did } from '@avocet/syntax'
import { frameOf, type World } from '../src/conformance/world.ts'
import type { ResolvedIdentity, ResolveKey, Source, VerifiedEvent } from '../src/index.ts'

/** A resolver over a world; counts what is asked. */
export function worldResolver(world: World): ResolveKey & { calls: { did: Did; forced: boolean }[] } {
  const calls: { did: Did; forced: boolean }[] = []
  const resolve = async (
    did: Did,
    { forceRefresh }: { forceRefresh: boolean },
  ): Promise<ResolvedIdentity | null> => {
    calls.push({ did, forced: forceRefresh })
    const account = world.accounts.get(did)
    if (account === undefined || world.missing.has(did)) return null
    const key = world.keyless.has(did) ? null : account.published.publicKey
    return { key, pds: account.pds, handle: account.handle }
  }
  return Object.assign(resolve, { calls })
}

/** Frames with increasing seq, in order. */
export function stream(first = 1): {
  frames: Uint8Array[]
  add: (type: `#${string}`, body: DataObject) => Uint8Array
} {
  const frames: Uint8Array[] = []
  return {
    frames,
    add(type, body) {
      const frame = frameOf(type, body, first + frames.length)
      frames.push(frame)
      return frame
    },
  }
}

/** A source that gives these frames and ends, or waits for the signal. */
export function fromFrames(
  frames: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: Partial<Pick<Source, 'id' | 'kind' | 'host' | 'patient'>> & {
    stay?: boolean
    onCursor?: (cursor: number | undefined) => void
  } = {},
): Source {
  return {
    id: options.id ?? 'test',
    kind: options.kind ?? 'relay',
    host: options.host ?? null,
    patient: options.patient ?? false,
    async *frames({ cursor, signal, report }) {
      const from = cursor()
      options.onCursor?.(from)
      report({ type: 'connected' })
      yield* frames
      if (options.stay) {
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve()
          else signal.addEventListener('abort', () => resolve(), { once: true })
        })
      }
    },
  }
}

/** One line per event, to compare streams. */
export function outline(event: VerifiedEvent): string {
  switch (event.kind) {
    case 'commit':
      return `commit ${event.rev} ${event.ops.map((op) => `${op.action}:${op.path}`).join(' ')}${event.flags.length > 0 ? ` [${event.flags.join(',')}]` : ''}`
    case 'sync':
      return `sync ${event.rev} ${event.unchanged ? 'unchanged' : 'changed'}`
    case 'identity':
      return `identity ${event.handle}`
    case 'account':
      return `account ${event.active ? 'active' : event.status}`
    case 'info':
      return `info ${event.name}`
    case 'resync':
      return `resync ${event.ops.map((op) => `${op.action}:${op.path}`).join(' ')}${event.last ? ' last' : ''}`
    case 'failure':
      return `failure ${event.reason}`
    default:
      return event satisfies never
  }
}
