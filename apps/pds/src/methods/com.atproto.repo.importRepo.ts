import { ComAtprotoRepoImportRepo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import type { RepoImports } from '../repos/imports.ts'

/** Replaces the repository of a deactivated account by the one in a CAR file. */
export function importRepo(
  router: Router,
  authorizer: Authorizer,
  imports: RepoImports,
  limit: number,
): void {
  router.add(ComAtprotoRepoImportRepo.main, {
    auth: (context) => authorizer.access(context, { full: true, deactivated: true }),
    limits: { blobBytes: limit, handlerMs: 0 },
    handler: ({ input, auth }) => imports.importCar(auth.did, input),
  })
}
