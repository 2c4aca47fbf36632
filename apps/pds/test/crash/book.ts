import { expectSame } from './same.ts'
import type { CrashServer } from './server.ts'

/** What the clients know of an account: all that was acknowledged, or found after a kill. */
export interface Known {
  readonly did: string
  /** Path to CID, of every record that must be there; nothing else may. */
  readonly records: Map<string, string>
  /** Revisions of acknowledged commits. */
  readonly revs: string[]
  /** CIDs of blobs, by the path of the record that refers to them. */
  readonly blobs: Map<string, string>
  /** Repositories that came by an import: what a `#sync` of this revision stands for. */
  readonly imported: Map<string, ReadonlyMap<string, string>>
  state: 'active' | 'deactivated' | 'deleted'
}

/** An account that has nothing yet. */
export const newKnown = (did: string): Known => ({
  did,
  records: new Map(),
  revs: [],
  blobs: new Map(),
  imported: new Map(),
  state: 'active',
})

/** The CID of a record as it is served, null for none. */
export async function servedCid(server: CrashServer, did: string, path: string): Promise<string | null> {
  const [collection, rkey] = path.split('/')
  const { status, body } = await server.call(
    `com.atproto.repo.getRecord?repo=${did}&collection=${collection}&rkey=${rkey}`,
  )
  if (status === 200) return body.cid as string
  expectSame([status, body.error], [400, 'RecordNotFound'], `getRecord of ${path}`)
  return null
}
