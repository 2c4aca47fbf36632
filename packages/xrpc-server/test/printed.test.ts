// Failures that nobody expected are printed, unless somebody is told of them.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { XrpcError } from '@avocet/xrpc'
import { createRouter, printFailure, respond } from '../src/index.ts'
import { nodeHandler, serve } from '../src/node/index.ts'
import { catalog } from './methods.ts'

const call = new Request('http://x/xrpc/com.example.echo?text=a')
const failure = new Error('the disk is full')

let printed: unknown[][]
beforeEach(() => {
  printed = []
  vi.spyOn(console, 'error').mockImplementation((...args: unknown[]) => void printed.push(args))
})
afterEach(() => vi.restoreAllMocks())

function failing(error: unknown, options: object = {}): ReturnType<typeof createRouter> {
  return createRouter({ catalog, ...options }).add('com.example.echo', () => {
    throw error
  })
}

describe('a router without onError', () => {
  it('prints a failure with the method and the id of the request, and answers without it', async () => {
    const response = await failing(failure).fetch(new Request(call, { headers: { 'x-request-id': 'r1' } }))
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({ error: 'InternalServerError', message: 'Internal Server Error' })
    expect(printed).toEqual([['unexpected failure; nsid=com.example.echo request=r1', failure]])
  })

  it('prints an answer that is not what the method has', async () => {
    const router = createRouter({ catalog }).add('com.example.echo', () => ({ mesage: 'typo' }))
    expect((await router.fetch(call)).status).toBe(500)
    expect(printed).toHaveLength(1)
    expect(String(printed[0]![1])).toContain('com.example.echo')
  })

  it('prints nothing that was expected', async () => {
    expect((await failing(new XrpcError(400, 'Nope')).fetch(call)).status).toBe(400)
    const mapError = (): XrpcError => new XrpcError(409, 'Taken')
    expect((await failing(failure, { mapError }).fetch(call)).status).toBe(409)
    expect(printed).toEqual([])
  })

  it('prints what a caller sends on one line: no line is made up by a header', async () => {
    const request = new Request(call, { headers: { 'x-request-id': 'not an id' } })
    await failing(failure).fetch(request)
    expect(printed[0]![0]).toMatch(/^unexpected failure; nsid=com\.example\.echo request=[\w.-]+$/)
    await createRouter({ fallback: () => Promise.reject(failure) }).fetch(
      new Request('http://x/xrpc/com.example.a'),
    )
    expect(printed[1]![0]).toMatch(/^unexpected failure; nsid=com\.example\.a request=/)
  })
})

it('a router with onError prints nothing itself', async () => {
  const onError = vi.fn()
  await failing(failure, { onError }).fetch(call)
  expect(onError).toHaveBeenCalledExactlyOnceWith(
    failure,
    expect.objectContaining({ nsid: 'com.example.echo' }),
  )
  expect(printed).toEqual([])
  await failing(failure, { onError: () => {} }).fetch(call)
  expect(printed).toEqual([])
})

it('the server prints what fails beside the router and after an answer began', async () => {
  const router = createRouter({ catalog }).add('com.example.download', () =>
    respond({
      encoding: 'application/vnd.ipld.car',
      body: (async function* () {
        yield new Uint8Array(10)
        throw failure
      })(),
    }),
  )
  await using server = await serve({ router, fetch: () => Promise.reject(new Error('no page')) })
  expect((await fetch(`${server.url}/page`)).status).toBe(500)
  expect(printed).toEqual([['unexpected failure', new Error('no page')]])
  printed.length = 0
  await fetch(`${server.url}/xrpc/com.example.download`)
    .then(
      (response) => response.arrayBuffer(),
      () => null,
    )
    .catch(() => null)
  expect(printed).toEqual([['unexpected failure', failure]])

  printed.length = 0
  const own = createServer(nodeHandler(router)).listen(0, '127.0.0.1')
  await new Promise((resolve) => own.once('listening', resolve))
  const { port } = own.address() as AddressInfo
  await fetch(`http://127.0.0.1:${port}/xrpc/com.example.download`)
    .then((response) => response.arrayBuffer())
    .catch(() => null)
  expect(printed).toEqual([['unexpected failure', failure]])
  own.closeAllConnections()
  await new Promise((resolve) => own.close(resolve))
})

it('the default can be called by those who do more', async () => {
  const onError: typeof printFailure = (error, where) => printFailure(error, where)
  await failing(failure, { onError }).fetch(call)
  expect(printed).toHaveLength(1)
})

describe('a method by its NSID', () => {
  it('is refused with the reason, without a catalog and by one', () => {
    const handler = (): object => ({})
    expect(() => createRouter().add('com.example.echo', handler)).toThrow(
      new TypeError('a method by its NSID needs the option catalog; nsid=com.example.echo'),
    )
    expect(() => createRouter({ catalog }).add('com.example.none', handler)).toThrow(
      new TypeError('no such method in the catalog; nsid=com.example.none'),
    )
  })
})
