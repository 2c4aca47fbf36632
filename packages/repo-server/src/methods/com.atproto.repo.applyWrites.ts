import { ComAtprotoRepoApplyWrites } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { RepoNeed } from '../access.ts'
import { RepoServerError } from '../error.ts'
import type { RepoHost } from '../host.ts'
import type { RecordWrite } from '../plan.ts'
import { ownRepo } from '../repo-access.ts'
import { checkRecord } from '../validation.ts'
import { writeSettings } from '../write-settings.ts'
import { writtenRecord } from '../written-record.ts'

const MAX_WRITES = 200

type Item = ComAtprotoRepoApplyWrites.Input['writes'][number]

/** Writes several records in one commit: all of them or none. */
export function applyWrites(router: Router, { parts }: RepoHost): void {
  const prepare = async (item: Item, validate: boolean | undefined): Promise<RecordWrite> => {
    const { collection } = item
    if (item.$type === 'com.atproto.repo.applyWrites#delete') {
      return { action: 'delete', collection, rkey: item.rkey }
    }
    const given = { collection, rkey: item.rkey, record: item.value, validate }
    const { rkey, ...record } = await checkRecord(given, parts.checks)
    const action = item.$type === 'com.atproto.repo.applyWrites#update' ? 'update' : 'create'
    return { action, collection, rkey, record }
  }

  router.add(ComAtprotoRepoApplyWrites.main, {
    ...writeSettings<ComAtprotoRepoApplyWrites.Input>(
      parts,
      'com.atproto.repo.applyWrites',
      ({ writes }) => writes.map(neededFor),
      (input) => costOf(input as ComAtprotoRepoApplyWrites.Input),
    ),
    handler: async (context) => {
      const { input, auth } = context
      const did = await ownRepo(parts, input.repo, auth.did)
      if (input.writes.length > MAX_WRITES) {
        throw new RepoServerError('invalid-request', `Too many writes. Max: ${MAX_WRITES}`)
      }
      const writes: RecordWrite[] = []
      for (const item of input.writes) {
        // One after the other: with `validate` each may ask the network for a lexicon, and others have look-ups to make too.
        writes.push(await prepare(item, input.validate))
        if (input.validate === true && context.signal.aborted)
          throw new RepoServerError('lexicon-too-slow', 'The lexicons could not be looked up in time')
      }
      const { commit, cids } = await parts.writer.write(did, writes, input.swapCommit)
      const results = writes.map((write, i) => {
        if (!('record' in write)) {
          return { $type: 'com.atproto.repo.applyWrites#deleteResult' as const }
        }
        const kind = write.action === 'create' ? 'createResult' : 'updateResult'
        return {
          $type: `com.atproto.repo.applyWrites#${kind}` as const,
          ...writtenRecord(did, write, cids[i]!),
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

function neededFor({ $type, collection }: Item): RepoNeed {
  const action = $type.slice('com.atproto.repo.applyWrites#'.length) as 'create' | 'update' | 'delete'
  return { resource: 'repo', collection, action }
}
