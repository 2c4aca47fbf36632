import { readdirSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { createCatalog, parseLexicon } from '@avocet/lexicon'
import { describe, expect, it } from 'vitest'
import { catalog, documents } from '../generated/catalog.js'

const generated = join(import.meta.dirname, '../generated')

describe('the bundled documents', () => {
  it('are all of the four namespaces', () => {
    const count = (prefix: string) => documents.filter(({ id }) => id.startsWith(prefix)).length
    expect(count('com.atproto.')).toBeGreaterThanOrEqual(95)
    expect(count('app.bsky.')).toBeGreaterThanOrEqual(156)
    expect(count('chat.bsky.')).toBeGreaterThanOrEqual(57)
    expect(count('tools.ozone.')).toBeGreaterThanOrEqual(78)
  })

  it('parse, and resolve each other', () => {
    for (const document of documents) expect(parseLexicon(document)).toEqual({ ok: true, value: document })
    expect([...createCatalog(documents).nsids()]).toEqual(documents.map(({ id }) => id))
  })

  it('compile, every definition of them', () => {
    let compiled = 0
    for (const { id, defs } of documents) {
      for (const [name, def] of Object.entries(defs)) {
        const method = name === 'main' ? catalog.method(id) : undefined
        if (method !== undefined) {
          method.params.is({})
          if (method.type === 'subscription') method.message?.is({})
          else method.output?.schema?.is({})
          if (method.type === 'procedure') method.input?.schema?.is({})
        } else if (def.type !== 'permission-set') {
          expect(catalog.schema(`${id}#${name}`)?.is(undefined)).toBe(false)
        }
        compiled += 1
      }
    }
    expect(compiled).toBeGreaterThan(800)
  })

  it('have a module each, and one for each namespace', () => {
    const files = new Set(readdirSync(generated))
    for (const name of [
      ...documents.map(({ id }) => id),
      'com.atproto',
      'app.bsky',
      'chat.bsky',
      'tools.ozone',
      'catalog',
    ]) {
      expect([name, files.has(`${name}.js`), files.has(`${name}.d.ts`)]).toEqual([name, true, true])
    }
  })
})

/** Runs a script in a fresh process, where nothing is loaded yet. */
function fresh(script: string, flags: readonly string[] = []): unknown {
  const output = execFileSync(process.execPath, [...flags, '--input-type=module', '--eval', script], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  return JSON.parse(output)
}

describe('loading', () => {
  it('one document loads those it refers to, and no others', () => {
    const script = `
      import { registerHooks } from 'node:module'
      const loaded = []
      registerHooks({ load(url, context, next) { if (url.includes('/generated/')) loaded.push(url.split('/').at(-1)); return next(url, context) } })
      await import(${JSON.stringify(join(generated, 'com.atproto.repo.getRecord.js'))})
      const one = loaded.length
      await import(${JSON.stringify(join(generated, 'app.bsky.feed.post.js'))})
      console.log(JSON.stringify({ one, post: loaded.length }))`
    const { one, post } = fresh(script) as { one: number; post: number }
    expect(one).toBe(1)
    expect(post).toBeLessThan(40)
  })

  it('of all 387 documents, with their references checked, takes less than 50 ms of processor time', () => {
    const script = `
      await import('@avocet/lexicon')
      const start = process.cpuUsage()
      const { catalog } = await import(${JSON.stringify(join(generated, 'catalog.js'))})
      catalog.validateRecord({ $type: 'app.bsky.feed.post' })
      const { user, system } = process.cpuUsage(start)
      console.log(JSON.stringify((user + system) / 1000))`
    const times = [1, 2, 3].map(() => fresh(script) as number)
    expect(Math.min(...times)).toBeLessThan(50)
  })

  it('and validating make no code from strings, so that it works under a strict CSP', () => {
    const script = `
      const { AppBskyFeedPost } = await import(${JSON.stringify(join(generated, 'app.bsky.js'))})
      const { catalog } = await import(${JSON.stringify(join(generated, 'catalog.js'))})
      const post = AppBskyFeedPost.createPost({ text: 'x', createdAt: '2024-01-01T00:00:00Z' })
      console.log(JSON.stringify([AppBskyFeedPost.isPost(post), catalog.validateRecord(post).ok]))`
    expect(fresh(script, ['--disallow-code-generation-from-strings'])).toEqual([true, true])
  })
})
