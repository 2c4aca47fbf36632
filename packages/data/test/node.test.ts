import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { replaceFile } from '../src/node.ts'

describe('replaceFile', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'avocet-data-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('puts a file of the owner alone in place of another, and leaves nothing beside it', async () => {
    const path = join(folder, 'a.json')
    writeFileSync(path, 'old', { mode: 0o644 })
    await replaceFile(path, 'new')
    expect(readFileSync(path, 'utf8')).toBe('new')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['a.json'])
  })

  it('leaves what is there, and nothing beside it, when it fails', async () => {
    const path = join(folder, 'a')
    mkdirSync(path)
    await expect(replaceFile(path, 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST|EPERM/)
    expect(readdirSync(folder)).toEqual(['a'])
  })
})
