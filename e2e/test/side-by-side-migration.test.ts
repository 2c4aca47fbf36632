// Accounts move between the reference PDS and Avocet's, both ways, by a stock client; strangers' tools check what arrived.
import { AtpAgent } from '@atproto/api'
import { IdResolver } from '@atproto/identity'
import { verifyRepoCar } from '@atproto/repo'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { move, recordsOf, signUpLegacyMover, signUpMover } from '../side-by-side/migrate.ts'
import { findReference, startSides, type Sides } from '../side-by-side/servers.ts'

const reference = await findReference()

describe.skipIf(!reference.ok)('an account moves', () => {
  let sides: Sides

  beforeAll(async () => {
    // With this setting the reference sends clients that move an account back to the server they come from.
    if (reference.ok) sides = await startSides(reference, { PDS_ENABLE_DID_DOC_WITH_SESSION: 'false' })
  }, 100_000)
  afterAll(async () => {
    await sides?.stop()
  })

  test.each([
    {
      from: 'reference',
      to: 'avocet',
      name: 'mona',
      signUp: signUpMover,
      what: 'posts, a picture and preferences',
    },
    {
      from: 'avocet',
      to: 'reference',
      name: 'nora',
      signUp: signUpMover,
      what: 'posts, a picture and preferences',
    },
    {
      from: 'reference',
      to: 'avocet',
      name: 'oskar',
      signUp: signUpLegacyMover,
      what: 'a picture in the legacy form',
    },
    {
      from: 'avocet',
      to: 'reference',
      name: 'paula',
      signUp: signUpLegacyMover,
      what: 'a picture in the legacy form',
    },
  ] as const)('from $from to $to, with $what', async ({ from, to, name, signUp }) => {
    const [old, next] = [sides[from], sides[to]]
    const mover = await signUp(old, name)
    const { did, blobs } = mover
    const before = await recordsOf(mover.agent, did)

    const { agent, missing } = await move(mover, old, next)
    expect(missing.toSorted()).toEqual([...blobs.keys()].toSorted())
    const { data: status } = await agent.com.atproto.server.checkAccountStatus()
    expect(status).toMatchObject({
      activated: true,
      validDid: true,
      indexedRecords: before.size,
      expectedBlobs: blobs.size,
      importedBlobs: blobs.size,
    })

    const document = await new IdResolver({ plcUrl: sides.plcUrl, fetch }).did.resolveAtprotoData(did)
    expect(document).toMatchObject({ did, handle: mover.handle, pds: next.url })
    const stranger = new AtpAgent({ service: next.url })
    expect(await recordsOf(stranger, did)).toEqual(before)
    for (const [cid, bytes] of blobs) {
      const blob = await stranger.com.atproto.sync.getBlob({ did, cid })
      expect([Buffer.compare(blob.data, bytes), blob.headers['content-type']]).toEqual([0, 'image/png'])
    }
    const { data: held } = await agent.app.bsky.actor.getPreferences()
    expect(held.preferences).toEqual(mover.preferences)

    // The reference signs with its own key from the first write on; until then it has the archive's commit.
    const { uri, cid } = await agent.post({ text: 'here now' })
    const after = new Map(before).set(uri, cid)
    expect(await recordsOf(stranger, did)).toEqual(after)
    const { data: car } = await stranger.com.atproto.sync.getRepo({ did })
    const verified = await verifyRepoCar(car, did, document.signingKey)
    expect(
      new Set(verified.creates.map(({ collection, rkey }) => `at://${did}/${collection}/${rkey}`)),
    ).toEqual(new Set(after.keys()))
    const left = new AtpAgent({ service: old.url })
    const { data: gone } = await left.com.atproto.sync.getRepoStatus({ did })
    expect(gone).toEqual({ did, active: false, status: 'deactivated' })
    await expect(mover.agent.post({ text: 'still here' })).rejects.toMatchObject({
      status: 401,
      error: 'AccountDeactivated',
    })
  })
})
