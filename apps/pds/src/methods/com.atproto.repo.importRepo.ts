import { ComAtprotoRepoImportRepo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import type { Authorizer } from '../accounts/authorizer.ts'
import { PdsError } from '../errors.ts'
import type { RepoImports } from '../repos/imports.ts'

/** Replaces the repository of a deactivated account by the one in a CAR file. */
export function importRepo(
  router: Router,
  authorizer: Authorizer,
  imports: RepoImports,
  limit: number,
  accepting: boolean,
): void {
  router.add(ComAtprotoRepoImportRepo.main, {
    auth: async (context) => {
      const caller = await authorizer.access(context, { full: true, deactivated: true })
      // Refused before a body is taken in.
      if (!accepting) throw new PdsError('invalid-request', 'Service is not accepting repo imports')
      return caller
    },
    limits: { blobBytes: limit, handlerMs: 0 },
    handler: ({ input, auth }) => imports.importCar(auth.did, input),
  })
}
