import { ComAtprotoRepoImportRepo } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { RepoServerError } from '../error.ts'
import { createGate } from '../gates.ts'
import type { RepoHost } from '../host.ts'
import { ownerMethod } from '../owner-method.ts'

/** Asks that records which cannot stand here be left out, and named in the answer's headers. */
const SKIP_HEADER = 'avocet-skip-records'
/** Paths of left out records that the answer names. */
const SHOWN = 20

/** Replaces the repository of a deactivated account by the one in a CAR file. */
export function importRepo(router: Router, { parts }: RepoHost): void {
  const { limits, imports } = parts
  const gate = createGate('imports', limits.imports)
  const { needs, auth: owner } = ownerMethod(parts, 'com.atproto.repo.importRepo', {
    call: () => [{ resource: 'account', attr: 'repo', action: 'manage' }],
  })
  router.add(ComAtprotoRepoImportRepo.main, {
    needs,
    auth: async (context) => {
      const caller = await owner(context)
      // Refused before a body is taken in.
      if (!limits.acceptsImports) {
        throw new RepoServerError('invalid-request', 'Service is not accepting repo imports')
      }
      return caller
    },
    limits: { blobBytes: limits.importBytes ?? Infinity, handlerMs: 0 },
    handler: async (context) => {
      const skip = context.header(SKIP_HEADER) === 'true'
      const { auth, address } = context
      const skipped = await gate.run({ did: auth.did, address }, () =>
        imports.importCar(auth.did, context.input, skip),
      )
      if (!skip) return
      context.headers.set('avocet-skipped-records', String(skipped.length))
      if (skipped.length > 0) {
        const paths = skipped.slice(0, SHOWN).map(({ path }) => path)
        context.headers.set('avocet-skipped-paths', paths.join(' '))
      }
    },
  })
}
