import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createTap, TapError } from '../src/index.ts'
import { didOf, serveTap } from './server.ts'

describe('the calls', () => {
  it('track and forget repos, and tell what is known of them', async () => {
    await using server = await serveTap({ password: 'secret' })
    const tap = createTap({ service: server.url, password: 'secret' })
    const dids = Array.from({ length: 1001 }, (_, i) => didOf(i))
    const web = 'did:web:localhost%3A3000'
    expect(await tap.health()).toBe(true)
    await tap.addRepos([...dids, web])
    await tap.removeRepos([didOf(1)])
    await tap.addRepos([])
    expect(await tap.repoInfo(didOf(2))).toEqual({
      did: didOf(2),
      handle: null,
      state: 'pending',
      rev: null,
      error: null,
      retries: 0,
      records: 0,
    })
    expect((await tap.repoInfo(web))?.did).toBe(web)
    expect(await tap.repoInfo(didOf(1))).toBe(null)
    expect(await tap.resolveDid(didOf(2))).toEqual({ id: didOf(2) })
    expect(await tap.resolveDid(didOf(1))).toBe(null)
    expect(await tap.stats()).toEqual({
      repoCount: 1001,
      recordCount: 12,
      outboxBuffer: 0,
      resyncBuffer: 0,
      cursors: { firehose: 99, listRepos: null },
    })
    const posts = server.asked.filter(({ method }) => method === 'POST')
    expect(posts.map(({ path, body }) => [path, JSON.parse(body).dids.length])).toEqual([
      ['/repos/add', 1000],
      ['/repos/add', 2],
      ['/repos/remove', 1],
    ])
  })

  it('fail with the status, and what the server said', async () => {
    await using server = await serveTap({ password: 'secret' })
    const tap = createTap({ service: server.url, password: 'wrong' })
    for (const call of [
      () => tap.health(),
      () => tap.addRepos([didOf(1)]),
      () => tap.repoInfo(didOf(1)),
      () => tap.stats(),
    ])
      await expect(call()).rejects.toMatchObject({
        code: 'refused',
        status: 401,
        message: expect.stringMatching(/^unauthorized; /),
      })
  })

  it('send nothing for what is no DID', async () => {
    await using server = await serveTap()
    const tap = createTap({ service: server.url })
    const odd = '../health' as 'did:a:b'
    for (const call of [
      () => tap.addRepos([didOf(1), odd]),
      () => tap.repoInfo(odd),
      () => tap.resolveDid(odd),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'invalid-options' })
    expect(server.asked).toEqual([])
    expect(() => createTap({ service: 'ws://x' })).toThrow(TapError)
  })

  it('fail for answers that are none, too large, too late, or elsewhere', async () => {
    const http = createServer((request, response) => {
      const path = request.url ?? ''
      if (path === '/x/stats/repo-count') response.end('{"repo_count":"1"}')
      else if (path.startsWith('/x/stats')) response.end('{}')
      else if (path.startsWith('/x/info')) response.end('{"did":"x"}')
      else if (path.startsWith('/x/resolve')) response.end(Buffer.alloc(2 * 1024 * 1024, 'x'))
      else if (path === '/x/repos/add') response.writeHead(302, { location: '/x/health' }).end()
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const service = `http://127.0.0.1:${(http.address() as AddressInfo).port}/x/`
    const tap = createTap({ service })
    const hasty = createTap({ service, timeoutMs: 200 })
    await expect(tap.stats()).rejects.toMatchObject({ code: 'invalid-answer' })
    await expect(tap.repoInfo(didOf(1))).rejects.toMatchObject({ code: 'invalid-answer' })
    await expect(tap.resolveDid(didOf(1))).rejects.toMatchObject({ code: 'too-large' })
    await expect(tap.addRepos([didOf(1)])).rejects.toMatchObject({ code: 'network' })
    await expect(hasty.health()).rejects.toMatchObject({ code: 'network' })
    http.closeAllConnections()
    http.close()
    await expect(tap.health()).rejects.toMatchObject({ code: 'network' })
  })
})
