// docs/oauth-attacks.md says which test shows what becomes of each attack: the tests that it names are there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const rows = readFileSync(join(root, 'docs/oauth-attacks.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ /.test(line))
  .map((line) => line.slice(2, -2).split(' | '))

test('attacks are numbered, and each has a right answer and a test', () => {
  expect(rows.map(([number]) => Number(number))).toEqual(rows.map((_, index) => index + 1))
  expect(rows.length).toBeGreaterThanOrEqual(53)
  expect(rows.filter((cells) => cells.length !== 4 || cells.some((cell) => cell.trim() === ''))).toEqual([])
})

test('every test that is named is there', () => {
  const missing: string[] = []
  for (const [number, , , shown] of rows) {
    for (const place of shown!.split('<br>')) {
      const [, file, title] = /^`([^`]+)`: (.+)$/.exec(place.trim()) ?? []
      const text = file === undefined ? '' : readFileSync(join(root, file), 'utf8')
      if (title === undefined || !text.includes(title)) missing.push(`${number} ${place}`)
    }
  }
  expect(missing).toEqual([])
})
