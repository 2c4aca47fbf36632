import type { StoredBlock, StoredBlocks } from '@avocet/repo'
import { createWriteQueue, type Database } from '@avocet/sqlite'

import { blockIds, idAfter } from './block-ids.ts'
import { createDigestRuns, type DigestPlace } from './digest-runs.ts'
import { digestOf } from './rows.ts'

/** Blocks and bytes written in one transaction. */
const AT_ONCE = 500
const BYTES_AT_ONCE = 512 * 1024
/** Places written in one transaction. */
const PLACED_AT_ONCE = 1000

/**
 * Writes the blocks of a repository that nobody sees yet, in the order they come, then their places in sorted runs. Resolves
 * when all of it is on the disk.
 * @returns the id after the last: all below are in the index
 */
export async function stageBlocks(
  db: Database,
  repo: number,
  rev: string,
  blocks: StoredBlocks,
): Promise<number> {
  const ids = blockIds(repo)
  const runs = createDigestRuns()
  const writes = createWriteQueue(db)
  let id = ids.first - 1
  let batch: StoredBlock[] = []
  let bytes = 0

  const flush = async (): Promise<void> => {
    const staged = batch
    const first = id + 1 - staged.length
    batch = []
    bytes = 0
    await writes.add(() => {
      const insert = db.prepare(
        'INSERT INTO repo_block (id, repo, digest, refs, rev, bytes) VALUES (?, ?, ?, 1, ?, ?)',
      )
      for (const [i, block] of staged.entries()) {
        insert.run(first + i, repo, digestOf(block.cid), rev, block.bytes)
      }
    })
  }
  const place = async (): Promise<void> => {
    await flush()
    for (const places of runs.take()) {
      for (let from = 0; from < places.length; from += PLACED_AT_ONCE) {
        const slice = places.slice(from, from + PLACED_AT_ONCE)
        await writes.add(() => writePlaces(db, repo, slice))
      }
    }
  }

  try {
    for await (const some of blocks.batches ?? oneByOne(blocks)) {
      for (const block of some) {
        id = idAfter(id, ids)
        batch.push(block)
        bytes += block.bytes.length
        runs.add(block.cid, id)
        if (batch.length >= AT_ONCE || bytes >= BYTES_AT_ONCE) await flush()
        if (runs.isFull()) await place()
      }
    }
    await place()
  } finally {
    await writes.done()
  }
  return id + 1
}

async function* oneByOne(blocks: AsyncIterable<StoredBlock>): AsyncGenerator<readonly StoredBlock[], void> {
  for await (const block of blocks) yield [block]
}

/** A block that several paths lead to came several times: the first row stays and counts them. */
function writePlaces(db: Database, repo: number, places: readonly DigestPlace[]): void {
  const insert = db.prepare(
    'INSERT INTO repo_block_place (repo, digest, block) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  )
  for (const [digest, id] of places) {
    if (insert.run(repo, digest, id).changes !== 0) continue
    db.prepare('DELETE FROM repo_block WHERE id = ?').run(id)
    db.prepare(
      `UPDATE repo_block SET refs = refs + 1
       WHERE id = (SELECT block FROM repo_block_place WHERE repo = ? AND digest = ?)`,
    ).run(repo, digest)
  }
}
