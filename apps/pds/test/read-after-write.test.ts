/** What an AppView does not know yet of the caller's own writes is put into its answers. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { failure, startNetwork, type Answer, type TestAccount, type TestNetwork } from './network.ts'
import { sql } from '@avocet/testing/pds-rows'
import { echo, startService, type SeenRequest, type StubAnswer, type StubService } from './stub-service.ts'

let net: TestNetwork
let view: StubService
let alice: TestAccount
/** The revision that the AppView has got to, and what it answers. */
let rev: string
let body: unknown
let type: string | undefined

beforeAll(async () => {
  view = await startService([], (did) => {
    const last = net.directory.log(did).at(-1) as unknown as { verificationMethods: Record<string, string> }
    return last.verificationMethods['atproto']
  })
  net = await startNetwork({
    config: {
      appView: { url: view.url, did: view.did },
      appViewImages: 'https://cdn.example.com/img/%s/plain/%s/%s@jpeg',
    },
  })
})
afterAll(async () => {
  await net[Symbol.asyncDispose]()
  await view[Symbol.asyncDispose]()
})
beforeEach(async () => {
  alice = await net.account()
  // Something that the AppView has seen.
  rev = (
    await write('app.bsky.feed.like', { subject: { uri: 'at://x.test/a.b.c/d', cid: CID }, createdAt: NOW })
  ).rev
  type = undefined
  view.answer = () => answer()
})

const CID = 'bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq'
const NOW = '2026-01-01T00:00:00.000Z'
const answer = (): StubAnswer => ({
  headers: {
    'atproto-repo-rev': rev,
    'atproto-content-labelers': 'did:plc:x',
    ...(type === undefined ? {} : { 'content-type': type }),
  },
  body,
})

interface Written {
  readonly uri: string
  readonly cid: string
  readonly rev: string
}

async function write(
  collection: string,
  record: object,
  rkey?: string,
  token = alice.accessJwt,
  repo = alice.did,
): Promise<Written> {
  const { status, body: made } = await net.post(
    `com.atproto.repo.${rkey === 'self' ? 'putRecord' : 'createRecord'}`,
    {
      token,
      input: {
        repo,
        collection,
        record: { $type: collection, ...record },
        ...(rkey === undefined ? {} : { rkey }),
      },
    },
  )
  if (status !== 200) throw new Error(JSON.stringify(made))
  return { uri: made.uri, cid: made.cid, rev: made.commit.rev }
}
const writePost = (text: string, more: object = {}): Promise<Written> =>
  write('app.bsky.feed.post', { text, createdAt: NOW, ...more })
const profile = (displayName: string, more: object = {}): Promise<Written> =>
  write('app.bsky.actor.profile', { displayName, ...more }, 'self')
const picture = async (name: string) =>
  (
    await net.post('com.atproto.repo.uploadBlob', {
      token: alice.accessJwt,
      bytes: new Uint8Array(Buffer.from(name)),
      type: 'image/png',
    })
  ).body.blob as { ref: { $link: string } }

const ask = (nsid: string, params: Record<string, string> = {}): Promise<Answer> =>
  net.get(nsid, { token: alice.accessJwt, params })
const author = () => ({ did: alice.did, handle: alice.handle, displayName: 'Old' })
const foreign = (n: number, indexedAt: string) => ({
  post: {
    uri: `at://did:plc:foreign/app.bsky.feed.post/${n}`,
    cid: CID,
    author: { did: 'did:plc:foreign', handle: 'foreign.test', displayName: 'Old' },
    record: { $type: 'app.bsky.feed.post', text: 'theirs', createdAt: NOW },
    indexedAt,
  },
})
const lag = (answered: Answer): number => Number(answered.headers.get('atproto-upstream-lag') ?? Number.NaN)

describe('a profile that changed', () => {
  test('is seen by its owner in getProfile', async () => {
    const avatar = await picture('face')
    await profile('New', { description: 'about', avatar })
    body = {
      ...author(),
      description: 'old',
      banner: 'https://old.example.com',
      followersCount: 7,
      later: [1],
    }
    const got = await ask('app.bsky.actor.getProfile', { actor: alice.did })
    expect(got.body).toEqual({
      did: alice.did,
      handle: alice.handle,
      displayName: 'New',
      description: 'about',
      avatar: `https://cdn.example.com/img/avatar/plain/${alice.did}/${avatar.ref.$link}@jpeg`,
      followersCount: 7,
      later: [1],
    })
    expect(lag(got)).toBeGreaterThanOrEqual(0)
    expect(lag(got)).toBeLessThan(60_000)
    expect(got.headers.get('atproto-content-labelers')).toBe('did:plc:x')
    expect(got.headers.get('atproto-repo-rev')).toBe(rev)
    expect(view.seen.at(-1)!.token).toMatchObject({ lxm: 'app.bsky.actor.getProfile', signed: true })
  })

  test('of somebody else is left as it is', async () => {
    await profile('New')
    body = { ...author(), did: 'did:plc:foreign' }
    expect((await ask('app.bsky.actor.getProfile', { actor: 'foreign.test' })).body).toEqual(body)
  })

  test('is seen in getProfiles, and in the posts of getActorLikes and getAuthorFeed', async () => {
    await profile('New')
    body = { profiles: [author(), { did: 'did:plc:foreign', displayName: 'Old' }] }
    const profiles = (await ask('app.bsky.actor.getProfiles', { actors: alice.did })).body
      .profiles as object[]
    expect(profiles).toMatchObject([{ displayName: 'New' }, { displayName: 'Old' }])
    const own = { ...foreign(1, NOW), post: { ...foreign(1, NOW).post, author: author() } }
    for (const nsid of ['app.bsky.feed.getActorLikes', 'app.bsky.feed.getAuthorFeed']) {
      body = { feed: [own, foreign(2, NOW)], cursor: 'c' }
      const got = (await ask(nsid, { actor: alice.did })).body
      expect(got.feed.map((item: any) => item.post.author.displayName)).toEqual(['New', 'Old'])
      expect(got.cursor).toBe('c')
    }
  })
})

describe('posts that the AppView has not seen', () => {
  test('are in the timeline, newest first, between those of others', async () => {
    await profile('Alice')
    const later = new Date(Date.now() + 60_000).toISOString()
    const first = await writePost('one')
    const second = await writePost('two')
    body = { feed: [foreign(1, later), foreign(2, NOW)], cursor: 'next' }
    const got = await ask('app.bsky.feed.getTimeline')
    expect(got.body.feed.map(({ post: { uri } }: any) => uri)).toEqual([
      foreign(1, NOW).post.uri,
      second.uri,
      first.uri,
      foreign(2, NOW).post.uri,
    ])
    expect(got.body.feed[1].post).toEqual({
      uri: second.uri,
      cid: second.cid,
      author: { did: alice.did, handle: alice.handle, displayName: 'Alice' },
      record: { $type: 'app.bsky.feed.post', text: 'two', createdAt: NOW },
      likeCount: 0,
      replyCount: 0,
      repostCount: 0,
      quoteCount: 0,
      indexedAt: expect.any(String) as string,
    })
    expect(got.body.cursor).toBe('next')
  })

  test('tell how far behind the AppView is by the oldest of them', async () => {
    const old = await writePost('old')
    await writePost('new')
    const hour = new Date(Date.now() - 3_600_000).toISOString()
    sql(net, 'UPDATE record SET indexed_at = ? WHERE rkey = ?', hour, old.uri.split('/').at(-1)!)
    body = { feed: [] }
    const answered = lag(await ask('app.bsky.feed.getTimeline'))
    expect(answered).toBeGreaterThanOrEqual(3_600_000)
    expect(answered).toBeLessThan(3_660_000)
  })

  test('come once, and not on a later page, nor below its end', async () => {
    const { uri } = await writePost('one')
    const known = { post: { ...foreign(1, new Date().toISOString()).post, uri } }
    body = { feed: [known, foreign(2, NOW)] }
    expect((await ask('app.bsky.feed.getTimeline')).body).toEqual(body)
    body = { feed: [foreign(2, NOW)] }
    expect((await ask('app.bsky.feed.getTimeline', { cursor: 'page2' })).body).toEqual(body)
    body = { feed: [foreign(2, new Date(Date.now() + 60_000).toISOString())] }
    expect((await ask('app.bsky.feed.getTimeline')).body).toEqual(body)
    body = { feed: [] }
    expect((await ask('app.bsky.feed.getTimeline')).body.feed.length).toBe(1)
  })

  test('are in the own author feed, as far as its filter goes, and in no other', async () => {
    const plain = await writePost('plain')
    const parent = { uri: plain.uri, cid: plain.cid }
    const toSelf = await writePost('to myself', { reply: { root: parent, parent } })
    const their = { uri: 'at://did:plc:foreign/app.bsky.feed.post/1', cid: CID }
    const toOther = await writePost('to them', { reply: { root: their, parent: their } })
    const image = await picture('cat')
    const withImage = await writePost('look', {
      embed: { $type: 'app.bsky.embed.images', images: [{ image, alt: 'a cat' }] },
    })
    body = { feed: [] }
    const feed = async (params: Record<string, string>) =>
      ((await ask('app.bsky.feed.getAuthorFeed', params)).body.feed as any[]).map(
        (item) => item.post.uri as string,
      )
    const all = [withImage.uri, toOther.uri, toSelf.uri, plain.uri]
    expect(await feed({ actor: alice.did })).toEqual(all)
    expect(await feed({ actor: alice.handle, filter: 'posts_with_replies' })).toEqual(all)
    expect(await feed({ actor: alice.did, filter: 'posts_no_replies' })).toEqual([withImage.uri, plain.uri])
    expect(await feed({ actor: alice.did, filter: 'posts_with_media' })).toEqual([withImage.uri])
    expect(await feed({ actor: alice.did, filter: 'posts_with_video' })).toEqual([])
    expect(await feed({ actor: alice.did, filter: 'posts_and_author_threads' })).toEqual([
      withImage.uri,
      toSelf.uri,
      plain.uri,
    ])
    expect(await feed({ actor: 'did:plc:foreign' })).toEqual([])
  })

  test('show their pictures, links and quotes', async () => {
    const image = await picture('cat')
    const link = `https://cdn.example.com/img/feed_thumbnail/plain/${alice.did}/${image.ref.$link}@jpeg`
    const full = link.replace('feed_thumbnail', 'feed_fullsize')
    const images = {
      $type: 'app.bsky.embed.images',
      images: [{ image, alt: 'a cat', aspectRatio: { width: 1, height: 2 } }],
    }
    const imagesView = {
      $type: 'app.bsky.embed.images#view',
      images: [{ thumb: link, fullsize: full, alt: 'a cat', aspectRatio: { width: 1, height: 2 } }],
    }
    const external = { uri: 'https://example.com', title: 't', description: 'd' }
    const quoted = { uri: 'at://did:plc:foreign/app.bsky.feed.post/9', cid: CID }
    const gone = { uri: 'at://did:plc:foreign/app.bsky.feed.post/404', cid: CID }
    const record = { $type: 'app.bsky.embed.record', record: quoted }
    await writePost('1', { embed: images })
    await writePost('2', {
      embed: { $type: 'app.bsky.embed.external', external: { ...external, thumb: image } },
    })
    await writePost('3', { embed: record })
    await writePost('4', { embed: { $type: 'app.bsky.embed.recordWithMedia', record, media: images } })
    await writePost('5', { embed: { $type: 'app.bsky.embed.record', record: gone } })
    await writePost('6', { embed: { $type: 'com.example.embed', any: 1 } })
    const asked: SeenRequest[] = []
    view.answer = (request) => {
      if (request.nsid !== 'app.bsky.feed.getPosts') return answer()
      asked.push(request)
      const uri = request.query.get('uris')!
      if (uri === gone.uri) return { body: { posts: [] } }
      return { body: { posts: [{ ...foreign(9, NOW).post, uri, labels: [], embed: { $type: 'x' } }] } }
    }
    body = { feed: [] }
    const quote = {
      $type: 'app.bsky.embed.record#view',
      record: {
        $type: 'app.bsky.embed.record#viewRecord',
        uri: quoted.uri,
        cid: CID,
        author: foreign(9, NOW).post.author,
        value: foreign(9, NOW).post.record,
        labels: [],
        embeds: [{ $type: 'x' }],
        indexedAt: NOW,
      },
    }
    const embeds = ((await ask('app.bsky.feed.getTimeline')).body.feed as any[]).map(
      (item) => item.post.embed as unknown,
    )
    expect(embeds.toReversed()).toEqual([
      imagesView,
      { $type: 'app.bsky.embed.external#view', external: { ...external, thumb: link } },
      quote,
      { $type: 'app.bsky.embed.recordWithMedia#view', record: quote, media: imagesView },
      {
        $type: 'app.bsky.embed.record#view',
        record: { $type: 'app.bsky.embed.record#viewNotFound', uri: gone.uri, notFound: true },
      },
      undefined,
    ])
    expect(asked.every(({ token }) => token?.signed && token.lxm === 'app.bsky.feed.getPosts')).toBe(true)
  })

  test('are in the thread they answer', async () => {
    const root = { uri: 'at://did:plc:foreign/app.bsky.feed.post/1', cid: CID }
    const reply = await writePost('reply', { reply: { root, parent: root } })
    const nested = await writePost('nested', { reply: { root, parent: { uri: reply.uri, cid: reply.cid } } })
    await writePost('elsewhere')
    const thread = (post: object, more: object = {}) => ({
      $type: 'app.bsky.feed.defs#threadViewPost',
      post,
      ...more,
    })
    body = { thread: thread(foreign(1, NOW).post, { replies: [thread(foreign(2, NOW).post)] }) }
    const got = (await ask('app.bsky.feed.getPostThread', { uri: root.uri })).body.thread
    expect(got.replies.map((item: any) => item.post.uri)).toEqual([reply.uri, foreign(2, NOW).post.uri])
    expect(got.replies[0].replies.map((item: any) => item.post.uri)).toEqual([nested.uri])
    body = { thread: { $type: 'app.bsky.feed.defs#blockedPost', uri: root.uri, blocked: true } }
    expect((await ask('app.bsky.feed.getPostThread', { uri: root.uri })).body).toEqual(body)
  })
})

describe('a thread that the AppView does not have', () => {
  const notFound = (): StubAnswer => ({
    status: 400,
    headers: { 'atproto-repo-rev': rev },
    body: { error: 'NotFound', message: 'Post not found' },
  })

  test('is made of what is here, with the AppView’s parents', async () => {
    const root = { uri: 'at://did:plc:foreign/app.bsky.feed.post/1', cid: CID }
    const reply = await writePost('reply', { reply: { root, parent: root } })
    const nested = await writePost('nested', { reply: { root, parent: { uri: reply.uri, cid: reply.cid } } })
    const parent = { $type: 'app.bsky.feed.defs#threadViewPost', post: foreign(1, NOW).post }
    view.answer = ({ query }) => (query.get('uri') === root.uri ? { body: { thread: parent } } : notFound())
    for (const uri of [reply.uri, reply.uri.replace(alice.did, alice.handle)]) {
      const got = await ask('app.bsky.feed.getPostThread', { uri, parentHeight: '3' })
      expect(got.status).toBe(200)
      expect(got.body.thread).toMatchObject({
        $type: 'app.bsky.feed.defs#threadViewPost',
        post: { uri: reply.uri },
        parent,
        replies: [{ post: { uri: nested.uri } }],
      })
      expect(lag(got)).toBeGreaterThanOrEqual(0)
      expect(view.seen.at(-1)!.query.toString()).toBe(
        new URLSearchParams({ uri: root.uri, parentHeight: '3', depth: '0' }).toString(),
      )
      expect(view.seen.at(-1)!.token).toMatchObject({ lxm: 'app.bsky.feed.getPostThread', signed: true })
    }
    // Parents that cannot be had are left out.
    view.answer = () => notFound()
    const got = await ask('app.bsky.feed.getPostThread', { uri: reply.uri })
    expect([got.status, got.body.thread.parent]).toEqual([200, undefined])
  })

  test('stays not found when it is not here either, or not the caller’s', async () => {
    const { uri } = await writePost('mine')
    const bob = await net.account()
    const theirs = await write(
      'app.bsky.feed.post',
      { text: 'x', createdAt: NOW },
      undefined,
      bob.accessJwt,
      bob.did,
    )
    view.answer = () => notFound()
    for (const asked of [`${uri}x`, theirs.uri, 'nonsense', uri.replace('feed.post', 'feed.like')]) {
      expect(failure(await ask('app.bsky.feed.getPostThread', { uri: asked }))).toBe('400 NotFound')
    }
    view.answer = () => ({ status: 400, body: { error: 'NotFound' } })
    expect(failure(await ask('app.bsky.feed.getPostThread', { uri }))).toBe('400 NotFound')
  })
})

describe('the AppView’s answer is handed on as it is', () => {
  test.each([
    ['without a revision', () => void (rev = '')],
    ['with a revision that is none', () => void (rev = 'zzz')],
    ['when it is up to date', async () => void (rev = (await writePost('last')).rev)],
    ['when it is ahead', () => void (rev = '3zzzzzzzzzzzz')],
    ['when it has seen nothing of this repository', () => void (rev = '2222222222222')],
    ['when it is no JSON', () => void (type = 'text/plain')],
  ])('%s', async (_, change) => {
    await writePost('one')
    body = { feed: [] }
    await change()
    const got = await ask('app.bsky.feed.getTimeline')
    expect(Buffer.from(got.bytes).toString()).toBe('{"feed":[]}')
    expect(got.headers.has('atproto-upstream-lag')).toBe(false)
  })

  test.each([
    '{"feed":',
    '[]',
    'null',
    '{"feed":{}}',
    '{"feed":[null]}',
    '{"feed":[{"post":7}]}',
    '{"feed":[{"post":{"indexedAt":5}}]}',
    '{}',
  ])('when it is not what the method answers: %s', async (odd) => {
    await profile('New')
    await writePost('one')
    for (const nsid of ['getTimeline', 'getAuthorFeed', 'getActorLikes', 'getPostThread']) {
      view.answer = () => ({
        headers: { 'content-type': 'application/json', 'atproto-repo-rev': rev },
        body: odd,
      })
      const got = await fetch(
        `${net.pds.url}/xrpc/app.bsky.feed.${nsid}?actor=${alice.did}&uri=at://a.test`,
        { headers: { authorization: `Bearer ${alice.accessJwt}` } },
      )
      expect([got.status, await got.text()]).toEqual([200, odd])
    }
  })

  test('when it is larger than what is taken apart', async () => {
    await writePost('one')
    for (const [size, changed] of [
      [2 * 1024 * 1024 - 100, true],
      [2 * 1024 * 1024 + 100, false],
    ] as const) {
      body = { feed: [], pad: 'x'.repeat(size) }
      const got = await ask('app.bsky.feed.getTimeline')
      expect(got.body.pad.length).toBe(size)
      expect(got.body.feed.length).toBe(changed ? 1 : 0)
    }
  })

  test('when a quote cannot be asked for', async () => {
    const quoted = { uri: 'at://did:plc:foreign/app.bsky.feed.post/9', cid: CID }
    await writePost('3', { embed: { $type: 'app.bsky.embed.record', record: quoted } })
    body = { feed: [] }
    view.answer = ({ nsid }) => (nsid === 'app.bsky.feed.getPosts' ? { status: 500 } : answer())
    expect((await ask('app.bsky.feed.getTimeline')).body).toEqual(body)
  })

  test('when it nests without end', async () => {
    const root = { uri: 'at://did:plc:foreign/app.bsky.feed.post/1', cid: CID }
    const parent = { uri: 'at://did:plc:foreign/app.bsky.feed.post/far', cid: CID }
    await writePost('to the root', { reply: { root, parent: root } })
    await writePost('to what is not shown', { reply: { root, parent } })
    const level = `{"$type":"app.bsky.feed.defs#threadViewPost","post":${JSON.stringify(foreign(2, NOW).post)},"replies":[`
    const top = level.replace('post/2', 'post/1')
    const odd = `{"thread":${top}${level.repeat(2000)}${']}'.repeat(2001)}}`
    view.answer = () => ({
      headers: { 'content-type': 'application/json', 'atproto-repo-rev': rev },
      body: odd,
    })
    const got = await ask('app.bsky.feed.getPostThread', { uri: root.uri })
    expect(got.status).toBe(200)
    expect(got.body.thread.replies.length).toBe(2)
  })

  test('when it is a refusal', async () => {
    await writePost('one')
    view.answer = () => ({ status: 429, headers: { 'atproto-repo-rev': rev }, body: { error: 'SlowDown' } })
    expect(failure(await ask('app.bsky.feed.getTimeline'))).toBe('429 SlowDown')
    view.answer = echo
  })
})

test('at most ten records are put in, and none that was taken down', async () => {
  const uris: string[] = []
  for (let i = 0; i < 12; i++) uris.push((await writePost(`post ${i}`)).uri)
  body = { feed: [] }
  const feed = async () =>
    ((await ask('app.bsky.feed.getTimeline')).body.feed as any[]).map((item) => item.post.uri as string)
  expect(await feed()).toEqual(uris.slice(0, 10).toReversed())
  const subject = { $type: 'com.atproto.repo.strongRef', uri: uris[0], cid: CID }
  await net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: { subject, takedown: { applied: true, ref: 'x' } },
  })
  expect(await feed()).toEqual(uris.slice(1, 11).toReversed())
})

test('a profile that was taken down is not shown beside own posts', async () => {
  const made = await profile('A name that was taken down')
  const subject = { $type: 'com.atproto.repo.strongRef', uri: made.uri, cid: made.cid }
  await net.post('com.atproto.admin.updateSubjectStatus', {
    admin: true,
    input: { subject, takedown: { applied: true } },
  })
  const { uri } = await writePost('hello')
  body = { feed: [] }
  const { feed } = (await ask('app.bsky.feed.getTimeline')).body
  expect(feed.map((item: any) => [item.post.uri, item.post.author.displayName])).toEqual([[uri, undefined]])
})
