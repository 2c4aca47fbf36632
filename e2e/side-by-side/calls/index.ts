// All tables, in the order in which they are made: later ones use what earlier ones saved.
import type { Call } from '../calls.ts'
import { accountCalls } from './accounts.ts'
import { adminCalls } from './admin.ts'
import { authorizationCalls } from './authorization.ts'
import { identityCalls } from './identity.ts'
import { pageCalls } from './pages.ts'
import { preferenceCalls } from './preferences.ts'
import { repoCalls } from './repo.ts'
import { serverCalls } from './server.ts'
import { syncCalls } from './sync.ts'

/** The calls by the name of their table. */
export const TABLES: Readonly<Record<string, readonly Call[]>> = {
  accounts: accountCalls,
  server: serverCalls,
  repo: repoCalls,
  sync: syncCalls,
  identity: identityCalls,
  admin: adminCalls,
  pages: pageCalls,
  preferences: preferenceCalls,
  authorization: authorizationCalls,
}
