import type { PublicKey, VerifySignature } from '@avocet/crypto'
import { type CID, CidMap, formatCid, verifyCid } from '@avocet/data'
import { decodeNode, type Link } from '@avocet/mst'
import type { Did } from '@avocet/syntax'
import { RepoError } from './error.ts'
import { closing } from './closing.ts'
import { openSnapshot } from './export.ts'
import { toRepoError } from './load.ts'
import { decodeRecord } from './record.ts'
import type { RepoSnapshot, RepoStore } from './types.ts'
import { attempt, verifyCommit } from './verify.ts'
import { readCommit } from './commit.ts'

/** Something wrong with a stored repository. */
export interface RepoFault {
  readonly code:
    | 'missing-block'
    | 'hash-mismatch'
    | 'malformed-commit'
    | 'bad-signature'
    | 'malformed-repo'
    | 'head-mismatch'
  readonly message: string
  /** The block concerned. */
  readonly cid: CID
  /** The record concerned, or the first key behind which a subtree is unreadable. */
  readonly path?: string
}

/** What {@link checkRepo} found. */
export interface RepoReport {
  readonly did: Did
  readonly faults: readonly RepoFault[]
  readonly nodes: number
  readonly records: number
  /** Distinct blocks in use, the commit included: a sound store has no others for the repository. */
  readonly blocks: number
}

/** A record that could be read, whatever state the rest is in. */
export interface FoundRecord {
  readonly path: string
  readonly cid: CID
  readonly bytes: Uint8Array
}

/** Options of {@link checkRepo}. */
export interface CheckOptions {
  /** Also check that this key signed the commit. */
  readonly key?: PublicKey
  readonly verify?: VerifySignature
  /** Sees each sound record, in key order. */
  readonly onRecord?: (record: FoundRecord) => void | Promise<void>
}

/**
 * Walks a stored repository from its commit to its last record and reports whatever is wrong: blocks that are missing or
 * are not what their CID says, a tree or record out of form, a commit that is not the head's. Goes on after each fault.
 *
 * @throws {RepoError} `repo-not-found`
 */
export async function checkRepo(
  store: Pick<RepoStore<never>, 'snapshot'>,
  did: Did,
  options: CheckOptions = {},
): Promise<RepoReport> {
  return await closing(await openSnapshot(store, did), async (snapshot) => {
    const walk = createWalk(snapshot, options)
    await walk.commit()
    await walk.subtree(snapshot.head.data, null, '', '')
    return walk.report()
  })
}

interface Walk {
  commit(): Promise<void>
  subtree(cid: CID, layer: number | null, low: string, high: string): Promise<void>
  report(): RepoReport
}

function createWalk(snapshot: RepoSnapshot, options: CheckOptions): Walk {
  const { did, commit, data, rev } = snapshot.head
  const faults: RepoFault[] = []
  const seen = new CidMap<true>()
  let nodes = 0
  let records = 0

  const fault = (code: RepoFault['code'], cid: CID, message: string, path?: string): void => {
    faults.push({ code, cid, message, ...(path === undefined ? {} : { path }) })
  }
  /** The block, or null after noting what is wrong with it. */
  const sound = (cid: CID, bytes: Uint8Array | undefined, path?: string): Uint8Array | null => {
    if (bytes === undefined) fault('missing-block', cid, 'block is missing', path)
    else if (verifyCid(cid, bytes)) {
      seen.set(cid, true)
      return bytes
    } else fault('hash-mismatch', cid, 'block is not what its CID says', path)
    return null
  }
  const fetch = async (cids: readonly CID[]): Promise<CidMap<Uint8Array>> => snapshot.getBlocks(did, cids)

  const record = async (path: string, cid: CID, bytes: Uint8Array | undefined): Promise<void> => {
    const block = sound(cid, bytes, path)
    if (block === null) return
    const decoded = attempt(() => decodeRecord(block, path))
    if (!decoded.ok) return fault('malformed-repo', cid, decoded.error.message, path)
    records++
    await options.onRecord?.({ path, cid, bytes: block })
  }

  const subtree = async (cid: CID, layer: number | null, low: string, high: string): Promise<void> => {
    const bytes = sound(cid, (await fetch([cid])).get(cid), low)
    if (bytes === null) return
    let node
    try {
      node = decodeNode(bytes, layer, cid, low, high)
    } catch (error) {
      const typed = toRepoError(error)
      if (!(typed instanceof RepoError)) throw error
      return fault('malformed-repo', cid, typed.message, low)
    }
    nodes++
    const values = node.values.map((link) => link.cid)
    const found = await fetch(values)
    for (let i = 0; i < node.children.length; i++) {
      const child = node.children[i] as Link | null
      if (child !== null) {
        const from = i > 0 ? node.keys[i - 1]! : low
        await subtree(child.cid, node.layer - 1, from, node.keys[i] ?? high)
      }
      if (i < values.length) await record(node.keys[i]!, values[i]!, found.get(values[i]!))
    }
  }

  return {
    async commit() {
      const bytes = sound(commit, (await fetch([commit])).get(commit))
      if (bytes === null) return
      const { key, verify } = options
      const read =
        key === undefined
          ? attempt(() => readCommit(bytes))
          : verifyCommit({ blocks: { get: () => bytes }, commit, did, key, ...(verify && { verify }) })
      if (!read.ok) {
        const code = read.error.code === 'bad-signature' ? 'bad-signature' : 'malformed-commit'
        return fault(code, commit, read.error.message)
      }
      const { value } = read
      if (value.did !== did || value.rev !== rev || formatCid(value.data) !== formatCid(data)) {
        fault('head-mismatch', commit, `head and commit differ; did=${value.did} rev=${value.rev}`)
      }
    },
    subtree,
    report: () => ({ did, faults, nodes, records, blocks: seen.size }),
  }
}
