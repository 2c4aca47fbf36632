import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { onlySqlite } from '@avocet/testing/pds-store'
import { expect, test } from 'vitest'

import { failure, post, startNetwork } from './network.ts'
import { SILENT } from '../src/logger.ts'

test.skipIf(onlySqlite('the pages of a file are damaged'))(
  'damaged pages: an answer with a status, and health tells until the restart',
  async () => {
    const told: string[] = []
    await using net = await startNetwork({
      log: { ...SILENT, error: (_data, message) => void told.push(message) },
      config: { inviteRequired: false },
    })
    const { did, accessJwt: token } = await net.account()
    for (let n = 0; n < 10; n++) {
      const input = { repo: did, collection: 'app.bsky.feed.post', record: post(`${n}`.repeat(200)) }
      await net.post('com.atproto.repo.createRecord', { token, input })
    }
    await net.pds.close()
    const path = join(net.folder, 'pds.sqlite')
    {
      using db = new DatabaseSync(path)
      const { page_size: size } = db.prepare('PRAGMA page_size').get() as { page_size: number }
      const pages = db
        .prepare("SELECT pageno FROM dbstat WHERE name = 'repo_block' AND pagetype = 'leaf'")
        .all()
      db.close()
      await using file = await open(path, 'r+')
      for (const { pageno } of pages) {
        await file.write(new Uint8Array(size).fill(0xee), 0, size, (Number(pageno) - 1) * size)
      }
    }
    await net.start()
    expect(failure(await net.get('_health'))).toBe('200 ')
    const answer = await net.get('com.atproto.sync.getRepo', { params: { did } })
    expect(failure(answer)).toBe('503 ServiceUnavailable')
    expect(failure(await net.get('_health'))).toBe('503 ServiceUnavailable')
    const ill = await net.get('_health', { admin: true })
    expect([failure(ill), ill.body.message]).toEqual([
      '503 ServiceUnavailable',
      expect.stringMatching(/^pages of the database are damaged/),
    ])
    expect(told.filter((message) => message === 'the server cannot store data')).toHaveLength(1)
  },
)
