import type { Did } from '@avocet/syntax'

import type { PublicAddress } from '../../identity/address.ts'
import type { Quotas } from '../../repos/quotas.ts'
import { overviewPage } from '../views/account/overview.ts'
import type { OwnerPage } from './owner-page.ts'

/** What the overview composes. */
export interface OverviewParts {
  readonly address: Pick<PublicAddress, 'url'>
  readonly quotas: Pick<Quotas, 'of'>
  /** Bytes of all blobs of an account. */
  readonly blobBytes: (did: Did) => Promise<number>
}

/** `/account`: what the account is, and how it stands. */
export function createOverview({ address, quotas, blobBytes }: OverviewParts): OwnerPage {
  return {
    path: '/account',
    isGrave: false,
    title: ({ account }) => account.overview.title,
    show: async ({ texts, account, page }) => {
      const { did } = account
      const [{ blobBytes: limit }, used] = await Promise.all([quotas.of(did), blobBytes(did)])
      return page(overviewPage(texts, { account, server: address.url(), used, limit }))
    },
  }
}
