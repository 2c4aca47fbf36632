// The captured frames of a real relay and the keys of their accounts, or null (with a warning) where they are absent.

import { zstdDecompressSync } from 'node:zlib'
import { parseVerificationMethod, type PublicKey } from '@avocet/crypto'
import type { Did } from '@avocet/syntax'
import { readFixture } from '@avocet/testing'
import {
  newRepo,
  type ParsedCommit,
  parseEvent,
  readCapture,
  DEFAULT_POLICY,
  type RepoState,
} from '../src/index.ts'

export type Capture = {
  /** The file as it is. */
  readonly compressed: Uint8Array
  readonly frames: readonly Uint8Array[]
  readonly commits: readonly {
    readonly frame: Uint8Array
    readonly event: ParsedCommit
    readonly key: PublicKey
  }[]
  readonly keys: ReadonlyMap<Did, PublicKey>
}

type DidDocument = { verificationMethod?: { id: string; type: string; publicKeyMultibase: string }[] }

export async function loadCapture(): Promise<Capture | null> {
  const compressed = await readFixture('relay-capture/frames.bin.zst')
  const documents = await readFixture('relay-capture/did_docs.json.zst')
  if (compressed === null || documents === null) return null
  const keys = new Map<Did, PublicKey>()
  const docs = JSON.parse(zstdDecompressSync(documents).toString()) as Record<Did, DidDocument>
  for (const [did, { verificationMethod = [] }] of Object.entries(docs)) {
    const method = verificationMethod.find(({ id }) => id.endsWith('#atproto'))
    if (method === undefined) continue
    const key = parseVerificationMethod(method.type, method.publicKeyMultibase)
    if (key.ok) keys.set(did as Did, key.value)
  }
  const frames: Uint8Array[] = []
  for await (const frame of readCapture(compressed)) frames.push(frame)
  const commits = frames.flatMap((frame) => {
    const parsed = parseEvent(frame, DEFAULT_POLICY)
    if (!parsed.ok || parsed.value.kind !== 'commit') return []
    return [{ frame, event: parsed.value, key: keys.get(parsed.value.did)! }]
  })
  return { compressed, frames, commits, keys }
}

/** The state that a commit follows. */
export function stateBefore({ did, since, prevData }: ParsedCommit): RepoState | null {
  if (since === null || prevData === undefined) return null
  return { ...newRepo(did, 'all'), rev: since, data: prevData }
}
