import { RepoServerError, type RepoHost, type RepoServerStore } from '@avocet/repo-server'
import type { Did } from '@avocet/syntax'
import { streamOf } from '@avocet/xrpc-server'

import { shownHandle } from '../../account.ts'
import type { PublicAddress } from '../../identity/address.ts'
import type { PageLimit } from '../page-limits.ts'
import { archivePage } from '../views/account/archive.ts'
import { FormProblem, type Owner, type OwnerForm, type OwnerPage } from './owner-page.ts'

/** What the page of exports composes. */
export interface ArchivePageParts {
  readonly host: Pick<RepoHost, 'parts'>
  readonly blobs: Pick<RepoServerStore['blobs'], 'page'>
  readonly address: Pick<PublicAddress, 'url'>
}

/** Exports of one account. They are read while they are sent, and have a place among those of `getRepo`. */
const EXPORT_LIMIT: PageLimit = { name: 'account-export', limit: 20, windowMs: 60 * 60 * 1000 }
const BLOBS_PER_PAGE = 500

/** `/account/export`: the repository, and a list of the files, as downloads: also of an account that is deactivated. */
export function createArchivePage({ host, blobs, address }: ArchivePageParts): OwnerPage {
  const { exports, exportGate } = host.parts

  const download = async (
    owner: Owner,
    type: string,
    ending: string,
    open: () => Promise<AsyncIterable<Uint8Array>>,
  ): Promise<Response> => {
    const { account, texts, visit } = owner
    await owner.limit([EXPORT_LIMIT])
    try {
      const body = await exportGate.stream({ did: account.did, address: visit.sighting.address }, open)
      const name = `${shownHandle(account)}.${ending}`
      return visit.with(
        new Response(streamOf(body), {
          headers: {
            'content-type': type,
            'content-disposition': `attachment; filename="${name}"`,
            'cache-control': 'no-store',
            'content-security-policy': `default-src 'none'; sandbox`,
            'x-content-type-options': 'nosniff',
          },
        }),
      )
    } catch (error) {
      if (!(error instanceof RepoServerError)) throw error
      if (error.code === 'too-many-at-once') throw new FormProblem(texts.archive.tooMany, 429)
      if (error.code === 'busy') throw new FormProblem(texts.archive.tooMany, 503)
      throw error
    }
  }

  const repo: OwnerForm = (owner) =>
    download(owner, 'application/vnd.ipld.car', 'car', () => exports.repo(owner.account.did, undefined))

  async function* addresses(did: Did): AsyncGenerator<Uint8Array, void> {
    const base = `${address.url()}/xrpc/com.atproto.sync.getBlob?${new URLSearchParams({ did }).toString()}&cid=`
    let after = ''
    for (;;) {
      const cids = await blobs.page(did, { since: undefined, after, limit: BLOBS_PER_PAGE })
      if (cids.length > 0) yield Buffer.from(cids.map((cid) => `${base}${cid}\n`).join(''))
      if (cids.length < BLOBS_PER_PAGE) return
      after = cids.at(-1)!
    }
  }
  const files: OwnerForm = (owner) =>
    download(owner, 'text/plain; charset=utf-8', 'files.txt', () =>
      Promise.resolve(addresses(owner.account.did)),
    )

  return {
    path: '/account/export',
    isGrave: false,
    title: (texts) => texts.archive.title,
    show: (owner) => Promise.resolve(owner.page(archivePage(owner))),
    forms: new Map([
      ['repo', repo],
      ['files', files],
    ]),
  }
}
