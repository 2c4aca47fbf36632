// Identity: what a cached answer costs, what a thousand waiters ask of a directory, what verifying a log costs.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { DidResolver as PeerResolver, MemoryCache } from '@atproto/identity'
import { Secp256k1Keypair } from '@atproto/crypto'
import { createServiceJwt as createPeerJwt, verifyJwt as verifyPeerJwt } from '@atproto/xrpc-server'
import { createKeypair } from '@avocet/crypto'
import { nativeVerifier } from '@avocet/crypto-native'
import { createDidResolver, signingKey, withCache } from '@avocet/did'
import {
  createOperation,
  didForOperation,
  operationToDidDocument,
  signOperation,
  updateOperation,
  verifyLog,
  type SignedOperation,
} from '@avocet/plc'
import { createServiceJwt, verifyServiceJwt } from '@avocet/service-auth'
import { validateOperationLog } from '@did-plc/lib'

import { compare, save } from './support/compare.ts'

const [recovery, rotation] = [createKeypair('k256'), createKeypair('k256')]
const genesis = await signOperation(
  createOperation({
    rotationKeys: [recovery.didKey, rotation.didKey],
    signingKey: rotation.didKey,
    handle: 'alice.example.com',
    pds: 'https://pds.example.com',
  }),
  rotation,
)
const did = didForOperation(genesis)
const document = JSON.stringify(operationToDidDocument(did, genesis))

let requests = 0
const server = createServer((_, response) => {
  requests++
  response.setHeader('content-type', 'application/json').end(document)
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const plcUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

// A document, and its key, from memory.
const cached = withCache(createDidResolver({ plcUrl }))
const peer = new PeerResolver({ plcUrl, didCache: new MemoryCache(), fetch })
const BATCH = 1_000
await compare(
  'resolve a cached DID',
  { unit: 'resolutions', items: BATCH },
  {
    avocet: async () => {
      for (let i = 0; i < BATCH; i++) await cached.resolve(did)
    },
    '@atproto/identity': async () => {
      for (let i = 0; i < BATCH; i++) await peer.resolve(did)
    },
  },
)
await compare(
  'signing key of a cached DID',
  { unit: 'keys', items: BATCH },
  {
    avocet: async () => {
      for (let i = 0; i < BATCH; i++) {
        const result = await cached.resolve(did)
        if (!result.ok || signingKey(result.value) === null) throw result
      }
    },
    '@atproto/identity': async () => {
      for (let i = 0; i < BATCH; i++) await peer.resolveAtprotoKey(did)
    },
  },
)

// Requests that reach the directory for one DID nobody knows yet.
const ask = async (resolve: () => Promise<unknown>): Promise<number> => {
  requests = 0
  await Promise.all(Array.from({ length: 1_000 }, resolve))
  return requests
}
const fresh = withCache(createDidResolver({ plcUrl }))
const freshPeer = new PeerResolver({ plcUrl, didCache: new MemoryCache(), fetch })
const ours = await ask(() => fresh.resolve(did))
const theirs = await ask(() => freshPeer.resolve(did))
console.log(`1 000 concurrent misses for one DID: ${ours} request; @atproto/identity ${theirs} requests`)
if (ours !== 1) throw new Error(`expected 1 request, the directory got ${ours}`)

// 100 operations: genesis and 99 updates, signed by the second of two rotation keys.
const log: SignedOperation[] = [genesis]
for (let i = 1; i < 100; i++) {
  log.push(await signOperation(updateOperation(log.at(-1)!, { handle: `h${i}.example.com` }), rotation))
}
if (!verifyLog(did, log).ok) throw new Error('the log does not verify')
const native = { verify: nativeVerifier() }
await compare(
  'verify a did:plc log of 100 operations',
  { unit: 'operations', items: 100 },
  {
    avocet: () => verifyLog(did, log),
    '@did-plc/lib': () => validateOperationLog(did, log as never),
    'avocet with crypto-native': () => verifyLog(did, log, native),
  },
)

// A service token.
const theirKey = await Secp256k1Keypair.create()
const claims = { iss: did, aud: 'did:web:api.example.com', lxm: 'com.example.getThing' }
const jwt = await createServiceJwt({ ...claims, signer: rotation, expiresIn: 3_000 })
const peerJwt = await createPeerJwt({
  ...claims,
  keypair: theirKey,
  exp: Math.floor(Date.now() / 1000) + 3_000,
})
await compare(
  'verify a service token',
  { unit: 'tokens' },
  {
    avocet: () =>
      verifyServiceJwt(jwt, {
        audience: claims.aud,
        lxm: claims.lxm,
        resolveKey: () => rotation.publicKey,
      }),
    '@atproto/xrpc-server': () =>
      verifyPeerJwt(peerJwt, claims.aud, claims.lxm, () => Promise.resolve(theirKey.did())),
  },
)

server.close()
server.closeAllConnections()
save('did')
