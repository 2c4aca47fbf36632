// Engines without `Symbol.dispose` and `Symbol.asyncDispose`, as Safari: everything works, and closes what it opened.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { bundle } from '@avocet/testing/chromium'
import { expect, it } from 'vitest'

const PROGRAM = `
import { createKeypair } from '@avocet/crypto'
import { createTidClock } from '@avocet/syntax'
import * as repo from '@avocet/repo'

const did = 'did:web:alice.example'
const collection = 'com.example.note'
const signer = createKeypair('p256')
const counted = (store) => ({
  ...store,
  snapshot: async (did) => {
    const snapshot = await store.snapshot(did)
    if (snapshot === null) return null
    open++
    const close = snapshot[Symbol.asyncDispose]
    return { ...snapshot, [Symbol.asyncDispose]: async () => { open--; await close.call(snapshot) } }
  },
})
let open = 0
const store = counted(repo.createMemoryRepoStore())
const writer = repo.createRepoWriter({ store, clock: createTidClock(), signer: () => signer })
const write = (i) => repo.prepareWrite({ action: 'create', collection, rkey: 'r' + i, record: { $type: collection, i } })
await writer.create(did, [write(1), write(2)])
await writer.write(did, [write(3)])
const all = async (source) => { const found = []; for await (const one of source) found.push(one); return found }
const pieces = await all(repo.exportRepo(store, did))
const car = new Uint8Array(await new Blob(pieces).arrayBuffer())
const other = counted(repo.createMemoryRepoStore())
const imported = await repo.importRepo({ did, store: other, source: car, key: signer.publicKey, keepCommit: true })
const reader = await repo.readRepo(car, { key: signer.publicKey })
const proof = await repo.getRecordProof(store, did, collection + '/r1')
const proved = repo.verifyRecordProof(proof, { did, collection, rkey: 'r1', key: signer.publicKey })
let first
for await (const { path } of repo.listRecords(other, did)) { first = path; break }
const missing = await repo.checkRepo(store, 'did:web:bob.example').catch(({ code }) => code)
const unread = await repo.readRepo(car, { key: signer.publicKey })
await unread.close()
console.log(JSON.stringify({
  absent: [typeof Symbol.dispose, typeof Symbol.asyncDispose],
  imported: imported.records,
  listed: (await all(repo.listRecords(other, did))).length,
  first,
  read: (await all(reader.entries)).length,
  proved: proved.ok && proved.value.record.i,
  faults: (await repo.checkRepo(other, did)).faults.length,
  missing,
  open,
}))
`

it('works where there is no Symbol.asyncDispose', async () => {
  const [chunk] = await bundle(PROGRAM, {
    folder: import.meta.dirname,
    define: { 'Symbol.dispose': 'undefined', 'Symbol.asyncDispose': 'undefined' },
  })
  const folder = mkdtempSync(join(tmpdir(), 'avocet-without-dispose-'))
  try {
    const file = join(folder, 'program.mjs')
    writeFileSync(file, chunk!.code)
    const told = execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 30_000 })
    expect(JSON.parse(told)).toEqual({
      absent: ['undefined', 'undefined'],
      imported: 3,
      listed: 3,
      first: 'com.example.note/r1',
      read: 3,
      proved: 1,
      faults: 0,
      missing: 'repo-not-found',
      open: 0,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
