// How the simulated consumer reads repos: from lists of records, or from real archives by `createResync`.

import { type CID, cidEquals, formatCid } from '@avocet/data'
import type { Did, Tid } from '@avocet/syntax'
import {
  type CopyHost,
  createResync,
  readCopies,
  type RepoCopy,
  type Resync,
  ResyncError,
  type ResyncPart,
  type ResyncRequest,
  type StoredRecord,
  type VerifiedOp,
} from '../src/index.ts'
import type { Row } from './app.ts'
import type { Network, Snapshot } from './network.ts'
import { archiveOf, readRecord, verifyNamed } from './records.ts'

/** What reading repos needs. */
export type CopiesOptions = {
  readonly network: Network
  readonly mirrored: boolean
  /** An answer after a time of its own, at most about `most` ms. */
  readonly later: <T>(work: () => T, most?: number) => Promise<T>
  readonly rows: (did: Did) => ReadonlyMap<string, Row>
  readonly wanted: (collection: string) => boolean
}

/** The hosts that may have a copy, the mirror first. */
export function copyHosts({ network, mirrored, later }: CopiesOptions): readonly CopyHost<Snapshot>[] {
  const own: CopyHost<Snapshot> = {
    own: true,
    open: ({ did, identity }) =>
      later(
        () => {
          const account = network.at(identity?.pds ?? null, did)
          if (account.status !== 'active') {
            const code = account.status === 'deleted' ? 'repo-not-found' : 'repo-deactivated'
            throw new ResyncError(code, 'gone')
          }
          return network.snapshot(account) ?? none()
        },
        network.slownessOf(identity?.pds ?? null),
      ),
  }
  const mirror: CopyHost<Snapshot> = {
    own: false,
    open: ({ did }) =>
      later(() => {
        if (network.mirror.mode === 'html') throw new ResyncError('invalid-repo', 'HTML')
        return network.mirror.copies.get(did) ?? none()
      }),
  }
  return mirrored ? [mirror, own] : [own]
}

const none = (): never => {
  throw new ResyncError('repo-not-found', 'no such repo')
}

/** Compares the lists, one record a part, with time between the parts. */
export function readLists(options: CopiesOptions): Resync {
  async function* read(did: Did, copy: Snapshot, least: Tid | null): AsyncGenerator<ResyncPart> {
    const { rev, data } = copy
    if (least !== null && rev < least) throw new ResyncError('rev-regression', 'old copy')
    const part = (ops: readonly VerifiedOp[], last: boolean): ResyncPart => ({
      rev,
      data,
      commit: data,
      ops,
      last,
    })
    let ops: VerifiedOp[] = []
    const paths = new Set([...copy.records.keys(), ...options.rows(did).keys()])
    for (const path of [...paths].toSorted()) {
      const [collection = '', rkey = ''] = path.split('/')
      const made = options.wanted(collection) ? (copy.records.get(path) ?? null) : null
      const prev = options.rows(did).get(path)?.cid ?? null
      if (made === null ? prev === null : prev !== null && cidEquals(prev, made.cid)) continue
      const action = made === null ? 'delete' : prev === null ? 'create' : 'update'
      ops.push({ action, path, collection, rkey, cid: made?.cid ?? null, prev, ...readRecord(made) })
      yield part(ops, false)
      ops = []
      await options.later(() => {}, 800)
    }
    yield part(ops, true)
  }
  const hosts = copyHosts(options)
  return (request: ResyncRequest) =>
    readCopies(request, hosts, (copy, least) => read(request.did, copy, least))
}

/** Reads archives as they come from a host: in pieces, verified, each block once. */
export function readArchives(options: CopiesOptions): Resync {
  const { network, later, rows } = options
  const toArchive = (host: CopyHost<Snapshot>): CopyHost<RepoCopy> => ({
    own: host.own,
    async open(request) {
      const { did, rev, records, key } = await host.open(request)
      const bytes = archiveOf(did, rev, records, network.keyOf(did, key))
      const block = (cid: CID): Promise<Uint8Array | null> =>
        later(() => {
          const found = [...records.values()].find((record) => formatCid(record.cid) === formatCid(cid))
          return found?.bytes ?? null
        })
      return { car: inPieces(bytes, later), block }
    },
  })
  const hosts = copyHosts(options).map(toArchive)
  return createResync({
    fetchRepo: () => hosts,
    stored: (did) => storedRows(rows(did)),
    wanted: options.wanted,
    maxPartOps: 1,
    verify: verifyNamed,
  })
}

async function* inPieces(bytes: Uint8Array, later: CopiesOptions['later']): AsyncGenerator<Uint8Array> {
  const size = Math.ceil(bytes.length / 4)
  for (let at = 0; at < bytes.length; at += size) {
    await later(() => {}, 800)
    yield bytes.subarray(at, at + size)
  }
}

function storedRows(rows: ReadonlyMap<string, Row>): StoredRecord[] {
  return [...rows].map(([path, { cid }]) => ({ path, cid })).toSorted((a, b) => (a.path < b.path ? -1 : 1))
}
