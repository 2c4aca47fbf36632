import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { EIO, makeFaults } from '@avocet/testing/faults'
import { afterAll, expect, onTestFinished, test } from 'vitest'

const WRITER = fileURLToPath(new URL('checkpoint-writer.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'avocet-failing-checkpoint-'))
// Null, and said aloud, where there can be none.
const faults = makeFaults(folder)
afterAll(() => {
  faults?.[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

// With `normal` no commit syncs anything: the thread that copies the log back is the only one that hears of such a disk.
test.skipIf(faults === null)('a sync that fails while the log is copied back is a failed sync', async () => {
  const child = spawn(process.execPath, [WRITER, join(folder, 'a.db'), 'normal'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...faults!.env },
  })
  onTestFinished(() => void child.kill())
  let lines = ''
  child.stdout.on('data', (chunk: Buffer) => (lines += chunk.toString()))
  await once(child.stdout, 'data')
  faults!.sync(EIO)
  child.stdin.write('go\n')
  await once(child, 'close')
  expect(lines).toBe('ready\nsync-failed\n')
})
