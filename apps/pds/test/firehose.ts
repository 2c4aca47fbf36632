import { readCar } from '@avocet/car'
import { CidMap, formatCid, type CID, type DataObject } from '@avocet/data'
import { parseDidKey, type PublicKey } from '@avocet/crypto'
import { invertOps, verifyCommit, type RepoOp } from '@avocet/repo'
import type { Did } from '@avocet/syntax'
import { decodeFrame } from '@avocet/xrpc'

/** A frame as it came, decoded. */
export interface Received {
  readonly type: string
  readonly body: any
}

/** What a subscriber saw before it was closed. */
export interface Stream {
  readonly events: readonly Received[]
  readonly closed: { code: number; reason: string } | null
}

/**
 * Reads the firehose until `until` is content, the socket closes, or nothing came for `idleMs` of a server that had turns to send
 * it: one that is starved by its machine answers nothing else either.
 */
export async function readFirehose(
  url: string,
  cursor: number | undefined,
  until: (events: readonly Received[]) => boolean,
  idleMs = 700,
): Promise<Stream> {
  const query = cursor === undefined ? '' : `?cursor=${cursor}`
  const socket = new WebSocket(`${url.replace('http', 'ws')}/xrpc/com.atproto.sync.subscribeRepos${query}`)
  socket.binaryType = 'arraybuffer'
  const events: Received[] = []
  const done = Promise.withResolvers<Stream['closed']>()
  const idle = async (): Promise<void> => {
    const before = events.length
    // Twice: what the server was about to send when it took the first of them, it has sent when it answers the second.
    for (let i = 0; i < 2; i++) await fetch(`${url}/robots.txt`).then((answer) => answer.text())
    if (events.length > before) timer.refresh()
    else done.resolve(null)
  }
  const timer = setTimeout(() => void idle().catch(() => done.resolve(null)), idleMs)
  socket.addEventListener('open', () => timer.refresh())
  socket.addEventListener('message', ({ data }) => {
    const frame = decodeFrame(new Uint8Array(data as ArrayBuffer))
    if (!frame.ok) throw new Error('not a frame')
    timer.refresh()
    const { value } = frame
    events.push(
      value.kind === 'message'
        ? { type: value.type, body: value.body }
        : { type: 'error', body: { error: value.error, message: value.message } },
    )
    if (until(events)) done.resolve(null)
  })
  socket.addEventListener('close', ({ code, reason }) => done.resolve({ code, reason }))
  const closed = await done.promise
  clearTimeout(timer)
  socket.close()
  return { events, closed }
}

/** Checks a #commit event as a relay does: signature, envelope, and that undoing its ops leads to `prevData`. */
export function checkCommit(body: DataObject, key: PublicKey): { data: string; rev: string } {
  const { roots, blocks: list } = readCar(body['blocks'] as Uint8Array)
  const commit = body['commit'] as CID
  if (roots.length !== 1 || formatCid(roots[0]!) !== formatCid(commit))
    throw new Error('root is not the commit')
  const blocks = new CidMap(list.map(({ cid, bytes }) => [cid, bytes] as const))
  const verified = verifyCommit({ blocks, commit, did: body['repo'] as Did, key })
  if (!verified.ok) throw verified.error
  const { data, rev } = verified.value
  if (rev !== body['rev']) throw new Error('rev of envelope and commit differ')
  const before = invertOps(blocks, data, body['ops'] as unknown as RepoOp[])
  const prevData = body['prevData'] as CID | undefined
  if (prevData !== undefined && formatCid(before) !== formatCid(prevData))
    throw new Error('inversion missed prevData')
  return { data: formatCid(data), rev }
}

/** The key that signs an account's commits, by its genesis operation. */
export function signingKeyOf(log: readonly object[]): PublicKey {
  const operation = log.at(-1) as { verificationMethods: Record<string, string> }
  const key = parseDidKey(operation.verificationMethods['atproto']!)
  if (!key.ok) throw new Error('no signing key')
  return key.value
}
