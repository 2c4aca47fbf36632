import type { RepoServerStore } from '@avocet/repo-server'

import type { PublicAddress } from '../../identity/address.ts'
import type { Quotas } from '../../repos/quotas.ts'
import { overviewPage } from '../views/account/overview.ts'
import type { OwnerPage } from './owner-page.ts'

/** What the overview composes. */
export interface OverviewParts {
  readonly address: Pick<PublicAddress, 'url'>
  readonly quotas: Pick<Quotas, 'of'>
  readonly blobs: Pick<RepoServerStore['blobs'], 'bytes'>
}

/** `/account`: what the account is, and how it stands. */
export function createOverview({ address, quotas, blobs }: OverviewParts): OwnerPage {
  return {
    path: '/account',
    isGrave: false,
    title: ({ account }) => account.overview.title,
    show: async ({ texts, account, url, page }) => {
      const { did } = account
      const [{ blobBytes: limit }, used] = await Promise.all([quotas.of(did), blobs.bytes(did)])
      const leavingUrl = url('/account/leaving')
      return page(overviewPage(texts, { account, server: address.url(), used, limit, leavingUrl }))
    },
  }
}
