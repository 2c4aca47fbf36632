// Steps 4 and 5: the CAR, the commit block, and its signature.

import { encode } from '@avocet/cbor'
import type { DataObject } from '@avocet/data'
import type { FailureReason } from '../../reasons.ts'
import { block, forge, type Forgery } from '../forge.ts'
import { derSignature, highS } from '../signatures.ts'
import type { Case, Group } from '../script.ts'
import { type Account, blocksOf, carOf, create, type World } from '../world.ts'
import { attempt, goesOn, settled } from './accounts.ts'

type Prepared = { readonly world: World; readonly account: Account; readonly body: DataObject }

/** One commit, refused for one reason; then the stream goes on. */
function refusedCase(
  group: Group,
  name: string,
  reason: FailureReason,
  about: string,
  make: (prepared: Prepared & { forged: (forgery: Forgery) => Promise<DataObject> }) => Promise<DataObject>,
): Case {
  return {
    name,
    group,
    about,
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const body = world.event(commit)
      const forged = (forgery: Forgery): Promise<DataObject> => forge(world, account, commit, forgery)
      script.reject(reason, '#commit', await make({ world, account, body, forged }))
      await goesOn(script, world, account)
    },
  }
}

/** Changes one byte. */
function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at < 0 ? copy.length + at : at]! ^= 1
  return copy
}

/** The CAR and the commit block. */
export const BLOCK_CASES: readonly Case[] = [
  refusedCase('blocks', 'car-garbage', 'car-malformed', '`blocks` is not a CAR.', async ({ body }) => ({
    ...body,
    blocks: new TextEncoder().encode('not a CAR at all'),
  })),
  refusedCase(
    'blocks',
    'car-truncated',
    'car-malformed',
    'The CAR ends inside a block.',
    async ({ body }) => ({
      ...body,
      blocks: (body['blocks'] as Uint8Array).slice(0, -3),
    }),
  ),
  refusedCase(
    'blocks',
    'block-changed',
    'block-hash-mismatch',
    'One byte of a block is changed.',
    async ({ body }) => ({
      ...body,
      blocks: flip(body['blocks'] as Uint8Array, -1),
    }),
  ),
  refusedCase(
    'blocks',
    'commit-cid-forged',
    'car-root-mismatch',
    'The envelope names another commit.',
    async ({ body }) => ({
      ...body,
      commit: block({ another: 'commit' }).cid,
    }),
  ),
  refusedCase(
    'blocks',
    'commit-block-missing',
    'commit-missing',
    'The CAR holds all but the commit.',
    async ({ body, forged }) => forged({ drop: [body['commit'] as never] }),
  ),
  refusedCase(
    'blocks',
    'rev-forged',
    'commit-rev-mismatch',
    'The envelope says another rev than is signed.',
    async ({ world, body }) => ({
      ...body,
      rev: world.nextRev(body['rev'] as never),
    }),
  ),
  refusedCase(
    'blocks',
    'did-forged',
    'commit-did-mismatch',
    'A commit of one account is shown as another one’s.',
    async ({ world, body }) => ({ ...body, repo: world.createAccount().did }),
  ),
  refusedCase('blocks', 'commit-version-2', 'commit-version', 'A commit of version 2.', async ({ forged }) =>
    forged({ commit: { version: 2 } }),
  ),
  refusedCase(
    'blocks',
    'commit-without-data',
    'commit-malformed',
    'A commit that names no tree.',
    async ({ forged }) => forged({ commit: { data: null } }),
  ),
]

/** The signature and the key. */
export const SIGNATURE_CASES: readonly Case[] = [
  refusedCase(
    'signature',
    'foreign-key',
    'signature-invalid',
    'Signed by somebody else’s key.',
    async ({ world, forged }) => forged({ signer: world.createAccount().keypair }),
  ),
  refusedCase(
    'signature',
    'signature-changed',
    'signature-invalid',
    'One bit of the signature is changed; all hashes fit.',
    async ({ account, forged }) => forged({ signer: changed(account, (sig) => flip(sig, 40)) }),
  ),
  refusedCase(
    'signature',
    'high-s',
    'signature-invalid',
    'The other form of the signature (high S), which anybody can compute.',
    async ({ account, forged }) =>
      forged({ signer: changed(account, (sig) => highS(sig, account.keypair.curve)) }),
  ),
  refusedCase(
    'signature',
    'der-signature',
    'commit-malformed',
    'The signature in DER form.',
    async ({ account, forged }) => forged({ signer: changed(account, derSignature) }),
  ),
  refusedCase(
    'signature',
    'signature-empty',
    'commit-malformed',
    'An empty signature.',
    async ({ account, forged }) => forged({ signer: changed(account, () => new Uint8Array(0)) }),
  ),
  {
    name: 'commit-unsigned',
    group: 'signature',
    about: 'A commit block without a signature.',
    async build(script, world) {
      const account = await settled(script, world)
      const commit = await attempt(world, account, create('g'))
      const { did, rev, data } = commit
      const bytes = encode({ did, version: 3, data, rev, prev: null }).slice()
      const { cid } = block({ did, version: 3, data, rev, prev: null })
      const blocks = blocksOf(commit)
      blocks.delete(commit.commit)
      blocks.set(cid, bytes)
      script.reject('commit-malformed', '#commit', {
        ...world.event(commit),
        commit: cid,
        blocks: carOf(cid, blocks),
      })
      await goesOn(script, world, account)
    },
  },
  {
    name: 'old-key-after-rotation',
    group: 'signature',
    about: 'After an announced rotation a commit signed with the old key.',
    async build(script, world) {
      const account = await settled(script, world)
      const { did, handle } = account
      const old = account.keypair
      script.change(world.rotateKey(account))
      script.accept('#identity', { did, handle, time: world.time() })
      const commit = await world.commit(account, [create('g')], { signer: old, keep: false })
      script.reject('signature-invalid', '#commit', world.event(commit))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'did-not-found',
    group: 'signature',
    about: 'A commit of a DID that does not resolve.',
    async build(script, world) {
      const account = await settled(script, world)
      const unknown = world.createAccount()
      world.missing.add(unknown.did)
      script.reject('identity-unresolved', '#commit', world.event(await world.commit(unknown, [create('a')])))
      await goesOn(script, world, account)
    },
  },
  {
    name: 'did-without-key',
    group: 'signature',
    about: 'A commit of a DID whose document has no #atproto key.',
    async build(script, world) {
      const account = await settled(script, world)
      const keyless = world.createAccount()
      world.keyless.add(keyless.did)
      script.reject('key-missing', '#commit', world.event(await world.commit(keyless, [create('a')])))
      await goesOn(script, world, account)
    },
  },
]

function changed(account: Account, change: (signature: Uint8Array) => Uint8Array): Account['keypair'] {
  const { keypair } = account
  return {
    curve: keypair.curve,
    didKey: keypair.didKey,
    publicKey: keypair.publicKey,
    exportPrivateKey: () => keypair.exportPrivateKey(),
    sign: async (message) => change(await keypair.sign(message)),
  }
}
