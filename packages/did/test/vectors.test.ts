import { readFixtureText } from '@avocet/testing'
import { describe, expect, it } from 'vitest'
import { createDidResolver, createHandleResolver } from '../src/index.ts'

const did = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'

async function lines(name: string): Promise<string[] | null> {
  const text = await readFixtureText(`interop/syntax/${name}.txt`)
  return text === null ? null : text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

const files = {
  handlesValid: await lines('handle_syntax_valid'),
  handlesInvalid: await lines('handle_syntax_invalid'),
  didsValid: await lines('did_syntax_valid'),
  didsInvalid: await lines('did_syntax_invalid'),
}
const { handlesValid, handlesInvalid, didsValid, didsInvalid } = files

describe.skipIf(Object.values(files).includes(null))('interoperability vectors', () => {
  let asked: string[] = []
  const handles = createHandleResolver({
    allowTestTld: true,
    fetch: null,
    dns: (name) => {
      asked.push(name)
      return Promise.resolve({ ok: true, value: [`did=${did}`] })
    },
  })
  const fetch = (url: string): Promise<Response> => {
    asked.push(url)
    return Promise.resolve(new Response('', { status: 404 }))
  }
  const dids = createDidResolver({ fetch, plcFetch: fetch, allowLoopback: true })

  it.each(handlesValid ?? [])('handle %s is asked for in lower case, or reserved', async (handle) => {
    asked = []
    const result = await handles.resolve(handle as `${string}.${string}`)
    if (result.ok) expect(asked).toEqual([`_atproto.${handle.toLowerCase()}`])
    else expect([result.error.code, asked]).toEqual(['reserved-handle', []])
  })

  it.each(handlesInvalid ?? [])('handle %j is never asked for', async (handle) => {
    asked = []
    const result = await handles.resolve(handle as `${string}.${string}`)
    expect(!result.ok && result.error.code).toBe('invalid-handle')
    expect(asked).toEqual([])
  })

  it.each(didsValid ?? [])('DID %s is asked for, or of another method or shape', async (value) => {
    asked = []
    const result = await dids.resolve(value as `did:${string}:${string}`)
    const code = !result.ok && result.error.code
    expect(['not-found', 'unsupported-method', 'invalid-did']).toContain(code)
    expect(asked.length).toBe(code === 'not-found' ? 1 : 0)
  })

  it.each(didsInvalid ?? [])('DID %j is never asked for', async (value) => {
    asked = []
    const result = await dids.resolve(value as `did:${string}:${string}`)
    expect(!result.ok && result.error.code).toBe('invalid-did')
    expect(asked).toEqual([])
  })
})
