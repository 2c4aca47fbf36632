import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cidForCbor } from '@avocet/data'
import { encode } from '@avocet/cbor'
import { describe, expect, it } from 'vitest'
import { loadBundled } from '../src/bundled.ts'
import { install } from '../src/install.ts'
import { readLock } from '../src/lock.ts'
import { folder, lexicon, record, write } from './support.ts'

const ref = (to: string) => ({ type: 'ref', ref: to })
const files = {
  'a.json': lexicon(
    'com.example.a',
    record({ b: ref('com.example.b#part'), subject: ref('com.atproto.repo.strongRef') }),
  ),
  'b.json': lexicon('com.example.b', record({}), { part: { type: 'object', properties: {} } }),
  'c.json': lexicon('com.example.c', record({})),
}

describe('install from a folder', () => {
  it('takes what is needed, locks it with its CID, and leaves the bundled', async () => {
    const [from, to] = [await folder(files), await folder()]
    const result = await install({ nsids: ['com.example.a'], folder: to, from, bundled: await loadBundled() })
    expect(result).toMatchObject({
      ok: true,
      installed: [
        { nsid: 'com.example.a', state: 'new' },
        { nsid: 'com.example.b', state: 'new' },
      ],
    })
    expect(JSON.parse(await readFile(join(to, 'com/example/a.json'), 'utf8'))).toEqual(files['a.json'])
    const lock = await readLock(to)
    expect(lock.roots).toEqual(['com.example.a'])
    expect(Object.keys(lock.lexicons)).toEqual(['com.example.a', 'com.example.b'])
    const cid = cidForCbor(encode({ $type: 'com.atproto.lexicon.schema', ...files['b.json'] } as never))
    expect(lock.lexicons['com.example.b']!.cid).toBe(cid.toString())
  })

  it('refuses a changed lexicon unless told to update', async () => {
    const [from, to] = [await folder(files), await folder()]
    const run = (rest: object = {}) => install({ nsids: [], folder: to, from, ...rest })
    await run({ nsids: ['com.example.b'] })
    expect(await run()).toMatchObject({ ok: true, installed: [{ state: 'same' }] })
    await write(from, { 'b.json': lexicon('com.example.b', record({ more: { type: 'integer' } })) })
    expect(await run()).toMatchObject({ ok: false, reasons: [expect.stringContaining('--update')] })
    expect(await readFile(join(to, 'com/example/b.json'), 'utf8')).not.toContain('more')
    expect(await run({ update: true })).toMatchObject({ ok: true, installed: [{ state: 'updated' }] })
    expect(await readFile(join(to, 'com/example/b.json'), 'utf8')).toContain('more')
  })

  it('writes nothing when something is missing', async () => {
    const [from, to] = [await folder({ 'a.json': files['a.json'] }), await folder()]
    const result = await install({ nsids: ['com.example.a', 'com.example.none'], folder: to, from })
    expect(result).toMatchObject({
      ok: false,
      reasons: [
        `com.example.none: not in ${from}`,
        `com.atproto.repo.strongRef (needed by com.example.a): not in ${from}`,
        `com.example.b (needed by com.example.a): not in ${from}`,
      ],
    })
    expect((await readLock(to)).lexicons).toEqual({})
    expect(await install({ nsids: [], folder: to, from })).toMatchObject({ ok: false })
  })

  it('leaves what came over the network as it is', async () => {
    const [from, to] = [await folder(files), await folder()]
    const c = files['c.json']
    const entry = { source: 'at://did:web:a.b/com.atproto.lexicon.schema/com.example.c', cid: 'bafyreia' }
    await write(to, {
      'com/example/c.json': c,
      'lexicons.lock.json': { version: 1, roots: ['com.example.c'], lexicons: { 'com.example.c': entry } },
    })
    const result = await install({ nsids: ['com.example.b'], folder: to, from })
    expect(result).toMatchObject({ ok: true, installed: [{ nsid: 'com.example.b' }] })
    const lock = await readLock(to)
    expect(lock.roots).toEqual(['com.example.b', 'com.example.c'])
    expect(lock.lexicons['com.example.c']).toEqual(entry)
    // Named, it is taken from the folder, which has another version of it.
    expect(await install({ nsids: ['com.example.c'], folder: to, from })).toMatchObject({ ok: false })
  })

  it('refuses a lock file that is none', async () => {
    const to = await folder({ 'lexicons.lock.json': { version: 1, lexicons: { 'com.example.a': {} } } })
    await expect(readLock(to)).rejects.toThrow(/no lock file/)
  })
})
