// The documents of a folder.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCatalog, LexiconError } from '../src/index.ts'
import { loadLexicons } from '../src/node/index.ts'
import { defsJson, noteJson } from './documents.ts'

describe('loadLexicons', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'avocet-lexicons-'))
    await mkdir(join(folder, 'com', 'example'), { recursive: true })
  })
  afterEach(() => rm(folder, { recursive: true }))
  const write = (path: string, value: unknown): Promise<void> =>
    writeFile(join(folder, path), typeof value === 'string' ? value : JSON.stringify(value))

  it('reads every JSON file under a folder, in the order of their paths', async () => {
    await write('com/example/note.json', noteJson(3))
    await write('com/example/defs.json', defsJson)
    await write('com/example/README.md', '# not one')
    const documents = await loadLexicons(folder)
    expect(documents.map(({ id }) => id)).toEqual(['com.example.defs', 'com.example.note'])
    expect(createCatalog(documents).record('com.example.note')?.key).toBe('tid')
  })

  it.each([
    ['no JSON', '{'],
    ['no lexicon', { name: 'package' }],
    ['a lexicon with a fault', { ...noteJson(3), id: 'nonsense' }],
  ])('names the file of %s', async (_, value) => {
    await write('com/example/odd.json', value)
    const error: unknown = await loadLexicons(folder).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(LexiconError)
    expect(error).toMatchObject({ code: 'invalid-lexicon' })
    expect((error as Error).message).toContain(`file=${join(folder, 'com/example/odd.json')}`)
  })

  it('refuses one NSID in two files, naming both', async () => {
    await write('a.json', noteJson(3))
    await write('b.json', noteJson(4))
    await expect(loadLexicons(folder)).rejects.toMatchObject({
      code: 'duplicate-lexicon',
      message: `given twice; nsid=com.example.note file=${join(folder, 'b.json')} other=${join(folder, 'a.json')}`,
    })
  })

  it('follows no link out of the folder, and says where there is none', async () => {
    const other = await mkdtemp(join(tmpdir(), 'avocet-lexicons-'))
    await writeFile(join(other, 'note.json'), JSON.stringify(noteJson(3)))
    await symlink(other, join(folder, 'link'))
    expect(await loadLexicons(folder)).toEqual([])
    await rm(other, { recursive: true })
    await expect(loadLexicons(other)).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
