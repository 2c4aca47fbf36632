import { ComAtprotoRepoApplyWrites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { type RecordWrite, type RepoWriter, recordUri } from '@avocet/repo-server'

import type { AccountStore } from '../accounts/account-store.ts'
import type { Authorizer } from '../accounts/authorizer.ts'
import { ownRepo } from '../accounts/lookup.ts'
import { PdsError } from '../errors.ts'
import { REPO_WRITE_LIMITS, writeLimits } from '../http/rate-limits.ts'
import type { RecordLexicons } from '../repos/lexicons.ts'
import { checkRecord } from '../repos/validation.ts'

const MAX_WRITES = 200

/** Writes several records in one commit: all of them or none. */
export function applyWrites(
  router: Router,
  authorizer: Authorizer,
  accounts: AccountStore,
  writer: RepoWriter,
  lexicons: RecordLexicons,
  nextTid: () => string,
): void {
  const prepare = async (
    item: ComAtprotoRepoApplyWrites.Input['writes'][number],
    validate: boolean | undefined,
  ): Promise<RecordWrite> => {
    const { collection } = item
    if (item.$type === 'com.atproto.repo.applyWrites#delete') {
      return { action: 'delete', collection, rkey: item.rkey }
    }
    const { rkey, ...record } = await checkRecord(
      { collection, rkey: item.rkey, record: item.value, validate },
      lexicons,
      nextTid,
    )
    const action = item.$type === 'com.atproto.repo.applyWrites#update' ? 'update' : 'create'
    return { action, collection, rkey, record }
  }

  router.add(ComAtprotoRepoApplyWrites.main, {
    auth: (context) => authorizer.access(context),
    limits: REPO_WRITE_LIMITS,
    rateLimit: writeLimits((input) => costOf(input as ComAtprotoRepoApplyWrites.Input)),
    handler: async (context) => {
      const { input, auth } = context
      const did = ownRepo(accounts, input.repo, auth.did)
      if (input.writes.length > MAX_WRITES) {
        throw new PdsError('invalid-request', `Too many writes. Max: ${MAX_WRITES}`)
      }
      const writes: RecordWrite[] = []
      for (const item of input.writes) {
        // One after the other: with `validate` each may ask the network for a lexicon, and others have look-ups to make too.
        // oxlint-disable-next-line no-await-in-loop
        writes.push(await prepare(item, input.validate))
        if (input.validate === true && context.signal.aborted)
          throw new PdsError('upstream-timeout', 'The lexicons could not be looked up in time')
      }
      const { commit, cids } = await writer.write(did, writes, input.swapCommit)
      const results = writes.map((write, i) => {
        if (!('record' in write)) {
          return { $type: 'com.atproto.repo.applyWrites#deleteResult' as const }
        }
        const kind = write.action === 'create' ? 'createResult' : 'updateResult'
        return {
          $type: `com.atproto.repo.applyWrites#${kind}` as const,
          uri: recordUri(did, write.collection, write.rkey),
          cid: cids[i]!,
          ...(write.record.status === undefined ? {} : { validationStatus: write.record.status }),
        }
      })
      return { ...(commit === null ? {} : { commit }), results }
    },
  })
}

/** Points of a request: what its writes would cost one by one. */
function costOf({ writes }: ComAtprotoRepoApplyWrites.Input): number {
  let cost = 0
  for (const { $type } of writes) {
    cost +=
      $type === 'com.atproto.repo.applyWrites#create'
        ? 3
        : $type === 'com.atproto.repo.applyWrites#update'
          ? 2
          : 1
  }
  return cost
}
