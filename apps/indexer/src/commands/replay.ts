import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { nativeVerifier } from '@avocet/crypto-native'
import {
  DidError,
  type DidResolver,
  createDidResolver,
  createGuardedFetch,
  parseDidDocument,
  withCache,
} from '@avocet/did'
import { captureSource } from '@avocet/firehose'
import { lockFolder } from '../database/lock.ts'
import { openIndexDatabase } from '../database/open.ts'
import { IndexerError } from '../errors.ts'
import { type Totals, readTotals } from '../http/status.ts'
import { createIdentities } from '../identity/identities.ts'
import { startPipeline } from '../pipeline.ts'
import { ALL, openWanted } from '../sync/wanted.ts'

/** What to replay. */
export type ReplayOptions = {
  /** The capture: u32-LE length + frame, one after another; zstd or plain. */
  readonly frames: string
  /** File of DID documents; null asks the directory. */
  readonly didDocs: string | null
  readonly plcUrl: string
  /** Where to keep the index; null: in memory. */
  readonly dataFolder: string | null
  readonly collections: readonly string[] | null
  readonly quiet: boolean
  readonly json: boolean
}

/** What came of a replay. */
export type ReplaySummary = Totals & {
  readonly seconds: number
  readonly failures: Readonly<Record<string, number>>
  /** Repeats, and events of accounts that are off. */
  readonly ignored: Readonly<Record<string, number>>
}

const PROGRESS_EVERY = 10_000

/** Replays a capture and prints what came of it. @returns the exit code @throws IndexerError */
export async function replay(options: ReplayOptions): Promise<number> {
  const summary = await replayCapture(options, options.quiet || options.json ? null : say)
  console.log(options.json ? JSON.stringify(summary) : describe(options.frames, summary))
  return Object.keys(summary.failures).length === 0 ? 0 : 1
}

/** Replays a capture. @throws IndexerError `capture`, `data-folder` */
export async function replayCapture(
  options: Omit<ReplayOptions, 'quiet' | 'json'>,
  onProgress: ((line: string) => void) | null,
): Promise<ReplaySummary> {
  if (!existsSync(options.frames)) {
    throw new IndexerError('capture', `There is no file ${options.frames}`)
  }
  using opened = new DisposableStack()
  const db = openIndexDatabase(options.dataFolder)
  opened.defer(() => db.close())
  if (options.dataFolder !== null) opened.use(lockFolder(options.dataFolder))
  const before = readTotals(db)
  const dids =
    options.didDocs === null
      ? withCache(createDidResolver({ plcUrl: options.plcUrl, fetch: createGuardedFetch({}) }))
      : readDocuments(options.didDocs)
  const failures = new Map<string, number>()
  const ignored = new Map<string, number>()
  const started = performance.now()
  let records = 0
  const pipeline = startPipeline({
    db,
    sources: [captureSource(options.frames)],
    resolveKey: createIdentities({ dids, handles: null }).resolveKey,
    verify: nativeVerifier(),
    wanted: openWanted(db, { ...ALL, collections: options.collections }, Date.now),
    resync: null,
    logRetentionMs: Infinity,
    workers: 0,
    now: Date.now,
    onIgnored: (reason) => count(ignored, reason),
    onNotice(notice) {
      if (notice.kind === 'records') {
        const shown = Math.floor(records / PROGRESS_EVERY)
        records += notice.ops.length
        if (Math.floor(records / PROGRESS_EVERY) > shown) onProgress?.(`${records} operations indexed`)
      } else if (notice.kind === 'failure') {
        const { reason, did, seq, message } = notice.failure
        count(failures, reason)
        onProgress?.(`failed: ${reason} seq=${seq ?? '-'} did=${did ?? '-'}: ${message}`)
      }
    },
  })
  try {
    await pipeline.done
  } catch (cause) {
    throw new IndexerError('capture', `Cannot replay ${options.frames}: ${(cause as Error).message}`, {
      cause,
    })
  }
  const after = readTotals(db)
  const totals = Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - before[name as keyof Totals]]),
  ) as Totals
  return {
    ...totals,
    seconds: (performance.now() - started) / 1000,
    failures: Object.fromEntries(failures),
    ignored: Object.fromEntries(ignored),
  }
}

/** A resolver over a file: an object by DID, or a list of documents. */
function readDocuments(file: string): DidResolver {
  const documents = new Map<string, unknown>()
  try {
    const bytes = readFileSync(file)
    const isZstd = bytes.length >= 4 && bytes.readUInt32LE(0) === 0xfd2fb528
    const json: unknown = JSON.parse((isZstd ? zstdDecompressSync(bytes) : bytes).toString('utf8'))
    for (const document of Object.values(json as object)) {
      documents.set((document as { id: string }).id, document)
    }
  } catch (cause) {
    throw new IndexerError('capture', `Cannot read DID documents from ${file}: ${(cause as Error).message}`, {
      cause,
    })
  }
  return {
    async resolve(did) {
      const document = documents.get(did)
      if (document === undefined) {
        return { ok: false, error: new DidError('not-found', `not in the file of documents; did=${did}`) }
      }
      return parseDidDocument(document)
    },
  }
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function describe(file: string, summary: ReplaySummary): string {
  const { seconds, failures, ignored } = summary
  const lines = [
    `${basename(file)}: ${summary.commits} commits verified in ${seconds.toFixed(2)} s`,
    `  ${summary.creates} creates, ${summary.updates} updates, ${summary.deletes} deletes`,
    `  ${summary.identities} identity, ${summary.accounts} account and ${summary.syncs} sync events`,
    `  ${summary.records} records in the index`,
  ]
  for (const [reason, times] of Object.entries(ignored)) lines.push(`  ignored ${reason}: ${times}`)
  const failed = Object.entries(failures)
  if (failed.length === 0) lines.push('  no failures')
  for (const [reason, times] of failed) lines.push(`  FAILED ${reason}: ${times}`)
  return lines.join('\n')
}

function say(line: string): void {
  console.log(line)
}
