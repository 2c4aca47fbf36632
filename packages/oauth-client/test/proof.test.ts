// What a proof says.
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, it } from 'vitest'

import { createDpopKey, createProof, exportDpopKey, importDpopKey, thumbprint } from '../src/dpop-key.ts'

it('says its method, its URL without query, its time, its nonce and its token', async () => {
  const key = await createDpopKey(true)
  const proof = await createProof(key, {
    method: 'POST',
    url: 'https://pds.example.com/xrpc/a.b.c?d=e#f',
    iat: 7,
    nonce: 'n',
    token: 'token',
  })
  const { payload } = await jwtVerify(
    proof,
    await crypto.subtle.importKey('jwk', key.jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']),
  )
  expect(payload).toEqual({
    jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    htm: 'POST',
    htu: 'https://pds.example.com/xrpc/a.b.c',
    iat: 7,
    nonce: 'n',
    ath: 'PEaenWxYddN6Q_NT1PiOYfz4EsZu7jRXRlpAsNpBU-A',
  })
  expect(decodeProtectedHeader(proof)).toEqual({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })
  expect(Object.keys(key.jwk)).toEqual(['kty', 'crv', 'x', 'y'])
  const bare = await createProof(key, { method: 'GET', url: 'https://a.example.com/', iat: 7, nonce: null })
  expect(JSON.parse(Buffer.from(bare.split('.')[1]!, 'base64url').toString())).not.toHaveProperty('nonce')
})

it('is of a key that can be written out and read again', async () => {
  const key = await createDpopKey(true)
  const again = await importDpopKey(await exportDpopKey(key), false)
  expect(await thumbprint(again)).toBe(await thumbprint(key))
  await expect(exportDpopKey(again)).rejects.toThrow(/extractable/)
})
