import { createCatalog, parseLexicon } from '@avocet/lexicon'
import * as StrongRef from '@avocet/lexicons/com.atproto.repo.strongRef'
import { documents as known } from '@avocet/lexicons/catalog'
import { describe, expect, it } from 'vitest'

import { catalog, documents } from '../generated/catalog.js'
import * as BskyPost from '../generated/pub.leaflet.blocks.bskyPost.js'

describe('the documents', () => {
  it('are of four namespaces, and what they refer to', () => {
    const count = (prefix: string): number => documents.filter(({ id }) => id.startsWith(prefix)).length
    expect(['pub.leaflet.', 'app.certified.', 'org.hypercerts.', 'org.hyperboards.'].map(count)).toEqual([
      25, 13, 16, 3,
    ])
    const others = documents.filter(({ id }) => !/^(pub\.leaflet|app\.certified|org\.hyper)/.test(id))
    expect(others.map(({ id }) => id)).toEqual(['app.bsky.richtext.facet', 'com.atproto.repo.strongRef'])
    // Not the copies that a source brings.
    for (const other of others) expect(other).toEqual(known.find(({ id }) => id === other.id))
  })

  it('parse, resolve each other, and compile', () => {
    for (const document of documents) expect(parseLexicon(document)).toEqual({ ok: true, value: document })
    expect([...createCatalog(documents).nsids()]).toEqual(documents.map(({ id }) => id))
    for (const { id, defs } of documents) {
      for (const [name, def] of Object.entries(defs)) {
        if (def.type === 'permission-set') continue
        expect(catalog.schema(`${id}#${name}`)?.is(undefined), `${id}#${name}`).toBe(false)
      }
    }
  })

  it('refer to the modules of the other package, types and values', () => {
    const postRef: StrongRef.Main = {
      uri: 'at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3jzfcijpj2z2a',
      cid: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a',
    }
    const post: BskyPost.Main = { postRef }
    expect(BskyPost.main.is(post)).toBe(true)
    expect(BskyPost.main.is({ postRef: { ...postRef, cid: 'none' } })).toBe(false)
  })
})
