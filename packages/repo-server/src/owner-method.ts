import type { RequestInfo } from '@avocet/xrpc-server'

import type { OwnerCall, RepoCaller, RepoNeed } from './access.ts'
import type { RepoParts } from './host.ts'

/** What a call needs, beside its caller being the owner. Nothing more without either. */
export interface OwnerNeeds<I = unknown> {
  /** Known by the request's headers. */
  readonly call?: (request: Pick<RequestInfo, 'header'>) => readonly RepoNeed[]
  /** Known once its input was read. */
  readonly input?: (input: I) => readonly RepoNeed[]
}

/** Settings of a method of an owner. */
export interface OwnerSettings<I> {
  readonly needs: OwnerNeeds<I>
  readonly auth: (request: RequestInfo) => Promise<RepoCaller>
  readonly permit: (context: { readonly auth: RepoCaller; readonly input: I }) => Promise<void>
}

/** Who calls a method, and whether they may: told as soon as it is known what the call needs. */
export function ownerMethod<I = unknown>(
  { options: { access } }: Pick<RepoParts, 'options'>,
  method: string,
  needs: OwnerNeeds<I> = {},
): OwnerSettings<I> {
  const call: OwnerCall = { method }
  return {
    needs,
    auth: async (request) => {
      const caller = await access.authorize(request, call)
      if (needs.input === undefined) await access.permit?.(caller, needs.call?.(request) ?? [], call)
      return caller
    },
    permit: async ({ auth, input }) => {
      if (needs.input !== undefined) await access.permit?.(auth, needs.input(input), call)
    },
  }
}
