import type { Authorizer } from './authorizer.ts'
import type { Caller } from './callers.ts'
import { requirePermissions, type Asked, type MethodNeeds } from './needs.ts'

/** Settings of a method of the signed-in account: spread them into its entry at the router. */
export interface AccountMethod {
  /** For `methods()` of the router. */
  readonly needs: MethodNeeds
  readonly auth: (context: Asked) => Promise<Caller>
  readonly permit: (context: { readonly auth: Caller; readonly input: unknown }) => void
}

/** A method that an account calls: what it asks of every way to sign in, and how that is looked at. */
export function accountMethod(authorizer: Pick<Authorizer, 'access'>, needs: MethodNeeds): AccountMethod {
  const ofInput = needs.oauth?.input
  return {
    needs,
    auth: (context) => authorizer.access(context, needs),
    permit: ({ auth, input }) => {
      if (ofInput !== undefined) requirePermissions(auth, ofInput(input as never))
    },
  }
}
