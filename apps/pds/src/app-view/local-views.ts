import type { AccountRows } from '@avocet/accounts'
import type { JsonObject, JsonValue } from '@avocet/data'
import { parseAtUri, type Did } from '@avocet/syntax'

import { shownHandle } from '../account.ts'
import type { AskAppView } from '../proxy/ask.ts'
import { at, object, objects, OddForm, string } from './json.ts'
import type { RecentReader, RecentRecord } from './recent-records.ts'

/** Where the AppView, or this server, shows a picture. */
export type ImageUrl = (
  preset: 'avatar' | 'banner' | 'feed_thumbnail' | 'feed_fullsize',
  did: Did,
  cid: string,
) => string

/** Views of one account's own profile and posts, in the form in which the AppView would show them. */
export interface LocalViews {
  readonly did: Did
  readonly handle: string
  /** A view of the profile with what the record says; counts, labels and the rest are the AppView's. */
  profile(view: JsonObject, record: JsonObject, detail: 'basic' | 'detailed'): JsonObject
  /** @throws OddForm, and what asking the AppView for a quoted record fails with */
  post(post: RecentRecord): Promise<JsonObject>
}

/** Fields of a profile's view that its record decides. */
const OF_RECORD: Readonly<Record<'basic' | 'detailed', readonly string[]>> = {
  basic: ['displayName', 'avatar'],
  detailed: ['displayName', 'avatar', 'description', 'banner'],
}

/** Makes views for one account. */
export type CreateLocalViews = (did: Did) => Promise<LocalViews>

/** Views over what is here; quoted records are asked of the AppView, in the account's name. */
export function createLocalViews(
  accounts: AccountRows,
  recent: RecentReader,
  imageUrl: ImageUrl,
  ask: AskAppView,
): CreateLocalViews {
  return async (did) => {
    const account = await accounts.get(did)
    if (account === null) throw new OddForm('no such account')
    const handle = shownHandle(account)
    const image = (preset: Parameters<ImageUrl>[0], blob: JsonValue | undefined): string =>
      imageUrl(preset, did, string(at(blob, 'ref', '$link') ?? at(blob, 'cid')))

    const profile: LocalViews['profile'] = (view, record, detail) => {
      const { displayName, description, avatar, banner } = record
      const own: JsonObject = {
        ...shown('displayName', displayName),
        ...(avatar === undefined ? {} : { avatar: image('avatar', avatar) }),
      }
      if (detail === 'detailed') {
        Object.assign(own, shown('description', description))
        if (banner !== undefined) own['banner'] = image('banner', banner)
      }
      const replaced = OF_RECORD[detail]
      const kept = Object.entries(view).filter(([name]) => !replaced.includes(name))
      return { ...Object.fromEntries(kept), ...own }
    }

    let author: Promise<JsonObject> | undefined
    const readAuthor = async (): Promise<JsonObject> =>
      profile({ did, handle }, (await recent.profile(did)) ?? {}, 'basic')

    const picture = (embed: JsonValue): JsonObject => {
      const { images } = object(embed)
      return {
        $type: 'app.bsky.embed.images#view',
        images: objects(images).map((item) => ({
          thumb: image('feed_thumbnail', item['image']),
          fullsize: image('feed_fullsize', item['image']),
          ...shown('alt', item['alt']),
          ...shown('aspectRatio', item['aspectRatio']),
        })),
      }
    }
    const link = (embed: JsonValue): JsonObject => {
      const { uri, title, description, thumb } = object(object(embed)['external'])
      return {
        $type: 'app.bsky.embed.external#view',
        external: {
          ...shown('uri', uri),
          ...shown('title', title),
          ...shown('description', description),
          ...(thumb === undefined ? {} : { thumb: image('feed_thumbnail', thumb) }),
        },
      }
    }
    const media = (embed: JsonValue | undefined): JsonObject | null => {
      const type = at(embed, '$type')
      if (type === 'app.bsky.embed.images') return picture(embed!)
      return type === 'app.bsky.embed.external' ? link(embed!) : null
    }
    const quote = async (embed: JsonValue): Promise<JsonObject> => {
      const uri = string(at(embed, 'record', 'uri'))
      const record = (await quoted(uri, (nsid, params) => ask(did, nsid, params))) ?? {
        $type: 'app.bsky.embed.record#viewNotFound',
        uri,
        notFound: true,
      }
      return { $type: 'app.bsky.embed.record#view', record }
    }
    const embedView = async (embed: JsonValue | undefined): Promise<JsonObject | null> => {
      const type = at(embed, '$type')
      if (type === 'app.bsky.embed.record') return quote(embed!)
      if (type !== 'app.bsky.embed.recordWithMedia') return media(embed)
      const shownMedia = media(at(embed, 'media'))
      if (shownMedia === null) return null
      const record = await quote(object(at(embed, 'record')))
      return { $type: 'app.bsky.embed.recordWithMedia#view', record, media: shownMedia }
    }

    return {
      did,
      handle,
      profile,
      post: async ({ uri, cid, record, indexedAt }) => {
        const embed = await embedView(record['embed'])
        return {
          uri,
          cid,
          author: await (author ??= readAuthor()),
          record,
          ...(embed === null ? {} : { embed }),
          // Nobody can have answered what nobody has seen.
          likeCount: 0,
          replyCount: 0,
          repostCount: 0,
          quoteCount: 0,
          indexedAt,
        }
      },
    }
  }
}

/** The AppView's view of a quoted post, feed or list; null when it has none, or for another kind of record. */
async function quoted(
  uri: string,
  ask: (nsid: string, params: Record<string, string>) => Promise<JsonObject>,
): Promise<JsonObject | null> {
  const parsed = parseAtUri(uri)
  switch (parsed.ok ? parsed.value.collection : undefined) {
    case 'app.bsky.feed.post': {
      const [post] = objects((await ask('app.bsky.feed.getPosts', { uris: uri }))['posts'])
      if (post === undefined) return null
      return {
        $type: 'app.bsky.embed.record#viewRecord',
        ...shown('uri', post['uri']),
        ...shown('cid', post['cid']),
        ...shown('author', post['author']),
        ...shown('value', post['record']),
        ...shown('labels', post['labels']),
        ...(post['embed'] === undefined ? {} : { embeds: [post['embed']] }),
        ...shown('indexedAt', post['indexedAt']),
      }
    }
    case 'app.bsky.feed.generator': {
      const { view } = await ask('app.bsky.feed.getFeedGenerator', { feed: uri })
      return { $type: 'app.bsky.feed.defs#generatorView', ...object(view) }
    }
    case 'app.bsky.graph.list': {
      const { list } = await ask('app.bsky.graph.getList', { list: uri, limit: '1' })
      return { $type: 'app.bsky.graph.defs#listView', ...object(list) }
    }
    default:
      return null
  }
}

function shown(name: string, value: JsonValue | undefined): JsonObject {
  return value === undefined ? {} : { [name]: value }
}
