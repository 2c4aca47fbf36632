// Ten thousand texts, made by rule, before our detection and that of @atproto/api. Wherever the two differ, the difference is one of those
// written down here, with its reason; and one that no text shows is taken off the list.
import { AppBskyRichtextFacet, RichText } from '@atproto/api'
import * as AppBskyFeedPost from '@avocet/lexicons/app.bsky.feed.post'
import * as LexiconFacet from '@avocet/lexicons/app.bsky.richtext.facet'
import { annotate, detect, segment, truncate, type Detected, type Segment } from '@avocet/richtext'
import { isTld } from '@avocet/richtext/tlds'
import { isHandle } from '@avocet/syntax'
import { createPosts, createRandom, fuzzRounds } from '@avocet/testing'
import { describe, expect, it } from 'vitest'

const TEXTS = fuzzRounds(10_000, 200_000)

/** Something found, in bytes, and the text that it is. */
type Found = {
  readonly kind: Detected['kind']
  readonly value: string
  readonly start: number
  readonly end: number
  readonly text: string
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

function findTheirs(text: string): Found[] {
  const rich = new RichText({ text })
  rich.detectFacetsWithoutResolution()
  const bytes = encoder.encode(text)
  return (rich.facets ?? []).map(({ index, features: [feature] }) => {
    const { byteStart: start, byteEnd: end } = index
    const place = { start, end, text: decoder.decode(bytes.subarray(start, end)) }
    if (AppBskyRichtextFacet.isMention(feature)) return { kind: 'mention', value: feature.did, ...place }
    if (AppBskyRichtextFacet.isLink(feature)) return { kind: 'link', value: feature.uri, ...place }
    if (AppBskyRichtextFacet.isTag(feature)) return { kind: 'tag', value: feature.tag, ...place }
    throw new Error(`an unknown feature; type=${feature?.$type}`)
  })
}

const findOurs = (text: string): Found[] =>
  detect(text, { isTld }).map(({ kind, value, byteStart, byteEnd, start, end }) => ({
    kind,
    value,
    start: byteStart,
    end: byteEnd,
    text: text.slice(start, end),
  }))

/** What differs at one place: what theirs has there, and what ours has, of one kind. */
type Case = {
  readonly theirs?: Found
  readonly ours?: Found
  /** The text before and from there on. */
  readonly before: string
  readonly after: string
  /** All of ours, and all of theirs. */
  readonly all: readonly Found[]
  readonly given: readonly Found[]
}

type Difference = { readonly name: string; readonly reason: string; readonly holds: (one: Case) => boolean }

const isNaked = (found: Found | undefined): boolean =>
  found?.kind === 'link' && !/^https?:\/\//i.test(found.text)
const hostOf = (text: string): string => /^[\w.-]*\w|/.exec(text)![0]
const tldOf = (host: string): string => host.slice(host.lastIndexOf('.') + 1)
/** What theirs has more of. */
const restOf = ({ theirs, ours }: Case): string | null =>
  theirs && ours && theirs.text.startsWith(ours.text) ? theirs.text.slice(ours.text.length) : null

const isRefused = ({ kind, value }: Found): boolean =>
  kind === 'tag'
    ? encoder.encode(value).length > 640 || !value.isWellFormed()
    : kind === 'link' &&
      (value.length > 8192 || /[\p{Cc}\p{Cs}]/u.test(value) || /^https?:\/\/[.,;:!?)]*$/.test(value))

const DIFFERENCES: readonly Difference[] = [
  {
    name: 'facets that overlap',
    reason: 'a facet within another cannot be shown; of two, ours has the one that begins first',
    holds: ({ theirs, ours, all }) =>
      theirs !== undefined &&
      !ours &&
      all.some(({ start, end }) => start < theirs.start && theirs.start < end),
  },
  {
    name: 'names that cannot be handles',
    reason:
      'no account can have one (two dots in a row, a label that begins or ends with a hyphen, …), so no resolver is asked',
    holds: ({ theirs, ours }) => theirs?.kind === 'mention' && !ours && !isHandle(theirs.value),
  },
  {
    name: 'handles of domains that are not known',
    reason:
      'whether there is an account is for the resolver to say, which knows of new domains, and of those in other scripts (xn--)',
    holds: ({ theirs, ours }) =>
      ours?.kind === 'mention' &&
      !theirs &&
      (!isTld(tldOf(ours.value)) || tldOf(ours.value).startsWith('xn--')),
  },
  {
    name: 'schemes in capitals',
    reason: 'a scheme is one in any case (RFC 3986, 3.1), and phones begin sentences with a capital letter',
    holds: ({ theirs, ours }) =>
      ours?.kind === 'link' && !theirs && /^https?:/i.test(ours.text) && !ours.text.startsWith('http'),
  },
  {
    name: 'punctuation behind links',
    reason:
      'all of it belongs to the sentence, as in "https://example.com...", and so does a parenthesis that was opened before the link',
    holds: (one) => one.theirs?.kind === 'link' && /^[.,;:!?)]+$/.test(restOf(one) ?? ''),
  },
  {
    name: 'what is glued to a host name',
    reason:
      "an address without a scheme is a host, a port and what follows a slash; theirs links to https://example.com's",
    holds: (one) =>
      isNaked(one.theirs) &&
      !/[/?#]/.test(one.ours?.text ?? '/') &&
      (/:\d+$/.test(one.ours!.text) ? /^[^\d/?#]/ : /^[^\w/?#]/).test(restOf(one) ?? ''),
  },
  {
    name: 'what is no host name',
    reason:
      'theirs finds example.com in example.com-pany, example.com_a and an.address.com@example.org, and links to all of it',
    holds: ({ theirs, ours, after }) => {
      const host = hostOf(after)
      return (
        isNaked(theirs) &&
        !ours &&
        (!isHandle(host) || !isTld(tldOf(host)) || after.charAt(host.length) === '@')
      )
    },
  },
  {
    name: 'host names with hyphens',
    reason:
      'theirs has no hyphens in addresses without a scheme: my-site.org is none, nor is one in the ASCII form of another script',
    holds: ({ theirs, ours }) => isNaked(ours) && !theirs && hostOf(ours!.text).includes('-'),
  },
  {
    name: 'tags in parentheses',
    reason:
      'mentions, links and cashtags may follow a parenthesis in theirs, and tags may not (bluesky-social/atproto#2723)',
    holds: ({ theirs, ours, before }) => ours?.kind === 'tag' && !theirs && before.endsWith('('),
  },
  {
    name: 'links behind what only looks like an address',
    reason: 'theirs passes over the rest of a word that begins like "e.g", with a link in parentheses in it',
    holds: ({ theirs, ours, before }) =>
      ours?.kind === 'link' && !theirs && /(?:^|[\s(])[a-z][a-z\d]*(?:\.[a-z\d]+)+\S*\($/i.test(before),
  },
  {
    name: 'tags that no record may have',
    reason: 'the lexicon takes 640 bytes, and no record can hold half a surrogate pair',
    holds: ({ theirs, ours }) => theirs?.kind === 'tag' && !ours && isRefused(theirs),
  },
  {
    name: 'links that no record may have',
    reason:
      'the lexicon takes URIs of at most 8 KB with something behind the scheme, without controls; no record can hold half a surrogate pair',
    holds: ({ theirs, ours }) => theirs?.kind === 'link' && !ours && isRefused(theirs),
  },
  {
    name: 'what is within those',
    reason:
      'a part of a refused link or tag, or of a tag of more than 64 characters, is not what the writer meant',
    holds: ({ theirs, ours, before, given }) =>
      theirs !== undefined &&
      !ours &&
      (/(?:^|[\s(])[#＃]\S*\($/.test(before) ||
        given.some((one) => isRefused(one) && one.start < theirs.start && theirs.start < one.end)),
  },
]

/** A fault of theirs that may come together with any other difference: for hosts that begin with `http`, the scheme is left out. */
const HTTP_HOSTS = 'hosts that begin with http'
const isHttpHost = (found: Found): boolean => isNaked(found) && found.text.startsWith('http')

const key = ({ kind, value, start, end }: Found): string => JSON.stringify([kind, value, start, end])
const keys = (list: readonly Found[]): Set<string> => new Set(list.map(key))

/** Where the two differ in a text. */
function casesOf(text: string, count: (name: string) => void): Case[] {
  const bytes = encoder.encode(text)
  const all = findOurs(text)
  const given = findTheirs(text).map((found) => {
    if (!isHttpHost(found)) return found
    count(HTTP_HOSTS)
    return { ...found, value: `https://${found.value}` }
  })
  const place = (start: number): Pick<Case, 'before' | 'after' | 'all' | 'given'> => ({
    all,
    given,
    before: decoder.decode(bytes.subarray(0, start)),
    after: decoder.decode(bytes.subarray(start)),
  })
  const [inAll, inGiven] = [keys(all), keys(given)]
  const rest = new Set(all.filter((found) => !inGiven.has(key(found))))
  const cases: Case[] = []
  for (const found of given) {
    if (inAll.has(key(found))) continue
    const other = [...rest].find(({ kind, start }) => kind === found.kind && start === found.start)
    if (other) rest.delete(other)
    cases.push({ theirs: found, ...(other && { ours: other }), ...place(found.start) })
  }
  for (const found of rest) cases.push({ ours: found, ...place(found.start) })
  return cases
}

// Records take what comes out, and what they hold goes in: without a cast.
type Post = AppBskyFeedPost.Main
const asPost = async (text: string): Promise<Pick<Post, 'text' | 'facets'>> => annotate(text)
const piecesOf = (post: Post): Segment<LexiconFacet.Main>[] => segment(post)
const shortened = (post: Post): Pick<Post, 'text' | 'facets'> => truncate(post, { graphemes: 300 })

it('fits the types of records', async () => {
  const post: Post = {
    ...(await asPost('#a')),
    $type: 'app.bsky.feed.post',
    createdAt: '2026-11-22T12:00:00Z',
  }
  expect(AppBskyFeedPost.main.validate(post)).toMatchObject({ ok: true })
  expect(piecesOf(post)).toHaveLength(1)
  expect(shortened(post)).toEqual({ text: '#a', facets: post.facets })
})

it('leaves a handle that is not found as it is, where theirs makes a mention of nobody', async () => {
  const nobody = {
    com: { atproto: { identity: { resolveHandle: () => Promise.reject(new Error('nobody')) } } },
  }
  const rich = new RichText({ text: '@bob.test' })
  await rich.detectFacets(nobody as unknown as Parameters<RichText['detectFacets']>[0])
  expect(rich.facets?.map(({ features }) => features[0])).toEqual([
    { $type: 'app.bsky.richtext.facet#mention', did: '' },
  ])
  expect(LexiconFacet.main.validate(rich.facets?.[0])).toMatchObject({ ok: false })
  expect(await annotate('@bob.test', { resolve: () => Promise.resolve(null) })).toEqual({
    text: '@bob.test',
    facets: [],
  })
})

describe('what is found in a text', () => {
  it('is what @atproto/api finds, but for the differences written down', () => {
    const next = createPosts(createRandom(14), { lone: true })
    const seen = new Map<string, number>()
    const count = (name: string): void => void seen.set(name, (seen.get(name) ?? 0) + 1)
    let same = 0
    for (let i = 0; i < TEXTS; i++) {
      const text = next()
      const cases = casesOf(text, count)
      if (cases.length === 0) same++
      for (const one of cases) {
        const difference = DIFFERENCES.find(({ holds }) => holds(one))
        if (difference === undefined)
          expect.fail(
            `not a difference that is meant: ${JSON.stringify({ text, theirs: one.theirs, ours: one.ours })}`,
          )
        count(difference.name)
      }
    }
    console.log(`${same} of ${TEXTS} texts without a difference`, Object.fromEntries(seen))
    expect([...seen.keys()].toSorted()).toEqual(
      [HTTP_HOSTS, ...DIFFERENCES.map(({ name }) => name)].toSorted(),
    )
  })

  it('is valid by the lexicon, and cut by theirs as by ours', () => {
    const next = createPosts(createRandom(15))
    for (let i = 0; i < TEXTS / 2; i++) {
      const text = next()
      const facets = detect(text, { isTld }).map(
        ({ kind, value, byteStart, byteEnd }): LexiconFacet.Main => ({
          index: { byteStart, byteEnd },
          features: [
            kind === 'mention'
              ? { $type: 'app.bsky.richtext.facet#mention', did: 'did:plc:vwzwgnygau7ed7b7wt5ux7y2' }
              : kind === 'link'
                ? { $type: 'app.bsky.richtext.facet#link', uri: value }
                : { $type: 'app.bsky.richtext.facet#tag', tag: value },
          ],
        }),
      )
      for (const facet of facets) expect(LexiconFacet.main.validate(facet)).toMatchObject({ ok: true })
      const cut = segment({ text, facets })
      expect(cut.map((piece) => piece.text).join('')).toBe(text)
      // Theirs cuts an empty text into an empty piece.
      if (text === '') continue
      const theirCut = [...new RichText({ text, facets }).segments()]
      // Theirs loses the byte order mark that a piece begins with.
      const plain = (piece: string): string => piece.replace(/^\ufeff+/, '')
      expect(cut.map((piece) => [plain(piece.text), piece.facet])).toEqual(
        theirCut.map((piece) => [plain(piece.text), piece.facet]),
      )
    }
  })
})
