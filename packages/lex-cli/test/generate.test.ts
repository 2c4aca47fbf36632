import { execFileSync } from 'node:child_process'
import { readdir, readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { documents } from '@avocet/lexicons/catalog'
import type { Client } from '@avocet/xrpc-client'
import type { Router } from '@avocet/xrpc-server'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { loadBundled } from '../src/bundled.ts'
import { generate } from '../src/generate.ts'
import { folder, lexicon, record, write } from './support.ts'

const root = join(import.meta.dirname, '../../..')
const ref = (to: string) => ({ type: 'ref', ref: to })
const files = {
  'post.json': lexicon(
    'com.example.feed.post',
    record(
      {
        text: { type: 'string', maxGraphemes: 300, maxLength: 3000, description: 'What it says. */ Really.' },
        subject: ref('com.atproto.repo.strongRef'),
        parts: { type: 'array', items: { type: 'union', refs: ['#part', 'com.example.feed.post'] } },
        'odd-name': { type: 'integer', enum: [1, 2] },
        __proto__x: { type: 'boolean' },
      },
      { required: ['text'], nullable: ['subject'] },
    ),
    {
      part: { type: 'object', properties: { class: { type: 'cid-link' } } },
      delete: { type: 'token' },
      list: { type: 'array', items: ref('#part') },
    },
  ),
  'getPost.json': lexicon(
    'com.example.feed.getPost',
    {
      type: 'query',
      description: 'Gets a post.',
      parameters: {
        type: 'params',
        required: ['uri'],
        properties: { uri: { type: 'string', format: 'at-uri' }, depth: { type: 'integer', default: 6 } },
      },
      output: {
        encoding: 'application/json',
        schema: {
          type: 'object',
          required: ['post'],
          properties: { post: ref('com.example.feed.post'), label: ref('com.atproto.label.defs#label') },
        },
      },
      errors: [{ name: 'NotFound' }],
    },
    { output: { type: 'object', properties: {} } },
  ),
  'putPost.json': lexicon('com.example.feed.putPost', {
    type: 'procedure',
    input: { encoding: 'application/json', schema: ref('com.example.feed.post') },
  }),
  'upload.json': lexicon('com.example.feed.upload', {
    type: 'procedure',
    input: { encoding: '*/*' },
    output: { encoding: 'video/*' },
  }),
  'subscribePosts.json': lexicon(
    'com.example.feed.subscribePosts',
    { type: 'subscription', message: { schema: { type: 'union', refs: ['#event'] } } },
    { event: { type: 'object', required: ['seq'], properties: { seq: { type: 'integer' } } } },
  ),
  'auth.json': lexicon('com.example.feed.auth', {
    type: 'permission-set',
    title: 'Posts',
    permissions: [{ type: 'permission', resource: 'repo', collection: ['com.example.feed.post'] }],
  }),
}

/** Type checks the generated code, and more, under the strict flags of this repository. */
async function typeCheck(out: string): Promise<string> {
  await symlink(join(root, 'packages/lex-cli/node_modules'), join(out, 'node_modules'))
  await write(out, {
    'package.json': { type: 'module' },
    'tsconfig.json': {
      extends: join(root, 'tsconfig.web.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules/@types')], rootDir: '/', outDir: 'dist' },
      include: ['*.ts'],
    },
  })
  try {
    execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', out, '--noEmit'], { encoding: 'utf8', cwd: out })
    return ''
  } catch (error) {
    return (error as { stdout: string }).stdout
  }
}

describe('generate', () => {
  it('writes code that compiles under the strictest flags and runs', async () => {
    const [from, out] = [await folder(files), await folder()]
    const result = await generate({
      paths: [from],
      out,
      bundled: await loadBundled(),
      client: true,
      server: true,
    })
    expect(result).toMatchObject({ ok: true })
    await write(out, {
      'use.ts': `
import assert from 'node:assert/strict'
import { createClient } from '@avocet/xrpc-client'
import { createRouter } from '@avocet/xrpc-server'
import { createMethods } from './client.ts'
import { ComExampleFeedAuth, ComExampleFeedPost } from './index.ts'
import { addHandlers, type Handlers } from './server.ts'

const post: ComExampleFeedPost.Post = ComExampleFeedPost.createPost({ text: 'hello', subject: null, parts: [{ $type: 'com.example.feed.post#part' }] })
assert.equal(ComExampleFeedPost.isPost(post), true)
assert.equal(ComExampleFeedPost.isPost({ ...post, subject: {} }), false)
assert.equal(ComExampleFeedPost.delete_, 'com.example.feed.post#delete')
assert.equal(ComExampleFeedAuth.main.permissions.length, 1)

const router = createRouter({})
const handlers: Handlers = {
  'com.example.feed.getPost': ({ params }) => {
    const depth: number = params.depth
    return { post: { ...post, text: params.uri + depth } }
  },
  'com.example.feed.putPost': ({ input }) => {
    assert.equal(input.text, 'put')
  },
  'com.example.feed.upload': () => new Uint8Array([1]),
  'com.example.feed.subscribePosts': async function* () {
    yield { $type: 'com.example.feed.subscribePosts#event' as const, seq: 1 }
  },
}
addHandlers(router, handlers)
const client = createClient({ service: 'http://localhost', fetch: (url, init) => router.fetch(new Request(url, init)) })
const { com } = createMethods(client)
const got = await com.example.feed.getPost({ params: { uri: 'at://a.example' } })
assert.equal(got.ok && got.value.post.text, 'at://a.example6')
const put = await com.example.feed.putPost({ input: ComExampleFeedPost.createPost({ text: 'put' }) })
assert.equal(put.ok, true)
// @ts-expect-error the text is required
ComExampleFeedPost.createPost({})
// @ts-expect-error an optional field is absent, not undefined
ComExampleFeedPost.createPost({ text: '', parts: undefined })
`,
    })
    expect(await typeCheck(out)).toBe('')
    execFileSync(process.execPath, [join(out, 'use.ts')], { encoding: 'utf8', cwd: out, stdio: 'pipe' })
  }, 60_000)

  it('is written for the interfaces of the client and of the router', () => {
    expectTypeOf<Client>().toHaveProperty('call')
    expectTypeOf<Router>().toHaveProperty('add')
  })

  it('writes the same whatever the order of files, and touches nothing twice', async () => {
    const [from, out, other] = [await folder(files), await folder(), await folder()]
    const bundled = await loadBundled()
    await generate({ paths: [from], out, bundled })
    const names = await readdir(out)
    const before = await Promise.all(names.map((name) => stat(join(out, name))))
    expect(await generate({ paths: [from], out, bundled })).toMatchObject({ ok: true, changed: [] })
    const after = await Promise.all(names.map((name) => stat(join(out, name))))
    expect(after.map((info) => info.mtimeMs)).toEqual(before.map((info) => info.mtimeMs))
    await generate({
      paths: Object.keys(files)
        .toReversed()
        .map((name) => join(from, name)),
      out: other,
      bundled,
    })
    for (const name of names) {
      expect(await readFile(join(other, name), 'utf8')).toBe(await readFile(join(out, name), 'utf8'))
    }
  })

  it('deletes what it wrote for lexicons that are gone, and nothing else', async () => {
    const out = await folder({
      'com.example.gone.ts': '// Generated from the lexicon com.example.gone. Do not edit.\n',
      'own.ts': 'export {}\n',
    })
    await generate({ paths: [await folder({ 'c.json': lexicon('com.example.c', record({})) })], out })
    expect((await readdir(out)).toSorted()).toEqual(['com.example.c.ts', 'index.ts', 'own.ts'])
  })

  it('writes nothing from lexicons that do not fit together', async () => {
    const out = await folder()
    const from = await folder({ 'c.json': lexicon('com.example.c', record({ x: ref('#gone') })) })
    expect(await generate({ paths: [from], out })).toMatchObject({
      ok: false,
      problems: [{ rule: 'reference', line: 14 }],
    })
    expect(await readdir(out)).toEqual([])
  })

  it('is readable', async () => {
    const out = await folder()
    await generate({
      paths: [await folder({ 'post.json': files['post.json'] })],
      out,
      bundled: await loadBundled(),
    })
    expect(await readFile(join(out, 'com.example.feed.post.ts'), 'utf8')).toMatchSnapshot()
  })

  it('lets no text of a lexicon out of its place', async () => {
    const evil = [
      `'; globalThis.escaped = 1; '`,
      '`${(globalThis.escaped = 1)}`',
      '*/ globalThis.escaped = 1 /*',
      '\n globalThis.escaped = 1 //',
      '\u2028 globalThis.escaped = 1 //',
      `\\'; globalThis.escaped = 1 //`,
      `"]; globalThis.escaped = 1 //`,
    ]
    const fields = Object.fromEntries(
      evil.map((text) => [text, { type: 'string', description: text, knownValues: evil, default: text }]),
    )
    const from = await folder({
      'a.json': lexicon(
        'com.example.evil',
        {
          ...record({
            ...fields,
            enum: { type: 'string', enum: evil },
            const: { type: 'string', const: evil[0] },
          }),
          description: evil.join(' '),
        },
        { token: { type: 'token', description: evil[2] } },
      ),
      'b.json': lexicon('com.example.getEvil', {
        type: 'query',
        description: evil[2],
        parameters: { type: 'params', description: evil[2], properties: fields },
        output: { encoding: evil[0], description: evil[2] },
        errors: [{ name: `';globalThis.escaped=1//`, description: evil[2] }],
      }),
    })
    const out = await folder()
    expect(await generate({ paths: [from], out, client: true, server: true })).toMatchObject({ ok: true })
    await write(out, {
      'use.ts': `
import { strict as assert } from 'node:assert'
import { ComExampleEvil } from './index.ts'
import * as client from './client.ts'
import * as server from './server.ts'
assert.deepEqual([typeof client.createMethods, typeof server.addHandlers], ['function', 'function'])
assert.equal(ComExampleEvil.main.is({ $type: 'com.example.evil', const: ${JSON.stringify(evil[0])} }), true)
assert.equal('escaped' in globalThis, false)
`,
    })
    expect(await typeCheck(out)).toBe('')
    execFileSync(process.execPath, [join(out, 'use.ts')], { encoding: 'utf8', cwd: out, stdio: 'pipe' })
  }, 60_000)

  it('compiles for all bundled documents', async () => {
    const from = await folder(
      Object.fromEntries(documents.map((document) => [`${document.id}.json`, document])),
    )
    const out = await folder()
    expect(await generate({ paths: [from], out, client: true, server: true })).toMatchObject({ ok: true })
    expect(await typeCheck(out)).toBe('')
  }, 60_000)
})
