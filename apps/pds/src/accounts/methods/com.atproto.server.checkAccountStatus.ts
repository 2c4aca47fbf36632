import type { AccountStore } from '@avocet/accounts'
import { ComAtprotoServerCheckAccountStatus } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'
import { formatCid } from '@avocet/data'
import type { RepoServerStore } from '@avocet/repo-server'

import { accountStatus } from '../../account.ts'
import { accountMethod } from '../../auth/account-method.ts'
import type { Authorizer } from '../../auth/authorizer.ts'
import { ANY_APP } from '../../auth/needs.ts'
import { countPreferences } from '../preferences.ts'
import { PdsError } from '../../errors.ts'
import type { DocumentChecks } from '../../identity/document-checks.ts'

/** How far an account has got in moving here. */
export function checkAccountStatus(
  router: Router,
  authorizer: Authorizer,
  store: Pick<AccountStore, 'accounts' | 'secrets'>,
  documents: DocumentChecks,
  { repos, records, blobs }: RepoServerStore,
): void {
  router.add(ComAtprotoServerCheckAccountStatus.main, {
    ...accountMethod(authorizer, { deactivated: true, takendown: true, oauth: ANY_APP }),
    handler: async ({ auth: { did } }) => {
      const head = await repos.getHead(did)
      const problem = await documents.problem(did)
      const { expected, imported } = await blobs.counts(did)
      if (head === null) throw new PdsError('repo-not-found', `Could not find repo for DID: ${did}`)
      return {
        activated: accountStatus((await store.accounts.get(did))!).active,
        validDid: problem === null,
        repoCommit: formatCid(head.commit),
        repoRev: head.rev,
        repoBlocks: await repos.countBlocks(did),
        indexedRecords: await records.count(did),
        privateStateValues: await countPreferences(store, did),
        expectedBlobs: expected,
        importedBlobs: imported,
      }
    },
  })
}
