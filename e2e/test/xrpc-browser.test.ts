// The client in a real browser, calling a local server of another origin: session, calls, blobs, streams.
import { fileURLToPath } from 'node:url'

import { cidForRaw } from '@avocet/data'
import {
  ComAtprotoRepoGetRecord,
  ComAtprotoRepoListRecords,
  ComAtprotoRepoUploadBlob,
  ComAtprotoServerCreateSession,
  ComAtprotoServerGetSession,
  ComAtprotoServerRefreshSession,
  ComAtprotoSyncGetBlob,
  ComAtprotoSyncSubscribeRepos,
} from '@avocet/lexicons/com.atproto'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, respond, type Router } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'
import { bundlePage, hasChromium, launchChromium, servePages } from '@avocet/testing/chromium'
import { describe, expect, test } from 'vitest'

import type { PageReport } from '../support/xrpc-page.ts'

const did = 'did:web:alice.test' as const
const time = '2026-01-01T00:00:00.000Z'

/** A PDS of one account, whose first access token has expired. */
function createService(): Router {
  let token = 1
  const blobs = new Map<string, Uint8Array>()
  const session = (n: number) =>
    ({ did, handle: 'alice.test', accessJwt: `access-${n}`, refreshJwt: `refresh-${n}` }) as const
  const auth = ({ header }: { header: (name: string) => string | null }): { did: typeof did } => {
    if (header('authorization') !== 'Bearer access-2')
      throw new XrpcError(400, 'ExpiredToken', 'Token has expired')
    return { did }
  }
  const uri = (rkey: string) => `at://${did}/com.example.note/${rkey}` as const
  const cid = cidForRaw(new Uint8Array()).toString()
  return createRouter()
    .add(ComAtprotoServerCreateSession.main, ({ input }) => {
      if (input.password !== 'secret')
        throw new XrpcError(401, 'AuthenticationRequired', 'Invalid identifier or password')
      return session(token)
    })
    .add(ComAtprotoServerRefreshSession.main, ({ header }) => {
      if (header('authorization') !== `Bearer refresh-${token}`)
        throw new XrpcError(400, 'InvalidToken', 'No such token')
      token += 1
      return session(token)
    })
    .add(ComAtprotoServerGetSession.main, {
      auth,
      handler: (context) => ({ did: context.auth.did, handle: 'alice.test' as const }),
    })
    .add(ComAtprotoRepoListRecords.main, ({ params }) => {
      const from = Number(params.cursor ?? 0)
      const records = [0, 1, 2, 3, 4]
        .slice(from, from + params.limit)
        .map((n) => ({ uri: uri(String(n)), cid, value: {} }))
      return { records, ...(from + params.limit < 5 ? { cursor: String(from + params.limit) } : {}) }
    })
    .add(ComAtprotoRepoGetRecord.main, ({ params, header }) => {
      if (header('atproto-accept-labelers') !== 'did:web:labels.example.com')
        throw new XrpcError(400, 'InvalidRequest', 'no labelers')
      if (params.rkey === 'none') throw new XrpcError(400, 'RecordNotFound', 'Could not locate record')
      return respond({
        body: { uri: uri(params.rkey), cid, value: {} },
        headers: { 'atproto-repo-rev': '3jzfcijpj2z2a' },
      })
    })
    .add(ComAtprotoRepoUploadBlob.main, {
      auth,
      handler: async ({ input, encoding }) => {
        const bytes = new Uint8Array(await new Response(input).arrayBuffer())
        const ref = cidForRaw(bytes)
        blobs.set(ref.toString(), bytes)
        return { blob: { $type: 'blob' as const, ref, mimeType: encoding ?? '', size: bytes.length } }
      },
    })
    .add(ComAtprotoSyncGetBlob.main, ({ params, header }) => {
      const bytes = blobs.get(params.cid)!
      return respond({ encoding: 'text/plain', body: header('x-spoil') === null ? bytes : bytes.slice(1) })
    })
    .add(ComAtprotoSyncSubscribeRepos.main, async function* ({ params, signal }) {
      const from = params.cursor ?? 0
      if (from > 1000) throw new XrpcError(400, 'FutureCursor', 'Cursor in the future.')
      // Breaks off after 25 messages, so that whoever wants more comes back.
      for (let seq = from + 1; seq <= from + 25 && !signal.aborted; seq++) {
        yield { $type: '#identity', seq, did, time, handle: 'alice.test' }
      }
    })
}

describe.skipIf(!hasChromium('the client of XRPC'))('the client in Chromium', () => {
  test('does what it does on Node', async () => {
    const code = await bundlePage(fileURLToPath(new URL('../support/xrpc-page.ts', import.meta.url)))
    // Nothing of Node, and nothing that a page's content security policy would have to allow.
    expect(code).not.toMatch(/from ["']node:|require\(["']node:|\beval\(|new Function\(/)
    await using service = await serve({ router: createService() })
    await using pages = await servePages(new Map([['/page.js', code]]), {
      'content-security-policy': `default-src 'none'; script-src 'self'; connect-src ${service.url} ${service.url.replace('http', 'ws')}`,
    })
    await using browser = await launchChromium()
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    await page.goto(pages.origin)
    // As text: the test's own transformation of `import()` knows nothing of pages.
    const report = (await page.evaluate(
      `import('/page.js').then(({ runPage }) => runPage(${JSON.stringify(service.url)}))`,
    )) as PageReport
    expect(problems).toEqual([])
    expect(report).toEqual({
      handle: 'alice.test',
      updates: 2,
      rkeys: ['0', '1', '2', '3', '4'],
      blob: 'hello from a page',
      wrongHash: 'wrong-hash ',
      missing: 'response RecordNotFound',
      rev: '3jzfcijpj2z2a',
      loginError: 'response AuthenticationRequired',
      seqs: Array.from({ length: 60 }, (_, i) => i + 1),
      connections: 3,
      slow: { count: 100, connections: expect.any(Number), inOrder: true },
      future: 'stream FutureCursor',
    })
    expect(report.slow.connections).toBeGreaterThanOrEqual(4)
  })
})
