// Service tokens exchanged with the npm packages @atproto/xrpc-server and @atproto/crypto, both ways.
import { P256Keypair, Secp256k1Keypair } from '@atproto/crypto'
import { createServiceJwt as createTheirs, verifyJwt as verifyTheirs } from '@atproto/xrpc-server'
import { createKeypair, parseDidKey, type PublicKey } from '@avocet/crypto'
import { createServiceJwt, verifyServiceJwt } from '@avocet/service-auth'
import { describe, expect, it } from 'vitest'

const iss = 'did:plc:ewvi7nxzyoun6zhxrhs64oiz'
const aud = 'did:web:api.example.com'
const lxm = 'com.example.getThing'

const publicKey = (didKey: string): PublicKey => {
  const parsed = parseDidKey(didKey)
  if (!parsed.ok) throw new Error(parsed.error.message)
  return parsed.value
}

describe.each(['k256', 'p256'] as const)('%s', (curve) => {
  const ours = createKeypair(curve)
  const newTheirs = (): Promise<Secp256k1Keypair | P256Keypair> =>
    curve === 'k256' ? Secp256k1Keypair.create() : P256Keypair.create()

  it('our token passes their check', async () => {
    const jwt = await createServiceJwt({ iss, aud, lxm, signer: ours })
    const asked: unknown[] = []
    const payload = await verifyTheirs(jwt, aud, lxm, (did, forceRefresh) => {
      asked.push([did, forceRefresh])
      return Promise.resolve(ours.didKey)
    })
    expect(payload).toMatchObject({ iss, aud, lxm, jti: expect.any(String) as string })
    expect(asked).toEqual([[iss, false]])
  })

  it('our token of a service passes their check', async () => {
    const jwt = await createServiceJwt({ iss: `${iss}#atproto_labeler`, aud, lxm, signer: ours })
    const payload = await verifyTheirs(jwt, aud, lxm, () => Promise.resolve(ours.didKey))
    expect(payload.iss).toBe(`${iss}#atproto_labeler`)
  })

  it('they refuse ours where it does not hold', async () => {
    const key = (): Promise<string> => Promise.resolve(ours.didKey)
    const jwt = await createServiceJwt({ iss, aud, lxm, signer: ours })
    await expect(verifyTheirs(jwt, 'did:web:other.example.com', lxm, key)).rejects.toThrow('audience')
    await expect(verifyTheirs(jwt, aud, 'com.example.other', key)).rejects.toThrow('lxm')
    await expect(
      verifyTheirs(jwt, aud, lxm, () => Promise.resolve(createKeypair(curve).didKey)),
    ).rejects.toThrow('signature')
    const old = await createServiceJwt({ iss, aud, lxm, signer: ours, now: () => Date.now() - 120_000 })
    await expect(verifyTheirs(old, aud, lxm, key)).rejects.toThrow('expired')
  })

  it('their token passes our check, after a rotation too', async () => {
    const keypair = await newTheirs()
    const jwt = await createTheirs({ iss, aud, lxm, keypair })
    const resolveKey = (): PublicKey => publicKey(keypair.did())
    expect(await verifyServiceJwt(jwt, { audience: aud, lxm, resolveKey })).toMatchObject({
      ok: true,
      value: { iss, did: iss, aud, lxm, jti: expect.any(String) as string },
    })
    const rotated = await verifyServiceJwt(jwt, {
      audience: aud,
      lxm,
      resolveKey: (_, { forceRefresh }) => (forceRefresh ? resolveKey() : ours.publicKey),
    })
    expect(rotated).toMatchObject({ ok: true })
  })

  it('we refuse theirs where it does not hold', async () => {
    const keypair = await newTheirs()
    const resolveKey = (): PublicKey => publicKey(keypair.did())
    const code = async (params: { lxm?: string | null; exp?: number }, method = lxm): Promise<string> => {
      const jwt = await createTheirs({ iss, aud, lxm, keypair, ...params })
      const result = await verifyServiceJwt(jwt, { audience: aud, lxm: method, resolveKey })
      return result.ok ? 'ok' : result.error.code
    }
    expect(await code({})).toBe('ok')
    expect(await code({ lxm: null })).toBe('wrong-method')
    expect(await code({ lxm: null }, 'any')).toBe('ok')
    expect(await code({ exp: Math.floor(Date.now() / 1000) - 60 })).toBe('expired')
    const jwt = await createTheirs({ iss, aud, lxm, keypair })
    const strange = await verifyServiceJwt(jwt, { audience: aud, lxm, resolveKey: () => ours.publicKey })
    expect(strange).toMatchObject({ error: { code: 'bad-signature' } })
  })
})
