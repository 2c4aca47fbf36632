import { describe, expect, test } from 'vitest'
import { parseDidKey, parseVerificationMethod, verifySignature } from '../src/index.ts'
import { fromBase64, readFixtureText } from '@avocet/testing'

const vectors = JSON.parse(
  (await readFixtureText('interop/crypto/signature-fixtures.json')) ?? '[]',
) as Array<{
  comment: string
  messageBase64: string
  didDocSuite: string
  publicKeyDid: string
  publicKeyMultibase: string
  signatureBase64: string
  validSignature: boolean
}>

describe.skipIf(vectors.length === 0)('interop signature vectors', () => {
  test.each(vectors)('$comment', (vector) => {
    const key = parseDidKey(vector.publicKeyDid)
    const method = parseVerificationMethod(vector.didDocSuite, vector.publicKeyMultibase)
    expect(key).toEqual(method)
    const verdict =
      key.ok &&
      verifySignature(key.value, fromBase64(vector.messageBase64), fromBase64(vector.signatureBase64))
    expect(verdict).toBe(vector.validSignature)
  })
})
