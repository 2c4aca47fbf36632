import type { BlobRef } from '@avocet/data'
import { ComAtprotoRepoUploadBlob } from '@avocet/lexicons/com.atproto'
import type { Router } from '@avocet/xrpc-server'

import { createGate } from '../gates.ts'
import type { RepoHost } from '../host.ts'
import { ownerMethod } from '../owner-method.ts'
import { declaredType } from '../uploads.ts'

const METHOD = 'com.atproto.repo.uploadBlob'

/** Takes in a blob of the caller, or of a service that the account has authorized for this (video processing). */
export function uploadBlob(router: Router, { parts }: RepoHost): void {
  const { options, limits, uploads } = parts
  const gate = createGate('uploads', limits.uploads)
  const rule = options.rateLimits?.upload
  const owner = ownerMethod(parts, METHOD, {
    call: ({ header }) => [{ resource: 'blob', mime: declaredType(header('content-type')) }],
  })
  router.add(ComAtprotoRepoUploadBlob.main, {
    ...owner,
    ...(rule === undefined ? {} : { rateLimit: rule }),
    limits: { blobBytes: limits.blobBytes, handlerMs: 0 },
    handler: async ({ input, encoding, auth, address }) => {
      const permit = async (mime: string): Promise<void> =>
        options.access.permit?.(auth, [{ resource: 'blob', mime }], { method: METHOD })
      const upload = (): Promise<BlobRef> => uploads.upload(auth.did, input, encoding, permit)
      return { blob: await gate.run({ did: auth.did, address }, upload) }
    },
  })
}
