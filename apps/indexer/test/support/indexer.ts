import { setTimeout as delay } from 'node:timers/promises'
import { type Indexer, type IndexerConfig, createIndexer } from '../../src/app.ts'
import type { Host } from './host.ts'

/** Starts an indexer that follows a test host, or the sources of the configuration. */
export function startIndexer(
  host: Pick<Host, 'wsUrl' | 'plcUrl'>,
  config: Partial<IndexerConfig> = {},
): Promise<Indexer> {
  return createIndexer({
    dataFolder: null,
    host: '127.0.0.1',
    port: 0,
    sources: [{ url: host.wsUrl, kind: 'pds', start: 'oldest' }],
    plcUrl: host.plcUrl,
    collections: null,
    backfill: true,
    repos: [],
    allowLoopback: true,
    logRetentionMs: 3_600_000,
    workers: 0,
    ...config,
  })
}

/** Repeats until the answer is truthy, for at most `ms`. */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  ms = 10_000,
  everyMs = 20,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + ms
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > deadline) throw new Error('it did not come about in time')
    await delay(everyMs)
  }
}

/** A query's status and body. */
export async function query(
  indexer: Pick<Indexer, 'url'>,
  method: string,
  params: Record<string, string>,
): Promise<{ status: number; body: Record<string, any> }> {
  const response = await fetch(`${indexer.url}/xrpc/${method}?${new URLSearchParams(params)}`)
  return { status: response.status, body: (await response.json()) as Record<string, any> }
}

/** Path → CID of all that is indexed of a repo. */
export async function indexed(indexer: Pick<Indexer, 'url'>, did: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  const { body } = await query(indexer, 'com.atproto.repo.describeRepo', { repo: did })
  for (const collection of (body['collections'] as string[] | undefined) ?? []) {
    for (let cursor = ''; ;) {
      const page = await query(indexer, 'com.atproto.repo.listRecords', {
        repo: did,
        collection,
        ...(cursor ? { cursor } : {}),
      })
      for (const { uri, cid } of page.body['records'] as { uri: string; cid: string }[]) {
        found.set(uri.slice(`at://${did}/`.length), cid)
      }
      if (page.body['cursor'] === undefined) break
      cursor = page.body['cursor'] as string
    }
  }
  return found
}
