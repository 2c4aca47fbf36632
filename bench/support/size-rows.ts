// Programs for pages, ours and the same of peers, and how large ours may be.

/** A piece of work, as modules that a bundler begins with. */
export interface SizeRow {
  readonly work: string
  readonly ours: string
  /** By package; the version is added. The first is the smallest that does the same. */
  readonly peers: Readonly<Record<string, string>>
  /** Bytes, minified and gzipped, that ours may have: a little above what it has. */
  readonly budget: number
  /** How many times the first peer's size ours may be, `multiformats` not counted. */
  readonly most?: number
  /** Where the work differs. */
  readonly note?: string
}

export const ROWS: readonly SizeRow[] = [
  {
    work: 'check a DID, a handle and an NSID, take an AT URI apart',
    ours: `export { isDid, isHandle, isNsid, parseAtUri } from '@avocet/syntax'`,
    peers: {
      '@atcute/lexicons': `export { isDid, isHandle, isNsid, parseResourceUri } from '@atcute/lexicons/syntax'`,
      '@atproto/syntax': `export { isValidDid, isValidHandle, isValidNsid, AtUri } from '@atproto/syntax'`,
    },
    budget: 900,
    most: 1.3,
  },
  {
    work: 'encode and decode records, with their CIDs by WebCrypto',
    ours: `export { decode, encode } from '@avocet/cbor'
      export { formatCid, parseCid } from '@avocet/data'
      export { cidForCbor } from '@avocet/data/web'`,
    peers: {
      '@atcute/cbor': `export { decode, encode } from '@atcute/cbor'\nexport { create, fromString, toString } from '@atcute/cid'`,
    },
    budget: 9000,
    most: 1.3,
  },
  {
    work: 'the same without promises: sha-256 in JavaScript',
    ours: `export { decode, encode } from '@avocet/cbor'\nexport { cidForCbor, formatCid, parseCid } from '@avocet/data'`,
    peers: {},
    budget: 11_250,
  },
  {
    work: 'read a repository from its CAR, nothing checked',
    ours: `export { unsafeReadRepo } from '@avocet/repo'`,
    peers: { '@atcute/repo': `export { fromStream } from '@atcute/repo'` },
    budget: 10_000,
    most: 1.3,
    note: 'no hash, no signature, as a file tells it; ours bounds what it holds, and finds a record that stands at two paths',
  },
  {
    work: 'read a repository from its CAR, all but the signature checked',
    ours: `export { readRepoBy } from '@avocet/repo'`,
    peers: {},
    budget: 18_300,
    note: 'each block by its hash, each node by its place, in bounded memory and any order of blocks; no peer does in a page',
  },
  {
    work: 'prove a repository from its CAR, by a key',
    ours: `export { readRepoBy } from '@avocet/repo'\nexport { parseDidKey, verifySignature } from '@avocet/crypto/web'`,
    peers: {},
    budget: 23_000,
    note: 'no peer does in a page',
  },
  {
    work: 'prove a record by its CAR and a key',
    ours: `export { verifyRecordProofBy } from '@avocet/repo'\nexport { parseDidKey, verifySignature } from '@avocet/crypto/web'`,
    peers: {
      '@atcute/repo': `export { verifyRecord } from '@atcute/repo'
      export { P256PublicKey, parseDidKey, Secp256k1PublicKey } from '@atcute/crypto'`,
    },
    budget: 18_900,
    most: 1.3,
    note: 'ours checks the form of the tree, and proves absence too',
  },
  {
    work: 'verify signatures of K-256 and P-256',
    ours: `export { parseDidKey, verifySignature } from '@avocet/crypto/web'`,
    peers: { '@atcute/crypto': `export { parseDidKey, verifySigWithDidKey } from '@atcute/crypto'` },
    budget: 5100,
    most: 1.3,
  },
  {
    work: 'verify signatures of K-256 and P-256, without promises',
    ours: `export { parseDidKey, verifySignature } from '@avocet/crypto'`,
    peers: { '@atproto/crypto': `export { parseDidKey, verifySignature } from '@atproto/crypto'` },
    budget: 16_500,
    note: 'no peer but with promises',
  },
  {
    work: 'call services, without schemas',
    ours: `export { createLiteClient, unwrap } from '@avocet/xrpc-client'`,
    peers: { '@atcute/client': `export { Client, simpleFetchHandler, ok } from '@atcute/client'` },
    budget: 1400,
    most: 1.3,
    note: 'ours bounds what it reads; the peer also copies a client with other settings',
  },
  {
    work: 'sign in by password, tokens renewed, and make a record, without schemas',
    ours: `import { createLiteClient, passwordSession } from '@avocet/xrpc-client'
      export const post = async (record, login) => {
        const session = await passwordSession({ service: 'https://pds.example.com', ...login })
        const input = { repo: session.did, collection: record.$type, record }
        return createLiteClient({ service: session }).post('com.atproto.repo.createRecord', { input })
      }`,
    peers: {
      '@atcute/client': `import { Client } from '@atcute/client'
      import { PasswordSession } from '@atcute/password-session'
      export const post = async (record, login) => {
        const session = await PasswordSession.login({ service: 'https://pds.example.com', ...login })
        const input = { repo: session.did, collection: record.$type, record }
        return new Client({ handler: session }).post('com.atproto.repo.createRecord', { input })
      }`,
    },
    budget: 3200,
    most: 1.3,
  },
  {
    work: 'call services by their schemas, which are not in this figure',
    ours: `export { createClient, unwrap } from '@avocet/xrpc-client'`,
    peers: {},
    budget: 10_000,
    note: 'with time limits, retries, CIDs and bytes in JSON, and checks',
  },
  {
    work: 'call getProfile, checked by its lexicon',
    ours: `import { createLiteClient } from '@avocet/xrpc-client'
      import { validateJson } from '@avocet/lexicon'
      import * as GetProfile from '@avocet/lexicons/app.bsky.actor.getProfile'
      const { nsid, params: asked, output } = GetProfile.main
      export const get = async (actor) => {
        const params = { actor }
        if (!asked.is(params)) throw new TypeError('parameters')
        const result = await createLiteClient({ service: 'https://api.example.com' }).get(nsid, { params })
        return result.ok ? validateJson(output.schema, result.value) : result
      }`,
    peers: {
      '@atcute/client': `import { Client, simpleFetchHandler } from '@atcute/client'
      import { AppBskyActorGetProfile } from '@atcute/bluesky'
      export const get = (actor) => new Client({ handler: simpleFetchHandler({ service: 'https://api.example.com' }) }).call(AppBskyActorGetProfile, { params: { actor } })`,
    },
    budget: 9650,
    most: 1.3,
    note: 'both give links and bytes as their JSON',
  },
  {
    work: 'the same, links and bytes as values',
    ours: `import { createLiteClient } from '@avocet/xrpc-client'
      import { fromJson } from '@avocet/data'
      import * as GetProfile from '@avocet/lexicons/app.bsky.actor.getProfile'
      const { nsid, output } = GetProfile.main
      export const get = async (actor) => {
        const result = await createLiteClient({ service: 'https://api.example.com' }).get(nsid, { params: { actor } })
        return result.ok ? output.schema.validate(fromJson(result.value)) : result
      }`,
    peers: {},
    budget: 14_000,
  },
  {
    work: 'the same in one call, with a time limit, retries and labelers',
    ours: `import { createClient } from '@avocet/xrpc-client'
      import * as GetProfile from '@avocet/lexicons/app.bsky.actor.getProfile'
      export const get = (actor) => createClient({ service: 'https://api.example.com' }).call(GetProfile.main, { params: { actor } })`,
    peers: {},
    budget: 17_000,
  },
  {
    work: 'check a post by its lexicon',
    ours: `import * as Post from '@avocet/lexicons/app.bsky.feed.post'
      export const check = (value) => Post.main.validate(value)`,
    peers: {
      '@atcute/lexicons': `import { AppBskyFeedPost } from '@atcute/bluesky'
      import { safeParse } from '@atcute/lexicons/validations'
      export const check = (value) => safeParse(AppBskyFeedPost.mainSchema, value)`,
    },
    budget: 7500,
    most: 1.3,
  },
  {
    work: 'find the PDS of a handle',
    ours: `export { createDidResolver, createHandleResolver, resolveAccount } from '@avocet/did'`,
    peers: {
      '@atcute/identity-resolver': `export { CompositeDidDocumentResolver, PlcDidDocumentResolver, WebDidDocumentResolver, CompositeHandleResolver,
      DohJsonHandleResolver, WellKnownHandleResolver, LocalActorResolver } from '@atcute/identity-resolver'`,
    },
    budget: 5800,
    most: 1.3,
  },
  {
    work: 'front door: sign in by password at the PDS of a handle; make, read, list, replace and delete records by their schemas',
    ours: `export { agent, signIn } from '@avocet/atproto'`,
    peers: {
      '@atproto/lex': `export { Client } from '@atproto/lex'`,
      '@atproto/api': `export { AtpAgent } from '@atproto/api'`,
    },
    budget: 19_150,
    most: 0.8,
    note: 'of the first peer the part for records alone: it signs nobody in; neither finds a PDS',
  },
  {
    work: 'front door: the same from tokens that are kept',
    ours: `export { agent, resumeSession } from '@avocet/atproto'`,
    peers: {},
    budget: 13_200,
  },
  {
    work: 'front door: the records of an account, found and proved, all or one',
    ours: `export { repo } from '@avocet/atproto'`,
    peers: {},
    budget: 36_900,
    note: 'with the resolution of handles and DIDs',
  },
  {
    work: 'sign in by OAuth in a page, accounts found; by redirect or window, sessions kept, tabs in step and told of each other',
    ours: `export { createBrowserOAuthClient, createBrowserResolver } from '@avocet/oauth-client/browser'`,
    peers: {
      '@atproto/oauth-client-browser': `export { BrowserOAuthClient } from '@atproto/oauth-client-browser'`,
    },
    budget: 12_900,
    most: 0.8,
  },
  {
    work: 'the same by redirects alone',
    ours: `export { createRedirectOAuthClient, createBrowserResolver } from '@avocet/oauth-client/browser'`,
    peers: {
      '@atcute/oauth-browser-client': `export { configureOAuth, createAuthorizationUrl, finalizeAuthorization, getSession, deleteStoredSession,
        listStoredSessions, OAuthUserAgent } from '@atcute/oauth-browser-client'
      export { LocalActorResolver, XrpcHandleResolver, CompositeDidDocumentResolver, PlcDidDocumentResolver, WebDidDocumentResolver } from '@atcute/identity-resolver'`,
    },
    budget: 12_450,
    most: 1.15,
    note: 'ours also repeats renewals whose answer was lost, minds the clock of servers and moves of accounts, bounds time and size of each answer, keeps several sessions and loses none where a store fails',
  },
  {
    work: 'the first of these without what finds accounts, which the app gives',
    ours: `export { createBrowserOAuthClient } from '@avocet/oauth-client/browser'`,
    peers: {},
    budget: 9000,
  },
  {
    work: 'the second of these without it',
    ours: `export { createRedirectOAuthClient } from '@avocet/oauth-client/browser'`,
    peers: {
      '@atcute/oauth-browser-client': `export { configureOAuth, createAuthorizationUrl, finalizeAuthorization, getSession, deleteStoredSession,
        listStoredSessions, OAuthUserAgent } from '@atcute/oauth-browser-client'`,
    },
    budget: 8600,
    most: 1.35,
    note: 'as above',
  },
  {
    work: 'rich text: detect mentions, links and tags; build; cut into pieces',
    ours: `export { detect, build, mention, link, tag, segment } from '@avocet/richtext'`,
    peers: {
      '@atcute/bluesky-richtext-parser': `export { tokenize } from '@atcute/bluesky-richtext-parser'
      export { default as RichtextBuilder } from '@atcute/bluesky-richtext-builder'
      export { segmentize } from '@atcute/bluesky-richtext-segmenter'`,
      '@atproto/api': `export { RichText } from '@atproto/api'`,
    },
    budget: 1660,
    most: 0.8,
    note: 'the first peer with its builder and segmenter; it gives tokens, in UTF-16, and neither checks what is built nor facets of strangers',
  },
  {
    work: 'rich text: the same from what somebody typed, mentions resolved, addresses without a scheme found',
    ours: `export { annotate, isUsualTld, build, mention, link, tag, segment } from '@avocet/richtext'`,
    peers: { '@atproto/api': `export { RichText } from '@atproto/api'` },
    budget: 2480,
    most: 0.8,
  },
  {
    work: 'rich text: everything, also truncated, and to and from Markdown',
    ours: `export * from '@avocet/richtext'`,
    peers: { '@atproto/api': `export { RichText } from '@atproto/api'` },
    budget: 3700,
    most: 0.8,
    note: 'the peer has no Markdown',
  },
  {
    work: 'labels: which of an answer are in force',
    ours: `export { mergeLabels } from '@avocet/labels'`,
    peers: {},
    budget: 1000,
  },
  {
    work: 'labels: verify one',
    ours: `export { verifyLabelBy } from '@avocet/labels'\nexport { parseMultikey, verifySignature } from '@avocet/crypto/web'`,
    peers: {
      '@atcute/crypto': `export { parsePublicMultikey, Secp256k1PublicKey, P256PublicKey } from '@atcute/crypto'\nexport { encode } from '@atcute/cbor'`,
    },
    budget: 8050,
    most: 1.3,
    note: 'the peer with its encoder; it checks no field',
  },
  {
    work: 'labels: verify one, without promises',
    ours: `export { verifyLabel } from '@avocet/labels'\nexport { parseMultikey } from '@avocet/crypto'`,
    peers: {},
    budget: 19_400,
    note: 'no peer but with promises',
  },
  {
    work: 'labels: follow a labeler, each label verified, and say what is in force',
    ours: `export { subscribeLabels, createLabelSet } from '@avocet/labels'`,
    peers: {},
    budget: 33_500,
  },
]
