// Real exports read whole by the reader that the backfill uses.

import { cidForCbor, formatCid } from '@avocet/data'
import { readRepo } from '@avocet/repo'
import { readFixture, readFixtureText } from '@avocet/testing'
import { describe, expect, test } from 'vitest'

const described = await readFixtureText('relay-capture/car_expected_commit.txt')

async function readWhole(name: string): Promise<{
  did: string
  rev: string
  commit: string
  data: string
  records: [string, string][]
}> {
  const car = await readFixture(name)
  const read = await readRepo(car!, { unsafeSkipSignature: true })
  const records: [string, string][] = []
  for await (const { path, cid, bytes } of read.entries) {
    expect(formatCid(cidForCbor(bytes))).toBe(formatCid(cid))
    records.push([path, formatCid(cid)])
  }
  return {
    did: read.did,
    rev: read.rev,
    commit: formatCid(read.commit),
    data: formatCid(read.data),
    records,
  }
}

describe.skipIf(described === null)('exports', () => {
  test('repo.car: commit and records as expected', async () => {
    const lines = described!.trim().split('\n')
    const said = new Map(lines.map((line) => line.split(': ') as [string, string]))
    const records = (await readFixtureText('relay-capture/car_expected_records.tsv'))!
      .trim()
      .split('\n')
      .map((line) => line.split('\t'))
    const read = await readWhole('relay-capture/repo.car')
    expect(read).toMatchObject({
      did: said.get('DID'),
      rev: said.get('Revision'),
      data: said.get('Data CID'),
    })
    expect(new Map(read.records)).toEqual(new Map(records as [string, string][]))
    expect(records.length).toBeGreaterThan(10)
  })

  test.each([
    ['cars/greenground.repo.car', 1],
    ['cars/tiny.car', 1],
    ['cars/empty.car', 0],
  ])('%s is read whole', async (name, atLeast) => {
    const read = await readWhole(name)
    expect(read.did).toMatch(/^did:/)
    expect(read.records.length).toBeGreaterThanOrEqual(atLeast)
  })

  test('repo_slice.car, a version 2 commit, is refused with a typed error', async () => {
    await expect(readWhole('cars/repo_slice.car')).rejects.toMatchObject({
      name: 'RepoError',
      code: 'unsupported-version',
    })
  })
})
