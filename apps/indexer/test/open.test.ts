// A database file that cannot be used is let go.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { migrate } from '@avocet/sqlite'
import { expect, test } from 'vitest'
import { openIndexDatabase } from '../src/database/open.ts'
import { migrations } from '../src/database/schema.ts'

test('one that a newer indexer wrote is refused, and not kept open', () => {
  const folder = mkdtempSync(join(tmpdir(), 'avocet-open-'))
  try {
    const newer = openIndexDatabase(folder)
    migrate(newer, 'indexer', [...migrations, 'CREATE TABLE newer (a)'])
    newer.close()
    expect(() => openIndexDatabase(folder)).toThrow(
      expect.objectContaining({
        code: 'data-folder',
        message: `Cannot use ${join(folder, 'indexer.sqlite')}: it was written by a newer avocet-indexer`,
      }),
    )
    // Who closes a file last takes its log away.
    expect(readdirSync(folder)).toEqual(['indexer.sqlite'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
