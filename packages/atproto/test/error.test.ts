import { DidError } from '@avocet/did'
import { XrpcClientError } from '@avocet/xrpc-client'
import { describe, expect, it } from 'vitest'

import { AtprotoError, spoken, valueOf } from '../src/error.ts'

describe('an error', () => {
  it('says which package spoke, with its code and what it knows', () => {
    const cause = new XrpcClientError('response', 'no such record', { status: 400, error: 'RecordNotFound' })
    const error = spoken('@avocet/xrpc-client', cause) as AtprotoError
    expect(error).toBeInstanceOf(AtprotoError)
    expect(error).toMatchObject({
      speaker: '@avocet/xrpc-client',
      code: 'response',
      error: 'RecordNotFound',
      cause,
    })
    expect(error.message).toBe('no such record (@avocet/xrpc-client)')
  })

  it('is named once, by who spoke first', () => {
    const inner = new AtprotoError('@avocet/did', 'not-found', 'no such DID')
    expect(spoken('@avocet/repo', inner)).toBe(inner)
  })

  it('is left as it is where nobody spoke: a fault of the program, or the reason of a signal', () => {
    for (const cause of [new TypeError('x is not a function'), 'a reason', undefined]) {
      expect(spoken('@avocet/repo', cause)).toBe(cause)
    }
    const { reason } = AbortSignal.abort()
    expect(spoken('@avocet/repo', reason)).toBe(reason)
  })

  it('comes of a result that is none', () => {
    expect(valueOf('@avocet/did', { ok: true, value: 1 })).toBe(1)
    const error = new DidError('tombstoned', 'gone')
    expect(() => valueOf('@avocet/did', { ok: false, error })).toThrow(
      expect.objectContaining({ speaker: '@avocet/did', code: 'tombstoned', error: '' }) as Error,
    )
  })
})
