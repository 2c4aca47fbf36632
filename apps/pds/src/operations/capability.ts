import type { Router } from '@avocet/xrpc-server'

import type { Chores } from './chores.ts'

/** What each part of the server hands the composition root, beside what other parts need of it. */
export interface Capability {
  /** Adds the methods that it owns. */
  methods(router: Router): void
  readonly chores: Chores
}

/** For a part that has none. */
export const NO_CHORES: Chores = { byAge: [], others: [] }

/** The chores of all parts. */
export function allChores(parts: readonly Pick<Capability, 'chores'>[]): Chores {
  return {
    byAge: parts.flatMap(({ chores }) => chores.byAge),
    others: parts.flatMap(({ chores }) => chores.others),
  }
}
