import { createHash } from 'node:crypto'

import { cidFromDigest, formatCid, fromJsonObject } from '@avocet/data'
import { prepareWrite } from '@avocet/repo'
import type { Nsid } from '@avocet/syntax'

import { servedCid, type Known } from './book.ts'
import type { Random } from './random.ts'
import { expectSame } from './same.ts'
import type { CrashServer } from './server.ts'
import type { Stepper } from './steps.ts'

/** A client that writes records into its part of a repository, and what it needs. */
export interface WriterParts {
  readonly server: CrashServer
  readonly steps: Stepper
  readonly random: Random
  readonly known: Known
  readonly token: string
  /** Keys of its records begin so: two writers of one account do not meet. */
  readonly lane: string
}

/** Records and their blobs. */
export interface Writer {
  /** One act picked by chance: create, update, delete, several at once, a picture. */
  act(): Promise<void>
  /** After a kill: some of what was acknowledged is there, what was deleted is not. */
  sample(): Promise<void>
}

type Json = Record<string, any>
/** Records that a lane keeps; the oldest go first. */
const KEPT = 60
const COLLECTION = 'com.example.crash'

/** The CID that bytes have as a blob. */
export const blobCid = (bytes: Uint8Array): string =>
  formatCid(cidFromDigest('raw', new Uint8Array(createHash('sha256').update(bytes).digest())))

/** The CID that a record gets. */
export function recordCid(record: Json): string {
  const input = { action: 'create', collection: COLLECTION as Nsid, rkey: 'self' } as const
  return formatCid(prepareWrite({ ...input, record: fromJsonObject(record) }).cid!)
}

/** A writer of one lane. */
export function createWriter({ server, steps, random, known, token, lane }: WriterParts): Writer {
  const mine: string[] = []
  const gone: string[] = []
  let made = 0
  /** Paths of the commit that has no answer yet. */
  let open: ReadonlySet<string> = new Set()

  const newRecord = (blob?: Json): Json => ({
    $type: COLLECTION,
    lane,
    text: 'x'.repeat(random.below(400)),
    n: made++,
    ...(blob === undefined ? {} : { blob }),
  })
  const newPath = (): string => `${COLLECTION}/${lane}-${made++}`
  const keyOf = (path: string): { collection: string; rkey: string } => ({
    collection: COLLECTION,
    rkey: path.slice(COLLECTION.length + 1),
  })

  /** One commit: all of these changes, or none. */
  const commit = async (
    kind: string,
    changes: ReadonlyMap<string, Json | null>,
    method: string,
    input: Json,
  ): Promise<void> => {
    const after = Array.from(changes, ([path, record]) => [path, record === null ? null : recordCid(record)])
    const before = Array.from(changes.keys(), (path) => [path, known.records.get(path) ?? null])
    open = new Set(changes.keys())
    const rev = await steps.run<string | undefined>({
      kind,
      send: async () => {
        const body = await server.ask(method, { token, input: { repo: known.did, ...input } })
        const cids = body.results?.map((result: Json) => result['cid'] ?? null) ?? [body.cid ?? null]
        expectSame(
          cids,
          after.map(([, cid]) => cid),
          `${method} of ${lane}`,
        )
        return body.commit?.rev as string
      },
      look: async () => {
        const found: (readonly [string, string | null])[] = []
        for (const path of changes.keys()) found.push([path, await servedCid(server, known.did, path)])
        if (JSON.stringify(found) === JSON.stringify(after)) return ''
        expectSame(found, before, `a write without an answer is neither there nor absent; ${method}`)
        return null
      },
    })
    open = new Set()
    if (rev !== undefined && rev !== '') known.revs.push(rev)
    for (const [path, record] of changes) note(path, record)
  }

  const note = (path: string, record: Json | null): void => {
    if (record === null) {
      known.records.delete(path)
      known.blobs.delete(path)
      mine.splice(mine.indexOf(path), 1)
      gone.push(path)
      return
    }
    if (!known.records.has(path)) mine.push(path)
    known.records.set(path, recordCid(record))
    if (record['blob'] === undefined) known.blobs.delete(path)
    else known.blobs.set(path, record['blob'].ref.$link)
  }

  const create = async (record: Json, kind = 'createRecord'): Promise<void> => {
    const path = newPath()
    const input = { ...keyOf(path), record }
    await commit(kind, new Map([[path, record]]), 'com.atproto.repo.createRecord', input)
  }
  const put = async (path: string, record: Json): Promise<void> =>
    commit('putRecord', new Map([[path, record]]), 'com.atproto.repo.putRecord', { ...keyOf(path), record })
  const remove = (path: string): Promise<void> =>
    commit('deleteRecord', new Map([[path, null]]), 'com.atproto.repo.deleteRecord', keyOf(path))

  const several = async (): Promise<void> => {
    const changes = new Map<string, Json | null>()
    for (let i = 0; i < 4; i++) changes.set(newPath(), newRecord())
    if (mine.length > 4) {
      changes.set(mine[0]!, null)
      changes.set(mine[2]!, newRecord())
    }
    const writes = Array.from(changes, ([path, value]) => ({
      $type: `com.atproto.repo.applyWrites#${value === null ? 'delete' : known.records.has(path) ? 'update' : 'create'}`,
      ...keyOf(path),
      ...(value === null ? {} : { value }),
    }))
    await commit('applyWrites', changes, 'com.atproto.repo.applyWrites', { writes })
  }

  const upload = async (): Promise<Json> => {
    const bytes = random.bytes(1 + random.below(random.once(4) ? 200_000 : 3000))
    const slow = random.once(3)
    const send = async (): Promise<Json> => {
      const sent = slow ? inPieces(bytes) : bytes
      const { blob } = await server.ask('com.atproto.repo.uploadBlob', {
        token,
        bytes: sent,
        type: 'image/x-noise',
      })
      expectSame(blob.ref.$link, blobCid(bytes), 'the CID of an upload')
      return blob as Json
    }
    // Nothing can be asked of an upload that no record refers to: it is sent again.
    return steps.run({ kind: 'uploadBlob', send, look: () => Promise.resolve(null) })
  }

  return {
    act: async () => {
      if (mine.length > KEPT) return remove(mine[0]!)
      const choice = random.below(10)
      if (choice < 3 || mine.length === 0) return create(newRecord())
      if (choice < 4) return put(random.pick(mine), newRecord())
      if (choice < 6) return remove(random.pick(mine))
      if (choice < 7) return several()
      const blob = await upload()
      // In the place of another record it takes the last reference of that one's blob away.
      if (choice < 8) await put(random.pick(mine), newRecord(blob))
      else await create(newRecord(blob), 'createRecord with a blob')
    },
    sample: async () => {
      const settled = mine.filter((path) => !open.has(path))
      for (let i = 0; i < 3 && settled.length > 0; i++) {
        const path = random.pick(settled)
        expectSame(await servedCid(server, known.did, path), known.records.get(path), `acknowledged ${path}`)
      }
      const deleted = gone.slice(-20).filter((path) => !open.has(path))
      if (deleted.length === 0) return
      const path = random.pick(deleted)
      expectSame(await servedCid(server, known.did, path), null, `deleted ${path}`)
    },
  }
}

/** Bytes that come so slowly that a kill may meet them half way. */
function inPieces(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0
  const piece = Math.ceil(bytes.length / 6)
  return new ReadableStream({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 40))
      controller.enqueue(bytes.slice(at, at + piece))
      at += piece
      if (at >= bytes.length) controller.close()
    },
  })
}
