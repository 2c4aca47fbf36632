import type { AccountRows } from '@avocet/accounts'
import { isDid, parseAtUri } from '@avocet/syntax'
import type { RecordReader } from '@avocet/repo-server'

import { accountStatus } from '../account.ts'
import { findAccount } from '../auth/lookup.ts'
import { PdsError } from '../errors.ts'
import type { Forwarded } from '../proxy/forward.ts'
import { GET_FEED, GET_FEED_SKELETON } from '../proxy/methods.ts'
import type { FindRemoteRecord, RecordName } from '../proxy/remote-records.ts'

/** The value of a record, here or elsewhere; null when there is none. */
export type ReadValue = (
  name: RecordName,
  address: string | null,
) => Promise<{ readonly [field: string]: unknown } | null>

/**
 * What the token for `app.bsky.feed.getFeed` says. The AppView hands it on to the generator of the feed, which has to
 * believe that it speaks to the user: its audience is the generator, its method what the generator is asked.
 * @returns null for every other method
 * @throws PdsError `invalid-request`, `unknown-feed`
 */
export function createFeedClaims(
  readValue: ReadValue,
): (forwarded: Forwarded) => Promise<{ aud: string; lxm: string } | null> {
  return async ({ nsid, request, address }) => {
    if (nsid !== GET_FEED) return null
    const parsed = parseAtUri(new URL(request.url).searchParams.get('feed') ?? '')
    if (!parsed.ok) throw new PdsError('invalid-request', 'feed must be a valid at-uri')
    const { authority: repo, collection, rkey } = parsed.value
    const value =
      collection === undefined || rkey === undefined
        ? null
        : await readValue({ repo, collection, rkey }, address)
    const did = value?.['did']
    if (!isDid(did)) throw new PdsError('unknown-feed', 'could not resolve feed did')
    return { aud: did, lxm: GET_FEED_SKELETON }
  }
}

/** Reads from the repositories that are served here, and asks elsewhere for others. */
export function createReadValue(
  accounts: AccountRows,
  records: RecordReader,
  findRemote: FindRemoteRecord,
): ReadValue {
  return async (name, address) => {
    const account = await findAccount(accounts, name.repo)
    if (account === null || !accountStatus(account).active)
      return (await findRemote(name, address))?.value ?? null
    const record = await records.get(account.did, name.collection, name.rkey)
    return record === null || record.takedownRef !== null ? null : record.value
  }
}
